"""sbibm's Gaussian linear: ten means with normal priors, one noisy measurement of each."""

from __future__ import annotations

import math

from sbiwb.core.distributions import Normal

from ._linear import LinearSimulator, same_for_all


class GaussianLinear(LinearSimulator):
    """x | θ ~ N(θ, 0.1 I) with θ ~ N(0, 0.1 I), in ten dimensions; 0.1 is a variance.

    The posterior is N(x/2, 0.05 I).

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.1.
    """

    name = "benchmark.gaussian_linear"
    prior = same_for_all(Normal(0.0, math.sqrt(0.1)))
