"""Differences of means and widths, in units of the posterior's width."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError


def standardised(a: Array, b: Array, what: str, *, scaled: bool = True) -> tuple[Array, Array]:
    """Both sets in standard deviations of `a` from its mean.

    Parameters
    ----------
    a, b : ndarray, shapes (n, d) and (m, d)
    what : str
        What they are for, for the message.
    scaled : bool
        False only checks them.

    Raises
    ------
    DataError
        If the shapes do not match, there are fewer than 2 draws, or a column of `a` is constant.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise DataError(
            f"{what} needs two sets of draws of the same parameters",
            got=f"{a.shape} and {b.shape}",
            expected="(n, d) and (m, d)",
        )
    if not scaled:
        return a, b
    mean, scale = np.mean(a, axis=0), np.std(a, axis=0, ddof=1)
    if not np.all(scale > 0):
        raise DataError(f"{what} of draws with a constant column", got=np.flatnonzero(scale == 0))
    return (a - mean) / scale, (b - mean) / scale


def mean_shift(a: Array, b: Array) -> Array:
    """Difference of the means, b − a, over the quadratic mean of the two standard deviations.

    Parameters
    ----------
    a, b : ndarray, shapes (n, d) and (m, d)

    Returns
    -------
    ndarray, shape (d,)
        NaN where both sets are constant.
    """
    scale = np.sqrt((np.var(a, axis=0, ddof=1) + np.var(b, axis=0, ddof=1)) / 2)
    difference = np.mean(b, axis=0) - np.mean(a, axis=0)
    shift: Array = np.divide(difference, scale, out=np.full_like(scale, np.nan), where=scale > 0)
    return shift


def width_ratio(a: Array, b: Array) -> Array:
    """Standard deviation of b over that of a.

    Parameters
    ----------
    a, b : ndarray, shapes (n, d) and (m, d)

    Returns
    -------
    ndarray, shape (d,)
        NaN where `a` is constant.
    """
    of_a, of_b = np.std(a, axis=0, ddof=1), np.std(b, axis=0, ddof=1)
    ratio: Array = np.divide(of_b, of_a, out=np.full_like(of_a, np.nan), where=of_a > 0)
    return ratio
