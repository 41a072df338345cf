"""The posterior of several independent data from the scores that one datum has each.

Posteriors multiply, but for the prior, which n of them would count n times.  Along a diffusion that
is so only without noise; with noise a Gaussian approximation of what each datum leaves of the
parameters puts the scores together (Linhart, Cardoso, Gramfort, Le Corff & Rodrigues 2024,
arXiv:2404.07593, GAUSS; Geffner, Papamakarios & Mnih 2023, arXiv:2209.14249, for the idea):

    score = Λ⁻¹ (Σᵢ Pᵢ scoreᵢ + (1 − n) P₀ score₀),  Λ = Σᵢ Pᵢ + (1 − n) P₀,

where the P are precisions of the parameters given what they are with noise.  In the prior's
unconstrained space score₀ is that of a standard normal at all times, and of the velocities nothing
but Λ⁻¹ Σᵢ Pᵢ vᵢ remains.  It is exact where the posteriors of single data are Gaussian there.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from sbiwb.core.distributions import Array
from sbiwb.estimators._flow import in_chunks, to_tensor
from sbiwb.estimators._matching import STEPS, FlowMatching, Rate, integrate, log_density
from sbiwb.estimators._posterior import FlowPosterior
from sbiwb.estimators.base import LearnedPosterior
from sbiwb.rng import global_streams, stream

PRECISION_DRAWS = 400
"""Draws from which the covariance that one datum leaves is estimated."""
STEPS_EACH = 4
"""Steps grow as posteriors narrow: five data want twelve for errors of 10⁻⁴ of a width."""
ROWS = 1000
"""Points that are moved at once: what lies between the layers then stays in the cache."""
WIDEST = 1.0
"""Variance at most that one datum leaves, in units of the prior's: it may not unlearn."""


def prior_surplus(repeats: int) -> int:
    """How many times too often the prior is in a product of posteriors."""
    return repeats - 1


class ComposedPosterior(LearnedPosterior):
    """q(θ | x₁ … xₙ), from a network `one` of q(θ | xᵢ) on whose target no map depends on x.

    Draws and their exact density are those of one differential equation.
    """

    def __init__(self, one: LearnedPosterior, repeats: int) -> None:
        assert isinstance(one, FlowPosterior)
        assert isinstance(one.flow, FlowMatching)
        self.one, self.repeats, self.log = one, repeats, one.log
        self._net, self._prior = one.flow.net, one.prior
        self._steps = max(STEPS, math.ceil(STEPS_EACH * math.sqrt(repeats)))

    def sample(self, n: int, x: Array, rng: np.random.Generator) -> Array:
        drawn = []
        with global_streams(int(rng.integers(2**63)), "composed"), torch.no_grad():
            for data in x:
                field, noise = self._field(data), torch.randn(n, self._prior.dim)
                z = in_chunks(lambda t, f=field: self._moved(f, t), noise, rows=ROWS)
                drawn.append(self._prior.from_unconstrained(z))
        return np.stack(drawn)

    def log_prob(self, theta: Array, x: Array) -> Array:
        value = np.full(len(theta), -np.inf)
        inside = np.flatnonzero(np.isfinite(self._prior.log_prob(theta)))
        # The same data, row after row, are composed once.
        together = [inside] if x.strides[0] == 0 else inside[:, np.newaxis]
        for rows in together:
            if len(rows):
                z = self._prior.to_unconstrained(theta[rows])
                field = self._field(x[rows[0]])
                density = in_chunks(
                    lambda t, f=field: log_density(f, t, self._steps), to_tensor(z), rows=ROWS
                )
                value[rows] = density - self._prior.log_abs_det(theta[rows])
        return value

    def state(self) -> tuple[dict[str, object], dict[str, Array]]:
        return self.one.state()

    def _moved(self, field: Rate, noise: torch.Tensor) -> torch.Tensor:
        """Points that a field makes of noise."""
        return integrate(field, noise, 0.0, 1.0, self._steps)

    def _field(self, data: Array) -> Rate:
        """Velocity of the parameters given data (repeats, *shape), as a function of time."""
        conditions = to_tensor(self.one.condition(data))
        precisions = self._precisions(data)
        identity = torch.eye(self._prior.dim)

        def velocity(points: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            # All precisions are multiplied by the noise's variance, which makes the prior's 1.
            signal = torch.sin(0.5 * math.pi * time) ** 2
            each = (1 - signal) * precisions + signal * identity
            whole = each.sum(0) - prior_surplus(self.repeats) * identity
            shares = torch.linalg.solve(whole, each)
            total = torch.zeros_like(points)
            for condition, share in zip(conditions, shares, strict=True):
                told = condition.expand(len(points), -1)
                total = total + self._net(points, told, time) @ share.mT
            return total

        return velocity

    def _precisions(self, data: Array) -> torch.Tensor:
        """Inverse covariance of z that each datum leaves; shape (repeats, d, d)."""
        drawn = self.one.sample(PRECISION_DRAWS, data, stream(0, "precisions"))
        inverses = []
        for theta in drawn:
            covariance = np.atleast_2d(np.cov(self._prior.to_unconstrained(theta), rowvar=False))
            values, vectors = np.linalg.eigh(covariance)
            inverses.append((vectors / np.clip(values, 1e-12, WIDEST)) @ vectors.T)
        return to_tensor(np.stack(inverses))
