"""Covariance of data with more entries than samples: shrunk towards independent entries.

The weight is that of Ledoit & Wolf 2004 (doi:10.1016/S0047-259X(03)00096-4), on correlations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbiwb.core.distributions import Array

# Keeps a matrix of exactly dependent entries invertible.
_LEAST_WEIGHT = 1e-8


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
    raw = np.maximum(raw, 0)
    size = np.sum(raw**2)
    noise = (np.mean(np.sum(z**2, axis=1) ** 2) - size) / n
    spread = size - m
    weight = float(np.clip(noise / spread, _LEAST_WEIGHT, 1)) if spread > 0 else 1.0
    return Shrunk(mean, sd, z, scores, (1 - weight) * raw + weight, weight)
