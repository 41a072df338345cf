"""What Gaussian linear tasks share: ten numbers, each measured once with noise of variance 0.1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array, Distribution
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output

from ._normal import isotropic_log_density
from ._published import PublishedSimulator

if TYPE_CHECKING:
    import torch

DIM = 10
NOISE = math.sqrt(0.1)


class LinearSimulator(PublishedSimulator):
    """x | θ ~ N(θ, 0.1 I) in ten dimensions."""

    output = Output((DIM,))

    def mean(self, theta: Array) -> Array:
        """Predicted x for each row of theta (n, 10); shape (n, 10)."""
        return np.array(theta, dtype=np.float64)

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        return theta + NOISE * rng.standard_normal(theta.shape)

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, 10) and x (n, 10) or (10,); (n,)."""
        value: Array = isotropic_log_density(x - theta, NOISE)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        value: torch.Tensor = isotropic_log_density(x - theta, NOISE)
        return value


def same_for_all(distribution: Distribution) -> Prior:
    """Independent parameters theta1 … theta10 with one distribution."""
    names = [(f"theta{k}", rf"\theta_{{{k}}}") for k in range(1, DIM + 1)]
    return Prior(tuple(Parameter(name, distribution, label=label) for name, label in names))
