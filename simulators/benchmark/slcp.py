"""sbibm's SLCP: simple likelihood, complex posterior with four symmetric modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import Output

from . import _slcp
from ._published import PublishedSimulator

if TYPE_CHECKING:
    import torch


class SLCP(PublishedSimulator):
    """Four points from a normal distribution in the plane, given by θ uniform on [−3, 3]⁵.

    Its means are θ1 and θ2, its standard deviations θ3² and θ4², its correlation tanh θ5.  x holds
    the two coordinates of the first point, then of the second, and so on.

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.3; Papamakarios, Sterratt & Murray
    (2019), arXiv:1805.07226.
    """

    name = "benchmark.slcp"
    prior = _slcp.PRIOR
    output = Output((_slcp.DIM,))

    def mean(self, theta: Array) -> Array:
        """Predicted x for each row of theta (n, 5); shape (n, 8)."""
        return np.tile(theta[:, :2], _slcp.POINTS)

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        return _slcp.draw(theta, rng)

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, 5) and x (n, 8) or (8,); (n,)."""
        value: Array = _slcp.log_density(theta, x, np)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        import torch

        value: torch.Tensor = _slcp.log_density(theta, x, torch)
        return value
