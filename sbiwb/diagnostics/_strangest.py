"""Which entry of an observation is strangest, in words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.diagnostics._pool import Pool
from sbiwb.diagnostics._shrinkage import shrink

# Below this many standard deviations no single entry is to blame.
_STRANGE = 3.0
_CLEARLY = 0.99
_FAR = 100.0
"""Beyond, a number would be that of the rounding which keeps a singular covariance invertible."""
_CURVE = 20
"""Entries from which on data count as a curve, whose neighbours can deviate together."""


def strangest_entry(pool: Pool, transform: Callable[[Array], Array]) -> tuple[str, int | None]:
    """Describe the entry that is farthest off, alone or given the others.

    Parameters
    ----------
    pool : Pool
    transform : callable
        From data (n, m) to features of the same shape in which correlations are taken.

    Returns
    -------
    text : str
    entry : int or None
        Its flat index, None if no single entry stands out.
    """
    index = np.flatnonzero(pool.varies)
    seen, data = pool.observed[index], pool.simulated[:, index]
    alone = (seen - data.mean(axis=0)) / data.std(axis=0)
    features = transform(np.vstack([seen, data]))
    given = shrink(features[1:]).surprise(features[0])
    by_itself = np.abs(alone).max() >= np.abs(given).max()
    value = alone if by_itself else given
    k = int(np.argmax(np.abs(value)))
    if abs(value[k]) < _STRANGE:
        score = serial_correlation(alone_of(features))
        if score is not None and score[0] >= np.quantile(score[1:], _CLEARLY):
            return "no entry stands out alone, but neighbours deviate together", None
        return "no entry stands out alone, their combination does", None
    side = "above" if value[k] > 0 else "below"
    where = "the mean of simulated data" if by_itself else "where its other entries put it"
    label = pool.labels[index[k]]
    size = f"{abs(value[k]):.2g}" if abs(value[k]) < _FAR else f"more than {_FAR:.0f}"
    return f"{label} lies {size} standard deviations {side} {where}", int(index[k])


def alone_of(features: Array) -> Array:
    """Features (n, m) in standard deviations from their mean over all data."""
    return np.asarray((features - features.mean(axis=0)) / features.std(axis=0))


def serial_correlation(z: Array) -> Array | None:
    """How far the correlation of neighbouring entries is from what is usual, for each datum.

    Independent errors around a curve of the wrong shape are the commonest misfit of a model whose
    noise is inferred: each residual is as large as the noise, but they keep their sign.

    Parameters
    ----------
    z : ndarray, shape (n, m)
        Data in standard deviations from their mean.

    Returns
    -------
    ndarray, shape (n,), or None
        Distance of Σ z_i z_{i+1} / Σ z_i² from its median; None for fewer than 20 entries.
    """
    if z.shape[1] < _CURVE:
        return None
    neighbours = np.sum(z[:, 1:] * z[:, :-1], axis=1) / np.sum(z**2, axis=1)
    return np.asarray(np.abs(neighbours - np.median(neighbours)))
