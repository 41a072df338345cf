"""A Gaussian model whose posterior is known, and posteriors of it that are wrong in one way each.

theta ~ N(0, I) and x = theta + noise, whose covariance is such that parameters 1 and 2, 3 and 4, …
of the posterior are correlated by 0.8, with standard deviations of √0.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

CORRELATION = 0.8
SD = np.sqrt(0.2)
FAULTS = (
    "exact",
    "too narrow, × 0.8",
    "too wide, × 1.25",
    "shifted by 0.3 σ in one direction",
    "correlation of one pair 0, not 0.8",
    "one mode swapped",
    "the prior",
)


@dataclass(frozen=True)
class Draws:
    """One calibration set: truth, data, draws, and the log densities that belong to them."""

    theta: np.ndarray
    x: np.ndarray
    samples: np.ndarray
    log_prob_theta: np.ndarray
    log_prob_samples: np.ndarray
    log_likelihood_theta: np.ndarray
    log_likelihood_samples: np.ndarray

    @property
    def densities(self):
        """The log densities by the names of arguments."""
        return {name: value for name, value in vars(self).items() if name.startswith("log_")}


@lru_cache
def model(d):
    """Posterior covariance, noise covariance, and the matrix from x to the posterior mean."""
    correlation = np.eye(d)
    for k in range(0, d - 1, 2):
        correlation[k, k + 1] = correlation[k + 1, k] = CORRELATION
    posterior = SD**2 * correlation
    noise = np.linalg.inv(np.linalg.inv(posterior) - np.eye(d))
    return posterior, noise, posterior @ np.linalg.inv(noise)


def calibration(fault, d, n, draws, rng):
    """N simulations, and draws from a posterior with the fault."""
    covariance, noise, gain = model(d)
    theta = rng.standard_normal((n, d))
    x = theta + rng.standard_normal((n, d)) @ np.linalg.cholesky(noise).T
    mean = x @ gain.T
    if fault == FAULTS[1]:
        covariance = 0.8**2 * covariance
    elif fault == FAULTS[2]:
        covariance = 1.25**2 * covariance
    elif fault == FAULTS[3]:
        mean = mean + 0.3 * SD * np.eye(d)[0]
    elif fault == FAULTS[4]:
        covariance = covariance.copy()
        covariance[0, 1] = covariance[1, 0] = 0.0
    elif fault == FAULTS[5]:
        # The mode of the first parameter at the other sign, as where data tell its size alone.
        mean = mean * np.where(np.arange(d) == 0, -1.0, 1.0)
    elif fault == FAULTS[6]:
        mean, covariance = np.zeros_like(mean), np.eye(d)
    samples = mean + rng.standard_normal((draws, n, d)) @ np.linalg.cholesky(covariance).T
    of_posterior = np.linalg.cholesky(np.linalg.inv(covariance))
    of_noise = np.linalg.cholesky(np.linalg.inv(noise))
    return Draws(
        theta,
        x,
        samples,
        _log(theta - mean, of_posterior),
        _log(samples - mean, of_posterior),
        _log(x - theta, of_noise),
        _log(x - samples, of_noise),
    )


def _log(residual, factor):
    return -0.5 * np.sum((residual @ factor) ** 2, axis=-1)
