"""sbibm's Bernoulli GLM: the sufficient statistics of a neuron's spikes under white noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import Output

from . import _bernoulli
from ._published import PublishedSimulator

if TYPE_CHECKING:
    import torch


class BernoulliGLM(PublishedSimulator):
    """Number of spikes, and the sum of the stimulus at lags 0 to 8 before them.

    Notes
    -----
    These are the sufficient statistics Xᵀy of a spike train y.  No two of the 2¹⁰⁰ trains share
    them, since the stimulus is continuous, so their probability is that of the train.

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.5.
    """

    name = "benchmark.bernoulli_glm"
    output = Output((1 + _bernoulli.FILTER,))

    def __init__(self) -> None:
        self.prior = _bernoulli.prior()

    def mean(self, theta: Array) -> Array:
        """Expected x for each row of theta (n, 10); shape (n, 10)."""
        return np.asarray(_bernoulli.probability(theta) @ _bernoulli.design())

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        return np.asarray(_bernoulli.draw(theta, rng) @ _bernoulli.design())

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """Log probability of x (n, 10) or (10,) for each row of theta (n, 10); shape (n,)."""
        value: Array = _bernoulli.log_probability(theta, x, np)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        import torch

        value: torch.Tensor = _bernoulli.log_probability(theta, x, torch)
        return value
