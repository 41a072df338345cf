"""What a regression of θ on x leaves: the part of a posterior that a density has to learn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.estimators._regression import Polynomial, fit_polynomial, whitening_matrix
from sbiwb.estimators._scaling import is_bounded, linear_coordinates

MAX_DEGREE = 1
"""Polynomials of many data put their noise and tails under a network, which learns with less."""
_LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class ResidualMap:
    """Affine map between z and what the flow models, with centre and slope that depend on x.

    A uniform parameter is regressed in its own linear coordinate; its centre and slope in
    z = Φ⁻¹(u) follow.  Noise of constant width in θ then has constant width in the residual,
    wherever in its range the parameter lies.
    """

    mean: Polynomial
    bounded: Array
    edge: Array
    whiten: Array

    def centre_and_slope(self, x: Array) -> tuple[Array, Array]:
        """Centre z₀ and slope dz/dc at scaled data x (n, k), each (n, d)."""
        c = self.mean(x)
        u = np.clip(c / np.sqrt(12) + 0.5, self.edge, 1 - self.edge)
        z = special.ndtri(u)
        slope = np.exp(0.5 * z**2 + 0.5 * _LOG_2PI) / np.sqrt(12)
        is_bounded = self.bounded > 0
        return np.where(is_bounded, z, c), np.where(is_bounded, slope, 1.0)

    def residual(self, z: Array, x: Array) -> Array:
        """Map z (n, d) to what the flow models."""
        centre, slope = self.centre_and_slope(x)
        return ((z - centre) / slope) @ self.whiten

    def unconstrained(self, residual: Array, x: Array) -> Array:
        """Inverse of `residual`, for many draws (m, n, d) at each of scaled data x (m, k)."""
        centre, slope = self.centre_and_slope(x)
        return centre[:, np.newaxis] + slope[:, np.newaxis] * (residual @ self._unwhiten)

    @cached_property
    def _unwhiten(self) -> Array:
        return np.asarray(np.linalg.inv(self.whiten), dtype=np.float64)

    def log_abs_det(self, x: Array) -> Array:
        """log |d residual / dz| at scaled data x (n, k); shape (n,)."""
        _, slope = self.centre_and_slope(x)
        return np.asarray(np.linalg.slogdet(self.whiten)[1] - np.sum(np.log(slope), axis=1))


def fit_residual_map(theta: Array, x: Array, prior: Prior, seed: int) -> ResidualMap:
    """Regress theta (n, d) on scaled data x (n, k) and whiten what is left."""
    c = linear_coordinates(theta, prior)
    mean = fit_polynomial(x, c, seed, max_degree=MAX_DEGREE)
    # A centre nearer to the wall than the noise is wide would get an absurd slope.
    width = np.std(c - mean(x), axis=0) / np.sqrt(12)
    edge = np.clip(width, 1e-6, 0.25)
    raw = ResidualMap(mean, is_bounded(prior).astype(float), edge, np.eye(theta.shape[1]))
    residual = raw.residual(prior.to_unconstrained(theta), x)
    return ResidualMap(mean, raw.bounded, edge, whitening_matrix(residual))


def no_map(inputs: int, prior: Prior) -> ResidualMap:
    """The map that leaves z as it is, whatever the scaled data (n, inputs)."""
    edge, zero = np.ones(inputs), np.zeros(prior.dim)
    mean = Polynomial(0, crossed=False, low=-edge, high=edge, coefficients=zero[np.newaxis])
    return ResidualMap(mean, zero, zero, np.eye(prior.dim))
