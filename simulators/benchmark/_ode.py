"""Differential equations of many parameter vectors at once, each with its own steps.

A Runge–Kutta pair of orders 5 and 4 (Dormand & Prince 1980) advances all rows together; every row
has its own time and step size, so that its solution does not depend on the others.  The steps that
were accepted can be taken again in Torch, for gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array

Rate = Callable[[Any, Any], Any]
"""``rate(y, theta)`` is dy/dt, where y and theta are sequences of columns with one entry a row."""

# Coefficients of the stages, of the solution and of the error estimate.
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
)
_SOLUTION = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)

# Rows that are advanced together: so few that they stay in the processor's cache.
_AT_ONCE = 1024
MOST_STEPS = 100_000


@dataclass(frozen=True)
class Solution:
    """Solutions at the times that were asked for.

    Parameters
    ----------
    y : ndarray, shape (times, components, n)
        NaN in rows that would have taken more than `MOST_STEPS` steps.
    steps : list of ndarray
        Accepted step sizes of each row.
    saved : ndarray of int, shape (times, n)
        After how many steps of its row each time was reached.
    """

    y: Array
    steps: list[Array]
    saved: NDArray[np.int64]


def solve(
    rate: Rate,
    start: tuple[float, ...],
    times: Array,
    theta: Array,
    tolerance: float,
    *,
    keep_steps: bool = False,
) -> Solution:
    """Solve dy/dt = rate(y, θ) for each row of theta.

    Parameters
    ----------
    rate : callable
    start : tuple of float
        y at the first time, the same for all rows.
    times : ndarray, shape (m,)
        Ascending; y is given at each.
    theta : ndarray, shape (n, d)
    tolerance : float
        Absolute error of one step in each component of y.
    keep_steps : bool
        Whether to keep the accepted steps, for `retrace`.

    Returns
    -------
    Solution
    """
    y = np.full((len(times), len(start), len(theta)), np.nan)
    saved = np.zeros((len(times), len(theta)), dtype=np.int64)
    steps: list[Array] = []
    for first in range(0, len(theta), _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        kept: list[list[float]] | None = [[] for _ in theta[rows]] if keep_steps else None
        _solve_block(
            rate, start, times, theta[rows].T, tolerance, y[..., rows], saved[:, rows], kept
        )
        steps += [np.array(row) for row in kept or ()]
    return Solution(y, steps, saved)


def _solve_block(
    rate: Rate,
    start: tuple[float, ...],
    times: Array,
    theta: Array,
    tolerance: float,
    out: Array,
    saved: NDArray[np.int64],
    kept: list[list[float]] | None,
) -> None:
    n = theta.shape[1]
    row, goal, taken = np.arange(n), np.ones(n, dtype=int), np.zeros(n, dtype=int)
    t = np.full(n, times[0])
    y = np.repeat(np.array(start)[:, np.newaxis], n, axis=1)
    out[0] = y
    slope = rate(y, theta)
    step = 0.1 / (1.0 + np.abs(slope).max(axis=0))
    for _ in range(MOST_STEPS):
        left = times[goal] - t
        pieces = np.ceil(left / step)
        step = left / pieces
        # A step that is far too long overflows; it is then rejected and made shorter.
        with np.errstate(over="ignore", invalid="ignore"):
            new, new_slope, error = _advance(rate, y, slope, theta, step)
            worst = np.abs(error).max(axis=0) / tolerance
            good = worst <= 1.0
            growth = np.clip(0.9 * np.maximum(worst, 1e-10) ** -0.2, 0.2, 5.0)
        arrived = good & (pieces == 1)
        t = np.where(arrived, times[goal], np.where(good, t + step, t))
        y, slope = np.where(good, new, y), np.where(good, new_slope, slope)
        taken += good
        if kept is not None:
            for k in np.flatnonzero(good):
                kept[row[k]].append(float(step[k]))
        if arrived.any():
            out[goal[arrived], :, row[arrived]] = y[:, arrived].T
            saved[goal[arrived], row[arrived]] = taken[arrived]
            goal += arrived
        step = step * np.where(np.isfinite(growth), growth, 0.2)
        going = goal < len(times)
        if not going.all():
            if not going.any():
                return
            row, goal, taken, t, step = (a[going] for a in (row, goal, taken, t, step))
            y, slope, theta = y[:, going], slope[:, going], theta[:, going]
    out[..., row] = np.nan


def _advance(rate: Rate, y: Any, slope: Any, theta: Any, step: Any) -> tuple[Any, Any, Any]:
    """One step: the solution at its end, the slope there, and the error estimate."""
    slopes = [slope]
    for weights in _STAGES:
        slopes.append(rate(y + step * _sum(weights, slopes), theta))
    new = y + step * _sum(_SOLUTION, slopes)
    slopes.append(rate(new, theta))
    return new, slopes[-1], step * _sum(_ERROR, slopes)


def _sum(weights: tuple[float, ...], slopes: list[Any]) -> Any:
    terms = [weight * slope for weight, slope in zip(weights, slopes, strict=True) if weight]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def retrace(rate: Rate, solution: Solution, theta: Any) -> Any:
    """Take the steps of a solution again, on a Torch tensor theta (n, d).

    The derivative of this is the derivative of the numerical solution: step sizes are constants.

    Returns
    -------
    Tensor, shape (times, components, n)
    """
    import torch

    count, most = len(solution.steps), max(map(len, solution.steps))
    steps = np.zeros((most, count))  # rows that need fewer steps then stand still
    for k, own in enumerate(solution.steps):
        steps[: len(own), k] = own
    y = torch.as_tensor(solution.y[0])
    columns = theta.T
    slope = rate(y, columns)
    path = [y]
    for step in torch.as_tensor(steps):
        y, slope, _ = _advance(rate, y, slope, columns, step)
        path.append(y)
    rows = torch.arange(count)
    every = torch.stack(path)  # (steps + 1, components, n)
    return torch.stack([every[torch.as_tensor(at), :, rows].T for at in solution.saved])
