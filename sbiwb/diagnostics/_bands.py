"""Simultaneous bands for empirical distribution functions, exact for any number of points.

At every point of a grid the count of values below it is binomial if the values are uniform.  A band
of *equal local level* cuts off the same pointwise probability everywhere, so it sees a departure in
the tails as well as one in the middle, where the Kolmogorov-Smirnov distance alone looks.  The
probability that the whole curve stays inside is computed, not simulated: given their total, the
counts are a Poisson process (Moscovich & Nadler 2017, doi:10.1016/j.spl.2016.11.027).  The bands
are those of Säilynoja, Bürkner & Vehtari 2022, arXiv:2103.10522.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sbiwb.core.distributions import Array

Grid = tuple[float, ...]

# Below this the crossing probability drowns in rounding and the union bound is used instead.
_SMALL = 1e-9


def counts_below(u: Array, grid: Grid) -> NDArray[np.intp]:
    """How many of u lie strictly below each grid point; shape (len(grid),)."""
    return np.searchsorted(np.sort(u), np.asarray(grid), side="left")


def band_p_value(u: Array, grid: Grid) -> float:
    """Probability that uniform values leave the band that u just touches.

    Parameters
    ----------
    u : ndarray, shape (n,)
        Uniform in (0, 1) under the null hypothesis.
    grid : tuple of float
        Increasing points in (0, 1).
    """
    pointwise = _pointwise(len(u), grid)
    local = float(pointwise[np.arange(len(grid)), counts_below(u, grid)].min())
    union = local * len(grid)
    return union if union < _SMALL else 1.0 - _inside_probability(len(u), grid, local)


@lru_cache(maxsize=64)
def simultaneous_band(n: int, grid: Grid, level: float) -> tuple[Array, Array]:
    """Lower and upper limit of the empirical distribution function at each grid point.

    Parameters
    ----------
    n : int
        Number of values.
    grid : tuple of float
        Increasing points in (0, 1).
    level : float
        Probability with which the curve of n uniform values stays inside at all points, at least.
    """
    low, high = math.log((1 - level) / len(grid) / 2), math.log(1 - level)
    for _ in range(14):
        middle = (low + high) / 2
        if _inside_probability(n, grid, math.exp(middle)) >= level:
            low = middle
        else:
            high = middle
    first, last = _limits(n, grid, math.exp(low))
    return first / n, last / n


def _inside_probability(n: int, grid: Grid, local: float) -> float:
    """Probability that no count has a pointwise p-value of `local` or less."""
    first, last = _limits(n, grid, local)
    if np.any(first > last):
        return 0.0
    log_factorial = special.gammaln(np.arange(n + 2) + 1.0)

    def poisson(rate: float, k: NDArray[np.intp]) -> Array:
        return np.asarray(np.exp(k * math.log(rate) - rate - log_factorial[k]))

    weight, start, before = np.ones(1), 0, 0.0
    for point, lo, hi in zip(grid, first.tolist(), last.tolist(), strict=True):
        steps = poisson(n * (point - before), np.arange(hi - start + 1))
        # Counts after this step run from `start` upwards; keep lo … hi.
        weight = np.convolve(weight, steps)[lo - start : hi - start + 1]
        start, before = lo, point
    remaining = n - start - np.arange(len(weight))
    total = weight @ poisson(n * (1 - before), remaining)
    return float(min(total / poisson(n, np.array([n]))[0], 1.0))


def _limits(n: int, grid: Grid, local: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last count whose pointwise p-value exceeds `local`, per grid point."""
    kept = _pointwise(n, grid) > local
    last = n - np.argmax(kept[:, ::-1], axis=1)
    return np.argmax(kept, axis=1), np.where(kept.any(axis=1), last, -1)


@lru_cache(maxsize=8)
def _pointwise(n: int, grid: Grid) -> Array:
    """Two-sided binomial p-value of every count 0 … n at every grid point; (len(grid), n + 1)."""
    points = np.asarray(grid)[:, np.newaxis]
    count = np.arange(n + 1)
    log_choose = special.gammaln(n + 1.0) - special.gammaln(count + 1.0)
    log_choose -= special.gammaln(n - count + 1.0)
    exact = np.exp(log_choose + special.xlogy(count, points) + special.xlog1py(n - count, -points))
    at_most = np.cumsum(exact, axis=1)
    at_least = np.cumsum(exact[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(np.minimum(1.0, 2 * np.minimum(at_most, at_least)))
