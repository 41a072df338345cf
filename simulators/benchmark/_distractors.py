"""The distractors of SLCP: noise that does not depend on θ, and the order of all entries.

sbibm draws both from NumPy's legacy generator with seed 42, whose stream is frozen, so they are
made again here rather than read from its files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from sbiwb.core.distinct import at_distinct
from sbiwb.core.distributions import Array

from ._slcp import DIM

NOISE_DIM = 92
COMPONENTS = 20
FREEDOM = 2.0
_SEED = 42
# Rows whose density is computed together: so few that they stay in the processor's cache.
_AT_ONCE = 100


@dataclass(frozen=True)
class Distractors:
    """A mixture, in equal parts, of multivariate Student distributions.

    Parameters
    ----------
    location : ndarray, shape (20, 92)
    scale : ndarray, shape (20, 92, 92)
        Lower triangular factors of the scale matrices.  Entries of the diagonal may be negative.
    order : ndarray of int, shape (100,)
        Entry j of x is entry ``order[j]`` of (points, noise).
    """

    location: Array
    scale: Array
    order: NDArray[np.int64]

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Draw noise; shape (n, 92)."""
        which = rng.integers(COMPONENTS, size=n)
        z = rng.standard_normal((n, NOISE_DIM))
        z *= np.sqrt(FREEDOM / rng.chisquare(FREEDOM, n))[:, np.newaxis]
        noise = np.empty((n, NOISE_DIM))
        for k in range(COMPONENTS):
            rows = which == k
            noise[rows] = self.location[k] + z[rows] @ self.scale[k].T
        return noise

    def log_density(self, noise: Array) -> Array:
        """Log density of noise (n, 92), or one for all (92,); shape (n,) or ()."""
        if noise.ndim == 1:
            return self.log_density(noise[np.newaxis])[0]
        return at_distinct(self._in_parts, noise)

    def _in_parts(self, noise: Array) -> Array:
        parts = [noise[k : k + _AT_ONCE] for k in range(0, len(noise), _AT_ONCE)]
        return np.concatenate([self._log_density(part) for part in parts])

    def _log_density(self, noise: Array) -> Array:
        dim = noise.shape[1]
        half = (FREEDOM + dim) / 2
        norm = gammaln(half) - gammaln(FREEDOM / 2) - dim / 2 * np.log(FREEDOM * np.pi)
        # Forward substitution in a fixed order: the factors are so ill conditioned (1e12 to 1e18)
        # that blocked solvers give other values for a row alone than for the row among others.
        rest = noise.T[:, np.newaxis] - self.location.T[:, :, np.newaxis]
        distance = np.zeros(rest.shape[1:])
        for k in range(dim):
            z = rest[k] / self.scale[:, k, k, np.newaxis]
            distance += z**2
            rest[k + 1 :] -= self.scale[:, k + 1 :, k].T[:, :, np.newaxis] * z
        log_det = np.sum(np.log(np.abs(np.diagonal(self.scale, axis1=1, axis2=2))), axis=1)
        each = norm - log_det[:, np.newaxis] - half * np.log1p(distance / FREEDOM)
        return np.asarray(logsumexp(each, axis=0) - np.log(COMPONENTS))


@cache
def published_distractors() -> Distractors:
    """The distractors of sbibm."""
    frozen = np.random.RandomState(_SEED)
    location = np.stack([15 * frozen.normal(size=NOISE_DIM) for _ in range(COMPONENTS)])
    scale = np.empty((COMPONENTS, NOISE_DIM, NOISE_DIM))
    for k in range(COMPONENTS):
        lower = np.tril(frozen.normal(size=(NOISE_DIM, NOISE_DIM)))
        scale[k] = 3 * (lower + np.diag(np.exp(frozen.normal(size=NOISE_DIM))))
    return Distractors(location, scale, frozen.permutation(NOISE_DIM + DIM))
