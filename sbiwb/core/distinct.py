"""Evaluate a dear, deterministic function once for each distinct parameter vector."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sbiwb.core.distributions import Array


def at_distinct(function: Callable[[Array], Array], theta: Array) -> Array:
    """Evaluate `function` at the distinct rows of theta, in the order of their first appearance.

    Repeated rows are common: noise is drawn many times around one prediction, and walkers of an
    ensemble that did not move are asked for again.

    Parameters
    ----------
    function : callable
        ``fn(theta (m, d)) -> (m, *shape)``, deterministic.
    theta : ndarray, shape (n, d)

    Returns
    -------
    ndarray, shape (n, *shape)
    """
    _, first, inverse = np.unique(theta, axis=0, return_index=True, return_inverse=True)
    if len(first) == len(theta):
        return np.asarray(function(theta))
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return np.asarray(function(theta[first[order]]))[place[inverse.reshape(-1)]]
