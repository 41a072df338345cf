"""sbibm's Bernoulli GLM, raw: a neuron's spikes in a hundred bins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import Output

from . import _bernoulli
from ._published import PublishedSimulator

if TYPE_CHECKING:
    import torch


class BernoulliGLMRaw(PublishedSimulator):
    """Whether the neuron of `benchmark.bernoulli_glm` fires in each bin: zeros and ones.

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.6.
    """

    name = "benchmark.bernoulli_glm_raw"
    output = Output((_bernoulli.BINS,))

    def __init__(self) -> None:
        self.prior = _bernoulli.prior()

    def mean(self, theta: Array) -> Array:
        """Probability of a spike in each bin for each row of theta (n, 10); shape (n, 100)."""
        return _bernoulli.probability(theta)

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        return _bernoulli.draw(theta, rng)

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """Log probability of x (n, 100) or (100,) for each row of theta (n, 10); shape (n,)."""
        value: Array = _bernoulli.log_probability(theta, x @ _bernoulli.design(), np)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        import torch

        sufficient = x @ torch.as_tensor(_bernoulli.design())
        value: torch.Tensor = _bernoulli.log_probability(theta, sufficient, torch)
        return value
