"""Directions of the data that tell of the parameters: inverse regression.

Of many data only a few combinations depend on θ.  A regression or a network that is shown them all
fits the noise of the rest, at a price of one parameter's worth of variance for each input.  So x is
first reduced to the directions along which its mean or its covariance depends on θ: sliced inverse
regression (Li 1991, J. Am. Stat. Assoc. 86, 316) and sliced average variance estimation (Cook &
Weisberg 1991, ibid. 86, 328), with polynomials of θ in place of slices.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.estimators._regression import (
    ENOUGH,
    fit_polynomial,
    polynomial_features,
    whitening_matrix,
)
from sbiwb.estimators._scaling import has_covariance
from sbiwb.rng import stream

NULLS = 8
"""Permutations of θ, which show how large chance makes the eigenvalues."""
NULLS_OF_COVARIANCES = 4
"""Fewer of these: they take most of the time."""
MARGIN = 2.0
SAME = 0.1
"""Sine of the angle below which two directions count as one."""
PRINCIPAL_ROWS = 2000
"""Simulations whose principal axes are found: the time goes with their square."""
ROWS_PER_DIRECTION = 20
"""Simulations for each principal axis at least: a regression on them can then be had."""
CLEARLY = 1.1
"""By how much an axis has to stand out of the largest of `NULLS` permutations, which is random."""


def informative_directions(theta: Array, x: Array, seed: int) -> Array | None:
    """Directions of x that depend on theta, each of unit variance; None to keep all of x.

    Parameters
    ----------
    theta : ndarray, shape (n, d)
        Parameters, scaled to about unit variance.
    x : ndarray, shape (n, k)
        Whitened data.
    seed : int

    Returns
    -------
    ndarray, shape (k, m), or None
        Orthogonal under the noise, or all as they are; None if too few simulations or too many data
        to tell, or if nothing stands out.

    Notes
    -----
    A direction is kept if its eigenvalue is above that of the same data with θ permuted.  Data that
    depend on θ through neither their mean nor their covariance are not seen.
    """
    n, k = x.shape
    if k == 1 or not has_covariance(n, k):
        return None
    rng = stream(seed, "directions")
    rows = rng.permutation(n)[:ENOUGH]
    theta, x = theta[rows], x[rows]
    mean = fit_polynomial(theta, x, seed)
    residual = x - mean(theta)
    noise = whitening_matrix(residual)
    scaled, residual = x @ noise, residual @ noise
    linear = _orthonormal(polynomial_features(theta, max(mean.degree, 1)))
    quadratic = _orthonormal(polynomial_features(theta, 2))
    chosen = np.concatenate(
        [
            _above_chance(_scatter_of_means, linear, scaled, residual, rng, NULLS),
            _above_chance(
                _scatter_of_covariances, quadratic, residual, residual, rng, NULLS_OF_COVARIANCES
            ),
        ],
        axis=1,
    )
    if chosen.shape[1] == 0:
        return None
    basis, size, _ = np.linalg.svd(chosen, full_matrices=False)
    if np.sum(size > SAME) == k:
        return np.eye(k)  # nothing is left out: the data stay as they are
    directions = noise @ basis[:, size > SAME]
    return np.asarray(directions / (x @ directions).std(axis=0))


def principal_directions(x: Array, seed: int) -> Array | None:
    """Principal axes of data, of which there may be more than simulations, at unit variance.

    Those with more variance than the first has when columns are permuted (parallel analysis:
    Horn 1965, Psychometrika 30, 179), and at most one for every `ROWS_PER_DIRECTION` simulations.

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Standardised data.
    seed : int

    Returns
    -------
    ndarray, shape (k, m), or None
        None if nothing stands out.
    """
    rng = stream(seed, "principal")
    x = x[rng.permutation(len(x))[:PRINCIPAL_ROWS]]
    size, axes = np.linalg.svd(x, full_matrices=False)[1:]
    chance = max(_largest_square(rng.permuted(x, axis=0)) for _ in range(NULLS))
    kept = min(int(np.sum(size**2 > CLEARLY * chance)), len(x) // ROWS_PER_DIRECTION)
    if kept == 0:
        return None
    return np.asarray(axes[:kept].T * np.sqrt(len(x)) / size[:kept])


def _largest_square(x: Array) -> float:
    """The largest squared singular value of x (n, k)."""
    return float(np.linalg.eigvalsh(x @ x.T if len(x) < x.shape[1] else x.T @ x)[-1])


def _orthonormal(features: Array) -> Array:
    """Features (n, p), the constant first, as orthonormal functions without the constant."""
    centred = features[:, 1:] - features[:, 1:].mean(axis=0)
    return np.asarray(centred @ whitening_matrix(centred))


def _above_chance(
    scatter: Callable[[Array, Array], Array],
    features: Array,
    data: Array,
    noise: Array,
    rng: np.random.Generator,
    nulls: int,
) -> Array:
    """Eigenvectors of the scatter matrix beyond those that permuted noise has; shape (k, m)."""
    values, vectors = np.linalg.eigh(scatter(features, data))
    chance = max(
        np.linalg.eigvalsh(scatter(features, rng.permutation(noise)))[-1] for _ in range(nulls)
    )
    return np.asarray(vectors[:, values > MARGIN * chance])


def _scatter_of_means(features: Array, data: Array) -> Array:
    """Covariance over theta of the mean of the data."""
    slopes = features.T @ data / len(data)
    return np.asarray(slopes.T @ slopes)


def _scatter_of_covariances(features: Array, data: Array) -> Array:
    """Sum over functions f of theta of the squared matrix E[f r rᵀ]."""
    # Twice as fast in single precision, which is far finer than what chance makes of a moment.
    features, data = features.astype(np.float32), data.astype(np.float32)
    total = np.zeros((data.shape[1], data.shape[1]))
    for feature in features.T:
        moment = (data * feature[:, np.newaxis]).T @ data / len(data)
        total += moment @ moment
    return total
