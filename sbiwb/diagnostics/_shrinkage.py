"""Covariance of data with more entries than samples: shrunk towards independent entries.

The weight is the one under which each datum is most likely given the others (Theiler 2012,
doi:10.1117/12.918718): weights made for the error of the matrix itself, such as Ledoit and Wolf's,
drown directions of little variance, in which an observation off its model shows most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbiwb.core.distributions import Array

# The least keeps a matrix of exactly dependent entries invertible.
_WEIGHTS = 10.0 ** np.arange(-8, 0.1, 0.5)


@dataclass(frozen=True)
class Shrunk:
    """Standardised data and the principal axes of their shrunk correlation matrix.

    Parameters
    ----------
    mean, sd : ndarray, shape (m,)
        Of the entries.
    z : ndarray, shape (n, m)
        The data in standard deviations from the mean.
    scores : ndarray, shape (n, k)
        The data along the axes, k ≤ min(n, m).
    eigenvalues : ndarray, shape (k,)
        Of the shrunk matrix along the axes; `weight` in all other directions.
    weight : float
        Between 0 (the sample's correlations) and 1 (none).
    """

    mean: Array
    sd: Array
    z: Array
    scores: Array
    eigenvalues: Array
    weight: float

    @property
    def whitened(self) -> Array:
        """The data, uncorrelated and of unit variance up to shrinkage; shape (n, k)."""
        return np.asarray(self.scores / np.sqrt(self.eigenvalues))

    def surprise(self, data: Array) -> Array:
        """How many standard deviations each entry is off what the others predict.

        With the precision matrix P and standardised z: (P z)_k / √P_kk, of the shape of `data`.
        """
        z = (data - self.mean) / self.sd
        size = np.sum(self.scores**2, axis=0)
        axes = self.z.T @ (self.scores / np.maximum(size, 1e-300))
        inner = 1 / self.eigenvalues - 1 / self.weight
        weighted = z / self.weight + (z @ axes * inner) @ axes.T
        diagonal = 1 / self.weight + np.square(axes) @ inner
        return np.asarray(weighted / np.sqrt(np.maximum(diagonal, 1.0)))


def shrink(data: Array) -> Shrunk:
    """Standardise data (n, m), whose entries all vary, and decompose their correlations."""
    n, m = data.shape
    mean, sd = data.mean(axis=0), data.std(axis=0)
    z = (data - mean) / sd
    if m <= n:
        raw, axes = np.linalg.eigh(z.T @ z / n)
        scores = z @ axes
    else:
        raw, left = np.linalg.eigh(z @ z.T / n)
        # The mean was subtracted: one of the n directions is empty.
        raw, left = raw[1:], left[:, 1:]
        scores = left * np.sqrt(n * np.maximum(raw, 0))
    raw, squares = np.maximum(raw, 0), scores**2
    weight = float(min(_WEIGHTS, key=lambda w: _left_out_surprise(raw, squares, m, w)))
    return Shrunk(mean, sd, z, scores, (1 - weight) * raw + weight, weight)


def _left_out_surprise(raw: Array, squares: Array, m: int, weight: float) -> float:
    """−2 log likelihood of each datum under the covariance shrunk from all others, on average.

    Theiler 2012, equation 17: leaving datum i out changes the matrix by β z zᵀ, a rank of one.
    """
    n = len(squares)
    share = (1 - weight) / (n - 1)
    eigenvalues = n * share * raw + weight
    r = squares @ (1 / eigenvalues)
    left = np.maximum(1 - share * r, 1e-12)
    log_determinant = np.sum(np.log(eigenvalues)) + (m - len(raw)) * np.log(weight)
    return float(np.mean(np.log(left) + r / left) + log_determinant)
