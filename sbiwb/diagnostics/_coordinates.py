"""Coordinates in which parameters can be compared: in units of the prior, logarithms of scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array

DECADES = 0.5
"""A positive parameter whose prior spans more decades than this is a scale: it is told by factors,
and products of powers of such parameters are what data often know."""


@dataclass(frozen=True)
class Coordinates:
    """φ = ln θ / s for scales, φ = θ / s for others: the prior has unit standard deviation in φ.

    Parameters
    ----------
    names : tuple of str
    logarithmic : ndarray of bool, shape (d,)
    scale : ndarray, shape (d,)
        s.
    """

    names: tuple[str, ...]
    logarithmic: NDArray[np.bool_]
    scale: Array

    def forward(self, theta: Array) -> Array:
        """φ of θ; shape (..., d)."""
        return self.unscaled(theta) / self.scale

    def unscaled(self, theta: Array) -> Array:
        """Ln θ of scales, θ of others; shape (..., d)."""
        return np.where(self.logarithmic, np.log(np.where(theta > 0, theta, 1.0)), theta)

    def backward(self, phi: Array) -> Array:
        """θ of φ; shape (..., d)."""
        value = phi * self.scale
        return np.where(self.logarithmic, np.exp(np.where(self.logarithmic, value, 0.0)), value)

    def slope(self, theta: Array) -> Array:
        """dθ/dφ; shape (..., d)."""
        return self.scale * np.where(self.logarithmic, theta, 1.0)


def coordinates(prior: Array, names: tuple[str, ...]) -> Coordinates:
    """Coordinates from draws of the prior (n, d), in which every parameter varies."""
    low, high = np.quantile(prior, [0.025, 0.975], axis=0)
    positive = np.min(prior, axis=0) > 0
    spans = np.log10(np.where(positive, high, 1.0) / np.where(positive, low, 1.0))
    raw = Coordinates(names, positive & (spans > DECADES), np.ones(len(names)))
    return Coordinates(names, raw.logarithmic, raw.unscaled(prior).std(axis=0))
