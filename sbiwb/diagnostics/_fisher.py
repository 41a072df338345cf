"""Fisher information about the parameters: from a likelihood, or what simulations show of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.diagnostics._coordinates import Coordinates

STEP = 0.3
"""Half the length of a difference, in standard deviations of the likelihood along a direction:
long enough to pass over the rounding and the switches of a solver."""
LONGEST = 0.1
"""In standard deviations of the prior."""
FIRST = 0.01
PASSES = 4


def scores(
    log_likelihood: Callable[[Array, Array], Array],
    inside: Callable[[Array], Array],
    at: Array,
    x: Array,
    coordinates: Coordinates,
) -> Array:
    """Gradients of the log-likelihood of data x made at one point, by central differences.

    Directions that data know a thousand times better than others ask for other steps, so the
    differences are repeated along the principal axes of the information found before.  Along a
    direction of which the likelihood does not depend the score is then zero to rounding.

    Parameters
    ----------
    log_likelihood : callable
        From θ (n, d) and x (n, …) to (n,).
    inside : callable
        Whether points θ (n, d) may be asked for, (n,).
    at : ndarray, shape (d,)
        The point.
    x : ndarray, shape (n, …)
        n ≥ 2 d data simulated there.
    coordinates : Coordinates

    Returns
    -------
    ndarray, shape (n, d)
        d log p / dφ; NaN where the likelihood vanishes beside the point.
    """
    d = len(at)
    centre, axes = coordinates.forward(at), np.eye(d)
    steps = np.full(d, FIRST)
    for number in range(PASSES):
        data = x if number == PASSES - 1 else x[: 2 * d]
        along = np.empty((len(data), d))
        for k in range(d):
            step = steps[k]
            ends = coordinates.backward(centre + step * np.array([[1.0], [-1.0]]) * axes[:, k])
            while step > 1e-9 and not np.all(inside(ends)):
                step /= 4
                ends = coordinates.backward(centre + step * np.array([[1.0], [-1.0]]) * axes[:, k])
            above, below = (
                log_likelihood(np.repeat(end[np.newaxis], len(data), axis=0), data) for end in ends
            )
            finite = np.isfinite(above) & np.isfinite(below)
            along[:, k] = np.where(finite, above, np.nan) - np.where(finite, below, np.nan)
            along[:, k] /= 2 * step
        found = np.asarray(along @ axes.T)
        if not np.isfinite(along).all():
            return found
        values, turned = np.linalg.eigh(along.T @ along / len(along))
        axes = axes @ turned
        steps = np.minimum(LONGEST, STEP / np.sqrt(np.maximum(values, 1e-300)))
    return found


def linear_information(phi: Array, x: Array) -> Array:
    """What linear regression on the data tells of φ beyond the prior: a lower bound, (d, d).

    No estimate has a smaller mean square error than the posterior mean, so that R⁻¹ − P⁻¹, with the
    covariance R of errors of prediction and P of the prior, says no more than the data do, on
    average over the prior.  Errors are those of data left out of the fit.

    Parameters
    ----------
    phi : ndarray, shape (n, d)
    x : ndarray, shape (n, m)
        Entries that vary.
    """
    n = len(phi)
    y, best = phi - phi.mean(axis=0), left_out_errors(phi, x)
    prior, wrong = y.T @ y / n, best.T @ best / n
    root = np.linalg.cholesky(prior)
    whitened = np.linalg.solve(root, np.linalg.solve(root, wrong).T)
    values, axes = np.linalg.eigh((whitened + whitened.T) / 2)
    gained = np.maximum(1 / np.maximum(values, 1e-12) - 1, 0.0)
    back = np.linalg.solve(root.T, axes)
    return np.asarray((back * gained) @ back.T)


def left_out_errors(y: Array, x: Array) -> Array:
    """Errors of predicting each row of y (n, d) from x (n, m), fitted to all others; (n, d).

    Prediction is ridge regression; entries of x that never vary are no help and must be left out.
    """
    n = len(y)
    centred = y - y.mean(axis=0)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    if z.shape[1] > n:
        squares, left = np.linalg.eigh(z @ z.T)
    else:
        squares, axes = np.linalg.eigh(z.T @ z)
        kept = squares > 1e-10 * squares[-1]
        squares, left = squares[kept], z @ axes[:, kept] / np.sqrt(squares[kept])
    squares = np.maximum(squares, 0.0)
    errors = []
    # Ridge regression has its leave-one-out errors in closed form.
    for ridge in n * 10.0 ** np.arange(-8, 1.0):
        share = left * (squares / (squares + ridge))
        hat = np.sum(share * left, axis=1) + 1 / n
        errors.append((centred - share @ (left.T @ centred)) / np.maximum(1 - hat, 1e-9)[:, None])
    return np.asarray(min(errors, key=lambda e: float(np.sum(e**2))))
