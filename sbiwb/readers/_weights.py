"""From weighted draws to equally weighted ones, without random numbers."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array, Index

MOST = 1_000_000
"""Draws that counts are written out to."""
PER_ROW, LEAST = 4, 1000
"""Draws that fractional weights are resampled to, for each row and at least.  Systematic resampling
rounds each row's share by at most one draw, about √(1/12) on average: with n rows and 4 n draws the
error of a mean is at most n / (√12 · 4 n) = 7 % of its Monte Carlo error, 0.3 % in quadrature."""


def effective_size(weight: Array) -> float:
    """Kish's effective number of independent draws of weights (n,): (Σ w)² / Σ w²."""
    relative = weight / np.max(weight)
    return float(np.sum(relative) ** 2 / np.sum(relative**2))


def equal_rows(weight: Array) -> Index:
    """Row numbers that repeat each row in proportion to its weight, in the given order.

    Parameters
    ----------
    weight : ndarray, shape (n,)
        ≥ 0, not all zero.  Whole numbers are counts, as Markov chains write them, and are written
        out exactly; other weights are resampled systematically.
    """
    total = float(np.sum(weight))
    if total <= MOST and np.all(weight == np.round(weight)):
        return np.repeat(np.arange(len(weight)), weight.astype(int))
    n = max(PER_ROW * len(weight), LEAST)
    edges = np.cumsum(weight) / total
    rows = np.searchsorted(edges, (np.arange(n) + 0.5) / n, side="right")
    last = int(np.flatnonzero(weight)[-1])  # rounding may leave the sum a little below one
    return np.minimum(rows, last)
