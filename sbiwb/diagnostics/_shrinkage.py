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
    """Standardised data and the eigenvectors of their shrunk correlation matrix.

    Parameters
    ----------
    mean, sd : ndarray, shape (m,)
        Of the entries.
    vectors : ndarray, shape (m, k)
        Principal axes, k = min(n, m).
    eigenvalues : ndarray, shape (k,)
        Of the shrunk matrix along them; `weight` in all other directions.
    scores : ndarray, shape (n, k)
        The data along the axes.
    weight : float
        Between 0 (the sample's correlations) and 1 (none).
    """

    mean: Array
    sd: Array
    vectors: Array
    eigenvalues: Array
    scores: Array
    weight: float

    @property
    def whitened(self) -> Array:
        """The data, uncorrelated and of unit variance up to shrinkage; shape (n, k)."""
        return np.asarray(self.scores / np.sqrt(self.eigenvalues))

    def standardised(self, data: Array) -> Array:
        """Data (…, m) in standard deviations from the mean."""
        return np.asarray((data - self.mean) / self.sd)

    def surprise(self, data: Array) -> Array:
        """How many standard deviations each entry is off what the others predict.

        With the precision matrix P and standardised z: (P z)_k / √P_kk, of the shape of `data`.
        """
        z = self.standardised(data)
        inner = 1 / self.eigenvalues - 1 / self.weight
        weighted = z / self.weight + (z @ self.vectors * inner) @ self.vectors.T
        diagonal = 1 / self.weight + np.square(self.vectors) @ inner
        return np.asarray(weighted / np.sqrt(np.maximum(diagonal, 1.0)))


def shrink(data: Array) -> Shrunk:
    """Standardise data (n, m), whose entries all vary, and decompose their correlations."""
    n, m = data.shape
    mean, sd = data.mean(axis=0), data.std(axis=0)
    z = (data - mean) / sd
    if m <= n:
        raw, vectors = np.linalg.eigh(z.T @ z / n)
    else:
        raw, left = np.linalg.eigh(z @ z.T / n)
        # The mean was subtracted: one direction of the n is empty.
        raw, left = raw[1:], left[:, 1:]
        vectors = z.T @ left / np.sqrt(n * np.maximum(raw, 1e-300))
    raw = np.maximum(raw, 0)
    size = np.sum(raw**2)
    noise = (np.mean(np.sum(z**2, axis=1) ** 2) - size) / n
    spread = size - m
    weight = float(np.clip(noise / spread, _LEAST_WEIGHT, 1)) if spread > 0 else 1.0
    eigenvalues = (1 - weight) * raw + weight
    return Shrunk(mean, sd, vectors, eigenvalues, z @ vectors, weight)
