"""Posterior moments and intervals as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sbiwb.core.distributions import Array
from sbiwb.effective_size import ess, rhat


def summarise(
    theta: Array, names: Sequence[str], *, independent: bool, weights: float | None
) -> pd.DataFrame:
    """Summarise draws; see `Result.summary`.

    Parameters
    ----------
    theta : ndarray, shape (chain, draw, d)
    names : sequence of str
    independent : bool
        False for Markov chains.
    weights : float, optional
        Effective number of the weights that nested sampling resampled.

    Returns
    -------
    pandas.DataFrame
        ``mcse`` and ``ess`` allow for autocorrelation or weights; ``rhat`` is NaN where there are
        no chains to compare.
    """
    rows = {}
    for k, name in enumerate(names):
        column = theta[..., k]
        effective, agreement = _effective(column, independent, weights)
        sd = float(column.std(ddof=1)) if column.size > 1 else np.nan
        q16, median, q84 = np.quantile(column, [0.16, 0.5, 0.84])
        rows[name] = {
            "mean": float(column.mean()),
            "sd": sd,
            "median": median,
            "q16": q16,
            "q84": q84,
            "mcse": sd / np.sqrt(effective),
            "ess": effective,
            "rhat": agreement,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _effective(column: Array, independent: bool, weights: float | None) -> tuple[float, float]:
    """Effective size and R̂ of one parameter's draws (chain, draw); NaN if it cannot be told."""
    if weights is not None:
        return float(min(weights, column.size)), np.nan
    if independent:
        return float(column.size), np.nan
    if column.shape[1] < 8 or np.ptp(column) == 0:
        return np.nan, np.nan
    return ess(column, "bulk"), rhat(column) if len(column) > 1 else np.nan
