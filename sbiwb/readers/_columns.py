"""Columns of a table that are no parameters, and tables of named columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError
from sbiwb.readers.base import Chain

WEIGHT = ("weight", "weights")
LOG_WEIGHT = ("log_weight", "log_weights")
LOG_PROB = ("log_prob", "log_posterior", "lp", "lp__")
_CHAIN = ("chain",)
_NO_PARAMETER = ("draw", "log_likelihood", "log_prior")


def is_parameter(name: str) -> bool:
    """Whether a column is a parameter by its name."""
    return name not in (*WEIGHT, *LOG_WEIGHT, *LOG_PROB, *_CHAIN, *_NO_PARAMETER)


def require_distinct(names: Sequence[str], where: Path | str) -> None:
    """Refuse a header in which a name is missing or stands twice."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated or "" in names:
        raise DataError(
            f"{where} does not name its columns clearly",
            got=f"'{repeated[0]}' twice" if repeated else "a column without a name",
            expected="each name once",
            remedy="rename the others",
        )


def split_chains(columns: Mapping[str, Array], path: Path) -> tuple[list[str], tuple[Chain, ...]]:
    """Sort columns (n,) into parameters, weights and densities, and rows into chains.

    Returns
    -------
    names : list of str
        The parameters.
    chains : tuple of Chain
        One for each value of the column ``chain``, or one.
    """
    names = [name for name in columns if is_parameter(name)]
    if not names:
        raise DataError(f"{path} has no column that is a parameter", got=", ".join(columns))
    values = np.column_stack([columns[name] for name in names])
    weight, log_prob = _weight(columns), _first(columns, LOG_PROB)
    which = _first(columns, _CHAIN)
    labels = np.zeros(len(values)) if which is None else which
    chains = []
    for label in np.unique(labels):
        rows = labels == label
        chains.append(
            Chain(
                values[rows],
                None if weight is None else weight[rows],
                None if log_prob is None else log_prob[rows],
            )
        )
    return names, tuple(chains)


def _first(columns: Mapping[str, Array], names: Sequence[str]) -> Array | None:
    return next((columns[name] for name in names if name in columns), None)


def _weight(columns: Mapping[str, Array]) -> Array | None:
    weight = _first(columns, WEIGHT)
    if weight is not None:
        return weight
    log_weight = _first(columns, LOG_WEIGHT)
    if log_weight is None:
        return None
    relative: Array = np.exp(log_weight - np.nanmax(log_weight))
    return relative
