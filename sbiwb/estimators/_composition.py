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
from sbiwb.rng import global_streams

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
        drawn, step = [], max(1, ROWS // n)
        with global_streams(int(rng.integers(2**63)), "composed"), torch.no_grad():
            for start in range(0, len(x), step):
                data = x[start : start + step]
                field, noise = self._field(data), torch.randn(len(data) * n, self._prior.dim)
                z = in_chunks(lambda t, f=field: self._moved(f, t), noise, rows=ROWS)
                drawn.append(self._prior.from_unconstrained(z).reshape(len(data), n, -1))
        return np.concatenate(drawn)

    def log_prob(self, theta: Array, x: Array) -> Array:
        value = np.full(len(theta), -np.inf)
        inside = np.flatnonzero(np.isfinite(self._prior.log_prob(theta)))
        shared = x.strides[0] == 0  # one datum, repeated: it is composed once
        for rows in np.split(inside, range(ROWS, len(inside), ROWS)):
            if len(rows):
                z = to_tensor(self._prior.to_unconstrained(theta[rows]))
                field = self._field(x[:1] if shared else x[rows])
                density = in_chunks(lambda t, f=field: log_density(f, t, self._steps), z)
                value[rows] = density - self._prior.log_abs_det(theta[rows])
        return value

    def state(self) -> tuple[dict[str, object], dict[str, Array]]:
        return self.one.state()

    def _moved(self, field: Rate, noise: torch.Tensor) -> torch.Tensor:
        """Points that a field makes of noise."""
        return integrate(field, noise, 0.0, 1.0, self._steps)

    def _field(self, x: Array) -> Rate:
        """Velocity, at any time, of as many points for each of data x (m, repeats, *shape)."""
        m, d = len(x), self._prior.dim
        told = to_tensor(self.one.condition(x.reshape(-1, *x.shape[2:])))
        conditions = told.reshape(m, self.repeats, 1, -1)
        precisions = self._precisions(told).reshape(m, self.repeats, d, d)
        identity = torch.eye(d)

        def velocity(points: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            # All precisions are multiplied by the noise's variance, which makes the prior's 1.
            signal = torch.sin(0.5 * math.pi * time) ** 2
            each = (1 - signal) * precisions + signal * identity
            whole = each.sum(1, keepdim=True) - prior_surplus(self.repeats) * identity
            shares = torch.linalg.solve(whole, each)
            repeated = points.reshape(m, 1, -1, d).expand(-1, self.repeats, -1, -1)
            among = conditions.expand(-1, -1, repeated.shape[2], -1)
            single = self._net(repeated.flatten(0, 2), among.flatten(0, 2), time)
            total: torch.Tensor = (single.view(repeated.shape) @ shares.mT).sum(1)
            return total.flatten(0, 1)

        return velocity

    def _precisions(self, told: torch.Tensor) -> torch.Tensor:
        """Inverse covariance of z that each datum leaves, told as (n, k); shape (n, d, d).

        From the same noise for each: what a datum leaves does not depend on those beside it.
        """
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(PRECISION_DRAWS, self._prior.dim, generator=generator)

        def drawn(told: torch.Tensor) -> torch.Tensor:
            among = told.repeat_interleave(PRECISION_DRAWS, 0)
            start = noise.repeat(len(told), 1)
            z = integrate(lambda t, s: self._net(t, among, s), start, 0.0, 1.0)
            return z.reshape(len(told), *noise.shape)

        with torch.no_grad():
            z = in_chunks(drawn, told, rows=max(1, ROWS // PRECISION_DRAWS))
        off = z - z.mean(axis=1, keepdims=True)
        values, vectors = np.linalg.eigh(off.swapaxes(1, 2) @ off / (PRECISION_DRAWS - 1))
        scaled = vectors / np.clip(values, 1e-12, WIDEST)[:, np.newaxis]
        return to_tensor(scaled @ vectors.swapaxes(1, 2))
