"""Draws and truth of each simulation as one pool, in which nothing marks the truth.

Moments of the draws alone treat them better than the truth, which had no part in them; moments of
the pool treat all alike, so that ranks within it are exactly uniform if the draws are exact.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sbiwb.core.distributions import Array

# Numbers handled at a time.
_CHUNK = 2**20


def pools(
    theta: Array, samples: Array, members: int | None = None
) -> Iterator[tuple[slice, Array]]:
    """Standardised pools of a few simulations each.

    Parameters
    ----------
    theta : ndarray, shape (N, d)
    samples : ndarray, shape (L, N, d)
    members : int, optional
        Members of all pools that are handled at a time.

    Yields
    ------
    which : slice
        The simulations.
    z : ndarray, shape (n, L + 1, d)
        The truth first, then the draws, less their mean and divided by their standard deviation;
        zero where a pool does not vary.
    """
    n, d = theta.shape
    rows = max(1, (members or _CHUNK // d) // (len(samples) + 1))
    for start in range(0, n, rows):
        which = slice(start, start + rows)
        z = np.concatenate([theta[np.newaxis, which], samples[:, which]]).swapaxes(0, 1)
        # A parameter far from zero keeps its digits.
        z = z.astype(np.float64) - theta[which, np.newaxis]
        z -= z.mean(axis=1, keepdims=True)
        sd = np.sqrt(np.mean(z**2, axis=1, keepdims=True))
        yield which, np.ascontiguousarray(z / np.where(sd > 0, sd, 1.0))


def ellipsoid_distances(theta: Array, samples: Array) -> tuple[Array, Array]:
    """Squared Mahalanobis distances of the truth (N,) and of the draws (L, N) from their mean.

    The correlation matrix of the pool is shrunk towards none, with a weight of d / L: it is
    learned from L + 1 points.
    """
    n, d = theta.shape
    length = len(samples)
    weight = min(1.0, d / length)
    truth, draws = np.empty(n), np.empty((length, n))
    for which, z in pools(theta, samples):
        correlation = (1 - weight) * (z.swapaxes(1, 2) @ z) / (length + 1)
        correlation += max(weight, 1e-9) * np.eye(d)
        distance = np.sum(z * np.linalg.solve(correlation, z.swapaxes(1, 2)).swapaxes(1, 2), axis=2)
        truth[which], draws[:, which] = distance[:, 0], distance[:, 1:].T
    return truth, draws
