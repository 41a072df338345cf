"""Reference points for TARP: from where distances to the truth and to the draws are measured.

TARP proves a posterior right if it holds for references that depend on x in *every* way; one rule
sees little.  Each rule here is strong against one kind of fault.  A reference must never know the
truth it is used for.  Rules that learn from truths therefore learn in stages, each from the
simulations before it only: the ranks of all simulations then stay independent and uniform under an
exact posterior, whatever was learned.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sbiwb.core.distributions import Array

_FIRST_STAGE = 8
_MAX_TRAINING = 400
_FAR = 1e3


def random_points(theta: Array, rng: np.random.Generator) -> Array:
    """Uniform in the box with the mean and width of the prior: the paper's choice.

    Strong against widths that are wrong where the posterior is much narrower than the prior; blind
    to a posterior that ignores x.

    Parameters
    ----------
    theta : ndarray, shape (N, d)
        Standardised true values: only their shape is used.
    rng : numpy.random.Generator
    """
    return np.asarray(np.sqrt(3.0) * (2 * rng.random(theta.shape) - 1))


def predicted_points(theta: Array, x: Array) -> Array:
    """Predict theta from x by kernel ridge regression on earlier simulations.

    Draws that ignore x, or are too wide, lie farther from the prediction than the truth does;
    draws that are too narrow lie nearer.

    Parameters
    ----------
    theta : ndarray, shape (N, d)
        Standardised true values, in random order.
    x : ndarray, shape (N, m)

    Returns
    -------
    ndarray, shape (N, d)
        Zero, the mean of theta, for the first stage.
    """
    kernel = _kernel(x)
    points = np.zeros_like(theta)
    for start, stop in _stages(len(theta)):
        first = max(0, start - _MAX_TRAINING)
        known = kernel[first:start, first:start]
        weights, offset = _ridge(known, theta[first:start])
        points[start:stop] = offset + kernel[start:stop, first:start] @ weights
    return points


def far_points(theta: Array, mean: Array) -> Array:
    """Far away in the direction in which earlier truths lay off their draws.

    From there, distances rank along that direction, which shows a bias at its clearest.

    Parameters
    ----------
    theta : ndarray, shape (N, d)
        Standardised true values, in random order.
    mean : ndarray, shape (N, d)
        Mean of the draws of each, standardised alike.
    """
    residual = theta - mean
    d = theta.shape[1]
    direction = np.full_like(theta, 1 / np.sqrt(d))
    for start, stop in _stages(len(theta)):
        known = residual[:start]
        covariance = np.atleast_2d(np.cov(known, rowvar=False))
        # Few simulations know the variances but not the correlations of many parameters.
        covariance += np.diag(np.diag(covariance)) * min(1.0, 2 * d / start) + 1e-12 * np.eye(d)
        best = np.linalg.solve(covariance, known.mean(axis=0))
        length = np.linalg.norm(best)
        if length > 0:
            direction[start:stop] = best / length
    return _FAR * direction


def _stages(n: int) -> Iterator[tuple[int, int]]:
    """Stages [start, stop), each learning from all before it; the first n / 8 only teach."""
    start = max(n // _FIRST_STAGE, 2)
    while start < n:
        stop = min(n, start + (start + 1) // 2)
        yield start, stop
        start = stop


def _kernel(x: Array) -> Array:
    """Gaussian kernel on robustly scaled data, as wide as the data typically lie apart."""
    middle = np.median(x, axis=0)
    scale = np.median(np.abs(x - middle), axis=0)
    scale = np.where(scale > 0, scale, x.std(axis=0))
    varies = scale > 0
    # arcsinh leaves the bulk linear and keeps a few extreme data from setting every distance.
    z = np.arcsinh((x[:, varies] - middle[varies]) / scale[varies])
    product = z @ z.T
    square = np.diag(product)
    distance = np.maximum(square[:, np.newaxis] + square - 2 * product, 0)
    typical = np.median(distance)
    return np.exp(-distance / typical) if typical > 0 else np.ones_like(distance)


def _ridge(kernel: Array, theta: Array) -> tuple[Array, Array]:
    """Weights of kernel ridge regression and its offset, ridge by generalised cross-validation."""
    offset = theta.mean(axis=0)
    target = theta - offset
    eigenvalues, vectors = np.linalg.eigh(kernel)
    rotated = vectors.T @ target
    best, weights = np.inf, np.zeros_like(target)
    for ridge in len(theta) * 10.0 ** np.arange(-8, 1):
        shrink = ridge / (np.maximum(eigenvalues, 0) + ridge)
        error = np.sum((shrink[:, np.newaxis] * rotated) ** 2) / np.mean(shrink) ** 2
        if error < best:
            best, weights = error, vectors @ ((shrink / ridge)[:, np.newaxis] * rotated)
    return weights, offset
