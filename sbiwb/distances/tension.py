"""Tension of two posteriors in σ: how improbable it is that they differ by chance.

Both measures take the two posteriors as those of *independent* data.  Between two methods for the
same data they are small even where the methods disagree, and say only how much it would matter.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats
from scipy.spatial.distance import cdist, pdist, squareform

from sbiwb.core.distributions import Array
from sbiwb.distances.moments import standardised
from sbiwb.rng import stream

DRAWS = 2000
MOST_PARAMETERS = 6
"""A density estimate from 2,000 draws follows the shape of a posterior up to here."""
_RANK = 1e-9
"""Share of the variance below which a direction is the rounding error of a derived parameter."""


def tension(a: Array, b: Array) -> float:
    """Tension of two posteriors, both taken as Gaussian, in σ.

    Parameters
    ----------
    a, b : ndarray, shapes (n, d) and (m, d)
        Equally weighted draws of two posteriors of independent data, under flat priors.

    Returns
    -------
    float
        The number of standard deviations of a normal variable that has the same two-sided
        probability as χ² of d degrees of freedom beyond Δμᵀ (Cₐ + C_b)⁻¹ Δμ.  Directions in which
        neither set varies do not count.

    Raises
    ------
    DataError
        If the shapes do not match, or a column of `a` is constant.

    References
    ----------
    Raveri & Hu (2019), Phys. Rev. D 99, 043506, section III: the parameter difference.
    """
    a, b = standardised(a, b, "a tension")
    difference = np.mean(b, axis=0) - np.mean(a, axis=0)
    covariance = np.atleast_2d(np.cov(a, rowvar=False)) + np.atleast_2d(np.cov(b, rowvar=False))
    values, vectors = np.linalg.eigh(covariance)
    kept = values > _RANK * values[-1]
    chi_squared = float(np.sum((difference @ vectors[:, kept]) ** 2 / values[kept]))
    return _in_sigma(_log_tail(chi_squared, int(np.sum(kept))))


def parameter_shift(a: Array, b: Array, *, seed: int = 1) -> float:
    """Tension of two posteriors of any shape, in σ.

    Parameters
    ----------
    a, b : ndarray, shapes (n, d) and (m, d)
        As for `tension`; d ≤ 6.  2,000 differences of draws paired at random are used.
    seed : int
        Seeds the pairs.

    Returns
    -------
    float
        Of the posterior of the difference, the mass of the region that is denser than no
        difference at all, as a number of standard deviations.  No more than 3.5 can be told with
        2,000 draws: that value means at least so much.  NaN for d > 6.

    Raises
    ------
    DataError
        If the shapes do not match, or a column of `a` is constant.

    References
    ----------
    Raveri & Doux (2021), Phys. Rev. D 104, 043504, arXiv 2105.03324: the parameter shift, their
    equation for Δ, here with a Gaussian kernel density of Silverman's bandwidth.
    """
    a, b = standardised(a, b, "a parameter shift")
    if a.shape[1] > MOST_PARAMETERS:
        return float("nan")
    rng = stream(seed, "pairs")
    shift = b[rng.integers(len(b), size=DRAWS)] - a[rng.integers(len(a), size=DRAWS)]
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(shift, rowvar=False)))
    kept = values > _RANK * values[-1]
    white = shift @ vectors[:, kept] / np.sqrt(values[kept])
    n, d = white.shape
    bandwidth = (4 / ((d + 2) * n)) ** (1 / (d + 4))
    scale = -0.5 / bandwidth**2
    # Each draw's density without the draw itself, so that it is the same estimate as at zero.
    at_draws = squareform(np.exp(scale * pdist(white, "sqeuclidean"))).sum(axis=1) / (n - 1)
    at_zero = np.mean(np.exp(scale * cdist(np.zeros((1, d)), white, "sqeuclidean")))
    beyond = max(np.mean(at_draws < at_zero), 1 / n)
    return _in_sigma(float(np.log(beyond)))


def _log_tail(chi_squared: float, d: int) -> float:
    """Log probability of χ² beyond a value, where no float holds the probability itself too."""
    if chi_squared < 500:
        return float(stats.chi2.logsf(chi_squared, d))
    # The first terms of the asymptotic series of the incomplete gamma function (DLMF 8.11.2).
    a, x = d / 2, chi_squared / 2
    series = 1 + (a - 1) / x * (1 + (a - 2) / x)
    return float(-x + (a - 1) * np.log(x) - special.gammaln(a) + np.log(series))


def _in_sigma(log_p: float) -> float:
    """Standard deviations of a normal variable whose two-sided probability is exp(log_p)."""
    return float(max(-special.ndtri_exp(log_p - np.log(2)), 0.0))
