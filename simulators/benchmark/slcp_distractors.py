"""sbibm's SLCP with distractors: the eight numbers of SLCP among ninety-two of noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import Output

from . import _slcp
from ._distractors import NOISE_DIM, published_distractors
from ._published import PublishedSimulator

if TYPE_CHECKING:
    import torch


class SLCPDistractors(PublishedSimulator):
    """SLCP's eight numbers and 92 that say nothing of θ, in a fixed random order.

    The distractors are a mixture of twenty multivariate Student distributions with two degrees of
    freedom, the same for all simulations: their variance is infinite.  The posterior is SLCP's.

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.4.
    """

    name = "benchmark.slcp_distractors"
    prior = _slcp.PRIOR
    output = Output((_slcp.DIM + NOISE_DIM,))

    def __init__(self) -> None:
        self._distractors = published_distractors()
        # Entry j of (points, noise) is entry place[j] of x.
        self._place = np.argsort(self._distractors.order)
        # The density of the noise is dear and does not depend on θ: samplers ask for it again.
        self._known = np.empty((0, NOISE_DIM)), np.empty(0)

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        noise = self._distractors.draw(len(theta), rng)
        return np.hstack([_slcp.draw(theta, rng), noise])[:, self._distractors.order]

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, 5) and x (n, 100) or (100,); (n,)."""
        points, noise = np.split(x[..., self._place], [_slcp.DIM], axis=-1)
        value: Array = _slcp.log_density(theta, points, np) + self._noise_density(noise)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        import torch

        noise = x[..., self._place[_slcp.DIM :]].detach().numpy()
        constant = torch.as_tensor(self._noise_density(noise))
        value: torch.Tensor = _slcp.log_density(theta, x[..., self._place[: _slcp.DIM]], torch)
        return value + constant

    def _noise_density(self, noise: Array) -> Array:
        if not np.array_equal(noise, self._known[0]):
            self._known = noise.copy(), self._distractors.log_density(noise)
        return self._known[1]
