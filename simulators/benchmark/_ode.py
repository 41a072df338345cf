"""Differential equations of many parameter vectors at once, each with its own steps.

A Runge–Kutta pair of orders 5 and 4 (Dormand & Prince 1980) advances all rows together; every row
has its own time and step size, so that its solution does not depend on the others.  Derivatives by
θ are further components of y, which need not set the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array

if TYPE_CHECKING:
    import torch

Rate = Callable[[Array, Array], Array]
"""``rate(y, theta)`` is dy/dt; y (components, n), theta (d, n) and the result (components, n)."""

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


def solve(
    rate: Rate,
    start: tuple[float, ...],
    times: Array,
    theta: Array,
    tolerance: float,
    watched: int | None = None,
) -> Array:
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
        Absolute error of one step in each component of y that is watched.
    watched : int, optional
        How many of the first components set the steps; all by default.

    Returns
    -------
    ndarray, shape (times, components, n)
        NaN in rows that would have taken more than `MOST_STEPS` steps.
    """
    y = np.full((len(times), len(start), len(theta)), np.nan)
    for first in range(0, len(theta), _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        _solve_block(rate, start, times, theta[rows].T, tolerance, watched, y[..., rows])
    return y


def _solve_block(
    rate: Rate,
    start: tuple[float, ...],
    times: Array,
    theta: Array,
    tolerance: float,
    watched: int | None,
    out: Array,
) -> None:
    n = theta.shape[1]
    row, goal = np.arange(n), np.ones(n, dtype=int)
    t = np.full(n, times[0])
    y = np.repeat(np.array(start)[:, np.newaxis], n, axis=1)
    out[0] = y
    slope = rate(y, theta)
    step = 0.1 / (1.0 + np.abs(slope[:watched]).max(axis=0))
    for _ in range(MOST_STEPS):
        left = times[goal] - t
        pieces = np.ceil(left / step)
        step = left / pieces
        # A step that is far too long overflows; it is then rejected and made shorter.
        with np.errstate(over="ignore", invalid="ignore"):
            new, new_slope, error = _advance(rate, y, slope, theta, step)
            worst = np.abs(error[:watched]).max(axis=0) / tolerance
            good = worst <= 1.0
            growth = np.clip(0.9 * np.maximum(worst, 1e-10) ** -0.2, 0.2, 5.0)
        arrived = good & (pieces == 1)
        t = np.where(arrived, times[goal], np.where(good, t + step, t))
        y, slope = np.where(good, new, y), np.where(good, new_slope, slope)
        if arrived.any():
            out[goal[arrived], :, row[arrived]] = y[:, arrived].T
            goal += arrived
        step = step * np.where(np.isfinite(growth), growth, 0.2)
        going = goal < len(times)
        if not going.all():
            if not going.any():
                return
            row, goal, t, step = (a[going] for a in (row, goal, t, step))
            y, slope, theta = y[:, going], slope[:, going], theta[:, going]
    out[..., row] = np.nan


def _advance(
    rate: Rate, y: Array, slope: Array, theta: Array, step: Array
) -> tuple[Array, Array, Array]:
    """One step: the solution at its end, the slope there, and the error estimate."""
    slopes = [slope]
    for weights in _STAGES:
        slopes.append(rate(y + step * _sum(weights, slopes), theta))
    new = y + step * _sum(_SOLUTION, slopes)
    slopes.append(rate(new, theta))
    return new, slopes[-1], step * _sum(_ERROR, slopes)


def _sum(weights: tuple[float, ...], slopes: list[Array]) -> Array:
    terms = [weight * slope for weight, slope in zip(weights, slopes, strict=True) if weight]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def with_gradient(value: Array, derivative: Array, theta: torch.Tensor) -> torch.Tensor:
    """Return known values as a tensor with known first derivatives.

    Parameters
    ----------
    value : ndarray, shape (n, m)
    derivative : ndarray, shape (n, m, d)
        Of the values with respect to theta.
    theta : Tensor, shape (n, d)

    Returns
    -------
    Tensor, shape (n, m)
        Second derivatives are not those of the solution.
    """
    import torch

    zero = (theta - theta.detach())[:, None, :]
    return torch.as_tensor(value) + (torch.as_tensor(derivative) * zero).sum(-1)
