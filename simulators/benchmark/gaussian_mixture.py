"""sbibm's Gaussian mixture: a mean seen through wide or narrow noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array, Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output

from ._normal import isotropic_log_density
from ._published import PublishedSimulator

if TYPE_CHECKING:
    import torch

WIDE, NARROW = 1.0, 0.1


class GaussianMixture(PublishedSimulator):
    """x | θ ~ ½ N(θ, I) + ½ N(θ, 0.01 I) with θ uniform on [−10, 10]².

    Wide or narrow is chosen once for both coordinates of x.

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.7.  Before sbibm 1.1.0 all simulations of
    a batch shared the choice, and the scores in the paper suffer from it.
    """

    name = "benchmark.gaussian_mixture"
    prior = Prior(
        tuple(
            Parameter(f"theta{k}", Uniform(-10.0, 10.0), label=rf"\theta_{{{k}}}") for k in (1, 2)
        )
    )
    output = Output((2,))

    def mean(self, theta: Array) -> Array:
        """Predicted x for each row of theta (n, 2); shape (n, 2)."""
        return np.array(theta, dtype=np.float64)

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        sd = np.where(rng.random((len(theta), 1)) < 0.5, WIDE, NARROW)
        return theta + sd * rng.standard_normal(theta.shape)

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, 2) and x (n, 2) or (2,); (n,)."""
        wide, narrow = (isotropic_log_density(x - theta, sd) for sd in (WIDE, NARROW))
        value: Array = np.logaddexp(wide, narrow) - math.log(2)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        wide, narrow = (isotropic_log_density(x - theta, sd) for sd in (WIDE, NARROW))
        return wide.logaddexp(narrow) - math.log(2)
