"""Ranks of true values among posterior draws, and the tests that they are uniform.

If the draws are as good as the truth, the truth's rank among L draws is uniform on 0 … L, whatever
is ranked.  Ties are broken at random, so that this holds for discrete values too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sbiwb.core.distributions import Array
from sbiwb.diagnostics._bands import Grid, band_p_value, counts_below, simultaneous_band

# Shares of ties above which a pass would rest on coin tosses more than on the draws.
TIES_TOLERATED = 0.1

_ALL_POINTS = 128
_MIDDLE_POINTS = 65


@dataclass(frozen=True)
class Ranks:
    """Ranks of the true values among the draws of N simulations.

    Parameters
    ----------
    u : ndarray, shape (N,)
        (rank + uniform) / (draws + 1): exactly uniform in (0, 1) if the draws are exact.
    draws : int
        Number of draws L per simulation.
    tied : float
        Share of simulations in which a draw equals the true value.
    """

    u: Array
    draws: int
    tied: float

    @property
    def grid(self) -> Grid:
        """Points k / (L + 1) at which the distribution of ranks is looked at."""
        return _grid(self.draws)

    @property
    def p_value(self) -> float:
        """p-value of a band and a chi² test together.

        The band (see `_bands`) is a Kolmogorov-Smirnov test made sensitive in the tails.  Neyman's
        smooth chi² test (1937) sums the squares of the first four Legendre moments, and sees a
        wrong width better than chi² on bins, and much better than Kolmogorov-Smirnov.  The smaller
        p-value counts, doubled.
        """
        return min(1.0, 2 * min(band_p_value(self.u, self.grid), smooth_p_value(self.u)))

    def curve(self, level: float) -> tuple[Array, Array, Array, Array]:
        """The points 0, grid, 1; the share of u below each; and the limits of the band there."""
        n = len(self.u)
        low, high = simultaneous_band(n, self.grid, level)
        share = counts_below(self.u, self.grid) / n
        ends = [(0.0, *column, 1.0) for column in (self.grid, share, low, high)]
        points, below, lower, upper = (np.asarray(column) for column in ends)
        return points, below, lower, upper


def rank(
    less: NDArray[np.intp], ties: NDArray[np.intp], draws: int, rng: np.random.Generator
) -> Ranks:
    """Turn counts of draws below and equal to the true value into `Ranks`.

    Parameters
    ----------
    less, ties : ndarray of int, shape (N,)
    draws : int
    rng : numpy.random.Generator
        Breaks ties and spreads ranks evenly over (0, 1).
    """
    return Ranks(spread(less, ties, draws, rng), draws, float(np.mean(ties > 0)))


def spread(
    less: NDArray[np.intp], ties: NDArray[np.intp], draws: int, rng: np.random.Generator
) -> Array:
    """Ranks, ties broken at random, spread evenly over (0, 1); of the shape of `less`."""
    broken = rng.integers(0, ties, endpoint=True)
    return np.asarray((less + broken + rng.random(less.shape)) / (draws + 1))


def smooth_p_value(u: Array) -> float:
    """p-value of Neyman's smooth test of uniformity with four components (chi² with 4 d.o.f.)."""
    return float(smooth_p_values(u[np.newaxis])[0])


def smooth_p_values(u: Array) -> Array:
    """The same of each row of u (m, N); shape (m,)."""
    y = 2 * u - 1
    # Legendre's polynomials of degree 1 to 4.
    square = y * y
    components = (
        y,
        1.5 * square - 0.5,
        (2.5 * square - 1.5) * y,
        ((35 * square - 30) * square + 3) / 8,
    )
    statistic = np.zeros(len(u))
    for k, component in enumerate(components, start=1):
        statistic += (2 * k + 1) * component.sum(axis=1) ** 2
    return np.asarray(special.chdtrc(4, statistic / u.shape[1]))


@lru_cache
def _grid(draws: int) -> Grid:
    """All ranks if they are few; else evenly spaced ones and, near both ends, denser ones."""
    if draws <= _ALL_POINTS:
        k = np.arange(1, draws + 1)
    else:
        tail = np.unique(np.geomspace(1, draws / _MIDDLE_POINTS, 9).round())
        middle = np.linspace(0, draws + 1, _MIDDLE_POINTS + 1)[1:-1].round()
        k = np.unique(np.concatenate([tail, middle, draws + 1 - tail]))
    return tuple((k / (draws + 1)).tolist())
