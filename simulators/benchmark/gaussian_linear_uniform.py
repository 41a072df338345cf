"""sbibm's Gaussian linear uniform: ten means with uniform priors that cut the posterior."""

from __future__ import annotations

from sbiwb.core.distributions import Uniform

from ._linear import LinearSimulator, same_for_all


class GaussianLinearUniform(LinearSimulator):
    """x | θ ~ N(θ, 0.1 I) with θ uniform on [−1, 1]^10; 0.1 is a variance.

    The posterior is N(x, 0.1 I), cut to the prior's box.

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.2.
    """

    name = "benchmark.gaussian_linear_uniform"
    prior = same_for_all(Uniform(-1.0, 1.0))
