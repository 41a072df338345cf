"""Which simulations are most like the observation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array


def nearest(
    means: Array, own: Array, x: Array | None, observed: Array | None, count: int
) -> NDArray[np.intp]:
    """Indices of the simulations most like the observation, in ascending order.

    Parameters
    ----------
    means : ndarray, shape (N, d)
        Centres of the posteriors of the simulations.
    own : ndarray, shape (d,)
        Centre of the observation's posterior.
    x, observed : ndarray, shapes (N, m) and (m,), optional
        Data.  Distances in data and between centres count alike: data may hold much that tells
        nothing of the parameters, and a posterior may neglect data that do.
    count : int
    """
    distance = _distance(means, own, means.mean(axis=0), means.std(axis=0))
    if x is not None and observed is not None:
        middle = np.median(x, axis=0)
        scale = np.median(np.abs(x - middle), axis=0)
        scale = np.where(scale > 0, scale, x.std(axis=0))
        distance = distance + _distance(x, observed, middle, scale)
    return np.sort(np.argsort(distance, kind="stable")[:count])


def _distance(points: Array, centre: Array, middle: Array, scale: Array) -> Array:
    """Squared distances in units of the typical one; arcsinh keeps extremes from ruling."""
    varies = scale > 0
    where = np.arcsinh((points[:, varies] - middle[varies]) / scale[varies])
    away = np.arcsinh((centre[varies] - middle[varies]) / scale[varies])
    square = np.sum((where - away) ** 2, axis=1)
    typical = np.median(square)
    return np.asarray(square / typical if typical > 0 else square)
