"""Posterior moments and intervals as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sbiwb.core.distributions import Array
from sbiwb.effective_size import ess, rhat
from sbiwb.result import Result, to_array


def summarise(result: Result) -> pd.DataFrame:
    """Summarise a result; see `Result.summary`.

    ``mcse`` and ``ess`` allow for autocorrelation within chains, or for the weights of nested
    sampling; ``rhat`` is NaN where there are no chains to compare.
    """
    theta = to_array(result.posterior, result.names)
    independent = bool(int(result.tree.attrs["independent"]))
    weights = result.provenance.get("stats", {}).get("ess")
    rows = {}
    for k, name in enumerate(result.names):
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
    """Effective size and R̂ of one parameter's draws (chain, draw)."""
    if independent or column.shape[1] < 8 or np.ptp(column) == 0:
        return float(column.size), np.nan
    if weights is not None:
        return float(weights), np.nan
    return ess(column, "bulk"), rhat(column) if len(column) > 1 else np.nan
