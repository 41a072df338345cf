"""Integrated autocorrelation time of an ensemble."""

from __future__ import annotations

import numpy as np
from scipy import fft

from sbiwb.core.distributions import Array

WINDOW = 5.0


def integrated_time(chain: Array) -> Array:
    """Integrated autocorrelation time of walkers that sample the same distribution.

    Parameters
    ----------
    chain : ndarray, shape (step, walker, quantity)

    Returns
    -------
    ndarray, shape (quantity,)
        In steps, at least 1; infinite for a quantity that never moves.

    Notes
    -----
    The window is that of Sokal (1996), the shortest M ≥ 5 τ(M), as in `emcee.autocorr`.  Unlike
    there, the mean is that of all walkers: with each walker's own mean, short chains look less
    correlated than they are, and walkers that are stuck in different places look converged.
    """
    steps = len(chain)
    centred = chain - chain.mean(axis=(0, 1))
    size = fft.next_fast_len(2 * steps, real=True)
    power = np.abs(fft.rfft(centred, size, axis=0)) ** 2
    covariance = fft.irfft(power.mean(axis=1), size, axis=0)[:steps]
    # Rounding leaves a variance of about 1e-32 times the square of a constant, never more.
    moves = np.ptp(chain, axis=(0, 1)) > 0
    rho = covariance / np.where(moves, covariance[0], 1.0)
    taus = 2 * np.cumsum(rho, axis=0) - 1
    inside = np.arange(steps)[:, np.newaxis] < WINDOW * taus
    window = np.where(inside.all(axis=0), steps - 1, np.argmin(inside, axis=0))
    tau = np.take_along_axis(taus, window[np.newaxis], axis=0)[0]
    return np.where(moves, np.maximum(tau, 1.0), np.inf)
