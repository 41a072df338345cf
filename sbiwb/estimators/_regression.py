"""A polynomial regression under every network, so that the network learns only what it misses.

Most problems are smooth and, near the observation, almost linear and Gaussian.  A least-squares fit
takes that part out exactly and at once; the flow then models the residual, which for a
linear-Gaussian problem is a standard normal.  The degree, up to one that the caller allows, is
chosen on held-out simulations and may be zero, in which case nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, combinations_with_replacement
from math import comb

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.rng import stream

MAX_DEGREE = 5
ROWS_PER_FEATURE = 10
HELD_OUT = 0.2
ENOUGH = 20_000
"""Simulations that choices look at: more would not change them."""
FAINT = 1e-4
"""Squares of standardised residuals below this count as it where their logarithm is taken."""
ABSURD = 50.0
"""No single residual counts for more than this, squared and standardised."""


@dataclass(frozen=True)
class Polynomial:
    """A polynomial of m inputs and k outputs.

    Parameters
    ----------
    degree : int
        Total degree.
    crossed : bool
        Whether it has products of different inputs, or is a sum of functions of one each.
    low, high : ndarray, shape (m,)
        Range of the inputs in training: beyond it the polynomial is held at the edge, since it
        says nothing there.
    coefficients : ndarray, shape (features, k)
    score : float
        Log-determinant of the held-out residual covariance.
    """

    degree: int
    crossed: bool
    low: Array
    high: Array
    coefficients: Array
    score: float = float("nan")

    def __call__(self, inputs: Array) -> Array:
        """Evaluate at inputs (n, m); shape (n, k)."""
        scaled = _scaled(inputs, self.low, self.high)
        features = polynomial_features(scaled, self.degree, crossed=self.crossed)
        return np.asarray(features @ self.coefficients)

    def arrays(self, prefix: str) -> dict[str, Array]:
        """Numbers to save."""
        return {
            f"{prefix}.degree": np.array([self.degree, self.crossed], float),
            f"{prefix}.low": self.low,
            f"{prefix}.high": self.high,
            f"{prefix}.coefficients": self.coefficients,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], prefix: str) -> Polynomial:
        """Inverse of `arrays`."""
        degree, crossed = arrays[f"{prefix}.degree"]
        low, high, coefficients = (arrays[f"{prefix}.{n}"] for n in ("low", "high", "coefficients"))
        return cls(int(degree), bool(crossed), low, high, coefficients)


def fit_polynomial(
    inputs: Array, target: Array, seed: int, *, max_degree: int = MAX_DEGREE
) -> Polynomial:
    """Fit target (n, k) on inputs (n, m) by least squares, the features chosen on held-out rows.

    The score is the log-determinant of the held-out residual covariance: the Gaussian
    log-likelihood up to constants.  Features with fewer than ten training rows each are not tried.
    """
    rows = stream(seed, "regression").permutation(len(inputs))
    held, kept = np.split(rows, [max(2, int(HELD_OUT * len(rows)))])
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    scaled = _scaled(inputs, low, high)
    scores: dict[tuple[int, bool], float] = {}
    for degree, crossed in _choices(inputs.shape[1], len(kept) // ROWS_PER_FEATURE, max_degree):
        features = polynomial_features(scaled, degree, crossed=crossed)
        coefficients = _least_squares(features[kept], target[kept])
        scores[degree, crossed] = _log_det(target[held] - features[held] @ coefficients)
    degree, crossed = min(scores, key=scores.__getitem__)
    features = polynomial_features(scaled, degree, crossed=crossed)
    coefficients, score = _least_squares(features, target), scores[degree, crossed]
    return Polynomial(degree, crossed, low, high, coefficients, score)


def gaussian_loss(inputs: Array, target: Array, seed: int) -> float:
    """Mean −log density, but for constants, of held-out target (n, k) given inputs (n, m).

    That of a Gaussian: its mean is a polynomial, and so are the logarithms of its variances, along
    axes in which residuals are uncorrelated.
    """
    rows = stream(seed, "gaussian").permutation(len(inputs))
    held, kept = np.split(rows, [max(2, int(HELD_OUT * len(rows)))])
    residual = target - fit_polynomial(inputs[kept], target[kept], seed)(inputs)
    whiten = whitening_matrix(residual[kept])
    square = (residual @ whiten) ** 2
    spread = fit_polynomial(inputs[kept], np.log(square[kept] + FAINT), seed)(inputs)
    spread += np.log(np.mean(square[kept] * np.exp(-spread[kept]), axis=0))
    surprise = np.minimum(square[held] * np.exp(-spread[held]), ABSURD)
    each = 0.5 * np.sum(spread[held] + surprise, axis=1)
    return float(each.mean() - np.linalg.slogdet(whiten)[1])


def _choices(m: int, most: int, max_degree: int) -> Iterator[tuple[int, bool]]:
    """Degrees, and whether there are products of different inputs, of at most so many features."""
    for degree in range(max_degree + 1):
        if degree == 0 or 1 + m * degree <= most:
            yield degree, False
        if degree > 1 and m > 1 and comb(m + degree, degree) <= most:
            yield degree, True


def polynomial_features(points: Array, degree: int, *, crossed: bool = True) -> Array:
    """All products of up to `degree` columns of points (n, m), the constant first.

    If not `crossed`, powers of each column only.
    """
    if not crossed:
        powers = accumulate([points] * degree, np.multiply)  # faster than as many powers
        return np.concatenate([np.ones((len(points), 1)), *powers], axis=1)
    inputs, columns = np.ascontiguousarray(points.T), [np.ones(len(points))]
    previous: dict[tuple[int, ...], Array] = {(): columns[0]}
    for power in range(1, degree + 1):
        current: dict[tuple[int, ...], Array] = {}
        for index in combinations_with_replacement(range(len(inputs)), power):
            current[index] = previous[index[:-1]] * inputs[index[-1]]
        columns.extend(current.values())
        previous = current
    return np.array(columns).T


def _scaled(condition: Array, low: Array, high: Array) -> Array:
    span = np.where(high > low, high - low, 1.0)
    return 2 * (np.clip(condition, low, high) - low) / span - 1


def _least_squares(features: Array, target: Array) -> Array:
    # A trace of ridge keeps collinear features finite without biasing the others.
    gram = features.T @ features
    gram[np.diag_indices_from(gram)] += 1e-9 * np.trace(gram) / len(gram)
    return np.asarray(np.linalg.solve(gram, features.T @ target))


def _log_det(residual: Array) -> float:
    return float(np.linalg.slogdet(np.atleast_2d(np.cov(residual, rowvar=False)))[1])


def whitening_matrix(residual: Array) -> Array:
    """Symmetric matrix W (k, k) such that residual @ W has unit covariance.

    Of all that do it is the one that leaves columns most like themselves, and independent ones
    apart.
    """
    covariance = np.atleast_2d(np.cov(residual, rowvar=False))
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 1e-14 * values[-1])
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T)
