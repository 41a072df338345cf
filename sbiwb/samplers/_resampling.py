"""Equally weighted rows from weighted ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array


def systematic(log_weights: Array, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose n rows by systematic resampling (Kitagawa 1996, JCGS 5, 1).

    A row of normalised weight w is chosen ⌊nw⌋ or ⌈nw⌉ times, which adds the least noise; a row
    of weight zero never is.  Chosen rows come in their old order.

    Parameters
    ----------
    log_weights : ndarray, shape (k,)
        Up to a constant; some are finite.
    """
    share = np.cumsum(np.exp(log_weights - log_weights.max()))
    points = (rng.random() + np.arange(n)) / n
    return np.searchsorted(share / share[-1], points)


def kish(log_weights: Array) -> Array:
    """Effective number (Σw)² / Σw² of weights along the last axis, some of them finite."""
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    return np.asarray(weights.sum(axis=-1) ** 2 / (weights**2).sum(axis=-1))
