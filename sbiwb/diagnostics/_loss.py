"""How much of what the data tell a posterior loses, and how much it keeps, in nats."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array

_MOST = 100
"""Simulations whose draws are looked at: their widths vary little beside what is asked."""


def lost_and_kept(theta: Array, samples: Array, truth: Array, draws: Array) -> tuple[float, float]:
    """Information that draws lose and that they keep, as far as all is Gaussian.

    Draws k times as wide as the posterior in all d directions lose d ln k, and are on average
    d (k² − 1)/2 less likely than the truth, where the prior tells little; in fewer directions they
    lose less.  What they keep is
    how much narrower than the true parameters they are.

    Parameters
    ----------
    theta : ndarray, shape (N, d)
        True parameters.
    samples : ndarray, shape (L, N, d)
    truth, draws : ndarray, shapes (N,) and (l, N)
        Log-likelihood at the truth and at the draws.
    """
    d = theta.shape[1]
    behind = truth - draws.mean(axis=0)
    # The mean is what the formula has; where few simulations make it, the median is less.
    deficit = max(0.0, min(float(np.mean(behind)), float(np.median(behind))))
    lost = d / 2 * np.log1p(2 * deficit / d)
    chosen = np.unique(np.linspace(0, len(theta) - 1, min(len(theta), _MOST)).round().astype(int))
    inside = float(np.median([_log_volume(samples[:, k]) for k in chosen]))
    return float(lost), max(0.0, _log_volume(theta) - inside)


def _log_volume(points: Array) -> float:
    """Half the log-determinant of the covariance; of the variances where points are few."""
    if len(points) <= 2 * points.shape[1]:
        return float(0.5 * np.sum(np.log(np.maximum(points.var(axis=0), 1e-300))))
    covariance = np.atleast_2d(np.cov(points, rowvar=False))
    sign, value = np.linalg.slogdet(covariance)
    return float(0.5 * value) if sign > 0 else -np.inf
