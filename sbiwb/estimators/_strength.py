"""Data at the scale of what they tell: directions that are mostly noise are made small.

Whitened data show a network all directions alike, and it learns the noise of those that tell
least as readily as the signal of the others.  So directions are scaled by their spread in units of
the noise, which is what a regression on θ leaves; where its variance depends on θ, it tells too.
"""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.estimators._regression import ENOUGH, fit_polynomial, polynomial_features

STRONGEST = 5.0
"""Spread in units of the noise from which directions are alike: a network has to see the weaker."""
OF_VARIANCES = 10.0
"""What counts as much as the variance of a mean: that of a variance in units of its own mean, so
many times.  Directions whose noise says something are thus not made small."""
LEAST = 1e-12
"""Variance of noise, in units of that of the data, below which there is none."""


def by_strength(theta: Array, x: Array, seed: int) -> Array:
    """Matrix that scales directions of x by what they tell of theta, and leaves entries apart.

    Parameters
    ----------
    theta : ndarray, shape (n, d)
        Parameters, scaled to about unit variance.
    x : ndarray, shape (n, k)
        Data of unit variance, n ≫ k.
    seed : int

    Returns
    -------
    ndarray, shape (k, k)
        Symmetric; data that are multiplied by it have unit variance on average.
    """
    theta, x = theta[:ENOUGH], x[:ENOUGH]
    residual = x - fit_polynomial(theta, x, seed)(theta)
    noise, axes = np.linalg.eigh(np.atleast_2d(np.cov(residual, rowvar=False)))
    noise = np.maximum(noise, LEAST)
    told = _told_by_variance(theta, (residual @ axes) ** 2 / noise)
    spread = np.minimum(np.sqrt(1 / noise + OF_VARIANCES * told), STRONGEST)
    matrix = (axes * spread) @ axes.T
    return np.asarray(matrix / np.sqrt(np.mean(np.var(x @ matrix, axis=0))))


def _told_by_variance(theta: Array, squares: Array) -> Array:
    """Variance over theta of the mean of squares (n, k), beyond what chance explains; (k,)."""
    features = polynomial_features(theta, 2)
    fitted = features @ np.linalg.lstsq(features, squares, rcond=None)[0]
    chance = squares.var(axis=0) * features.shape[1] / len(squares)
    return np.asarray(np.maximum(fitted.var(axis=0) - chance, 0.0))
