"""Ensemble slice sampling: a walker moves along a line through its posterior, and always moves."""

from __future__ import annotations

from collections.abc import Callable

import emcee
import numpy as np
from emcee.moves import Move
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.samplers._moves import difference_of_two

MOST_WIDTHS = 8
"""Widths an interval may have in the end.  Two walkers that happen to be close give a narrow one,
for which all others of the half would have to wait."""
MOST_SHRINKS = 1000
"""Draws from an interval before a walker stays: float64 has no points left between its ends."""

Rows = NDArray[np.intp]


class Slice(Move):  # type: ignore[misc]
    """Slice sampling along the difference of two walkers of the other half, for many ensembles.

    The interval is stepped out and then shrunk (Neal 2003, Annals of Statistics 31, 705, figures 3
    and 5), for all walkers of a half side by side; directions as in Karamanis & Beutler 2021
    (arXiv:2002.06212).  A direction depends on the other half only, so every update leaves the
    posterior as it is.  Walkers lie in emcee's array as `_moves.GroupedMove` has them.

    Parameters
    ----------
    walkers : int
        Walkers per ensemble, even.
    scale : float
        Width of the first interval, in differences.
    """

    def __init__(self, walkers: int, scale: float) -> None:
        self.walkers, self.scale = walkers, scale

    def propose(self, model: emcee.model.Model, state: emcee.State) -> tuple[emcee.State, Array]:
        """Move every walker once; emcee calls this."""
        dim = state.coords.shape[1] - 1
        for half in (0, 1):
            others = state.coords[:, :dim].reshape(-1, self.walkers, dim)[:, 1 - half :: 2]
            start = state.coords[half::2].copy()
            line = np.zeros_like(start)  # the number of the ensemble stays
            line[:, :dim] = self.scale * difference_of_two(others, model.random).reshape(-1, dim)

            def log_prob(rows: Rows, at: Array, start: Array = start, line: Array = line) -> Array:
                value: Array = model.log_prob_fn(start[rows] + at[:, np.newaxis] * line[rows])
                return value

            moving = np.flatnonzero(np.any(line != 0, axis=1))
            at, value = slice_along(log_prob, state.log_prob[half::2], moving, model.random)
            state.coords[half::2] = start + at[:, np.newaxis] * line
            state.log_prob[half::2] = value
        return state, np.ones(len(state.coords), dtype=bool)


def slice_along(
    log_prob: Callable[[Rows, Array], Array],
    value: Array,
    moving: Rows,
    random: np.random.RandomState,
) -> tuple[Array, Array]:
    """One slice update of each of n lines, at whose origin the walker stands.

    Parameters
    ----------
    log_prob : callable
        ``log_prob(rows, at)``: log density at the places `at` of the lines `rows`.
    value : ndarray, shape (n,)
        Log density at the origins.
    moving : ndarray of int
        Lines to update; the walkers of others stay.
    random : numpy.random.RandomState

    Returns
    -------
    at, value : ndarray, shape (n,)
        The new places, and the log density there.
    """
    n = len(value)
    level = value - random.standard_exponential(n)
    low = -random.random_sample(n)
    high = low + 1
    below = random.randint(MOST_WIDTHS, size=n)
    for end, step, budget in ((low, -1.0, below), (high, 1.0, MOST_WIDTHS - 1 - below)):
        rows = moving
        while len(rows := rows[budget[rows] > 0]):
            rows = rows[log_prob(rows, end[rows]) > level[rows]]
            end[rows] += step
            budget[rows] -= 1
    at, value = np.zeros(n), value.copy()
    rows = moving
    for _ in range(MOST_SHRINKS):
        new = low[rows] + (high[rows] - low[rows]) * random.random_sample(len(rows))
        found = log_prob(rows, new)
        inside = found > level[rows]
        at[rows[inside]], value[rows[inside]] = new[inside], found[inside]
        rows, new = rows[~inside], new[~inside]
        if not len(rows):
            break
        low[rows] = np.where(new < 0, new, low[rows])
        high[rows] = np.where(new < 0, high[rows], new)
    return at, value


def slices(walkers: int, dim: int) -> list[tuple[Slice, float]]:
    """The moves and their shares.

    The width of a slice of a Gaussian is some 2.5 of its widths, a difference of two walkers √(2d)
    of them.  Intervals of two differences let walkers change between modes: wherever the walker
    stands in one, the mode that a difference away lies in its interval.
    """
    return [(Slice(walkers, 2.5 / np.sqrt(2 * dim)), 0.8), (Slice(walkers, 2.0), 0.2)]
