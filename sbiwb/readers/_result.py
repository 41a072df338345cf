"""From a table of draws to a result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sbiwb.core.distributions import Array
from sbiwb.diagnostics import autocorrelation, convergence
from sbiwb.errors import DataError, UsageError, unknown_name
from sbiwb.readers._weights import effective_size, equal_rows
from sbiwb.readers.base import Chain, Table
from sbiwb.result import SCHEMA_VERSION, Result, from_array, with_attrs

FEWEST = 2


@dataclass(frozen=True)
class Source:
    """A table of draws, and how it is called.

    Parameters
    ----------
    name : str
        Name in tables and figures.
    format : str
        Name of the reader, or ``array``.
    table : Table
    """

    name: str
    format: str
    table: Table

    @property
    def names(self) -> list[str]:
        """Names of all columns."""
        return [column.name for column in self.table.columns]

    @property
    def shown(self) -> list[str]:
        """Names of those that were sampled, or of all if the file does not tell."""
        sampled = [column.name for column in self.table.columns if column.sampled]
        return sampled or self.names

    def renamed(self, names: Mapping[str, str]) -> Source:
        """Return the same draws with columns renamed, old name → new."""
        columns = tuple(
            replace(column, name=names.get(column.name, column.name))
            for column in self.table.columns
        )
        new = [column.name for column in columns]
        twice = next((name for name in new if new.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"'{self.name}' would have two parameters '{twice}'")
        return replace(self, table=replace(self.table, columns=columns))


def as_result(source: Source, parameters: Sequence[str] | None = None) -> Result:
    """Turn a table into a result with equally weighted draws.

    Parameters
    ----------
    source : Source
    parameters : sequence of str, optional
        Those to keep; by default the sampled ones.  Constant ones are left out.

    Raises
    ------
    DataError
        If the draws are too few, constant or not finite.
    UsageError
        If a parameter is not there.
    """
    kept = list(source.shown if parameters is None else parameters)
    for name in kept:
        if name not in source.names:
            raise unknown_name(f"parameter of '{source.name}'", name, source.names)
    where = [source.names.index(name) for name in kept]
    chains = [_checked(chain, kept, where, source) for chain in source.table.chains]
    every = np.concatenate([chain.values for chain in chains])
    held = [name for name, width in zip(kept, np.ptp(every, axis=0), strict=True) if width == 0]
    free = [name not in held for name in kept]
    kept = [name for name in kept if name not in held]
    if not kept:
        raise DataError(f"nothing varies in {_place(source)}", got=", ".join(held) or "no column")
    chains = [replace(chain, values=chain.values[:, free]) for chain in chains]
    theta, log_prob, stats = _equal(chains, source.table.order)
    result = Result(_tree(source, kept, held, theta, log_prob, stats))
    return result.with_verdicts([*convergence.check(result), *autocorrelation.check(result)])


def _checked(chain: Chain, names: list[str], where: list[int], source: Source) -> Chain:
    """The wanted columns of a chain, without rows of no weight; all finite."""
    place = _place(source)
    values, weight = chain.values[:, where], chain.weight
    if weight is not None:
        if not np.all(np.isfinite(weight)) or np.any(weight < 0):
            raise DataError(f"{place} has weights that are negative or not finite")
        rows = weight > 0
        values, weight = values[rows], weight[rows]
        log_prob = None if chain.log_prob is None else chain.log_prob[rows]
    else:
        log_prob = chain.log_prob
    if len(values) < FEWEST:
        raise DataError(
            f"too few draws in {place}", got=len(values), expected=f"at least {FEWEST} a chain"
        )
    bad = ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"{place} has draws that are not finite",
            got=f"{values[row, column]} for '{names[column]}' in row {row + 1}, "
            f"{bad.any(axis=1).sum()} such rows of {len(values)}",
            remedy="delete these rows, or choose other parameters with --parameters",
        )
    return Chain(values, weight, log_prob)


def _equal(chains: list[Chain], order: str) -> tuple[Array, Array | None, dict[str, float]]:
    """Equally weighted draws (chain, draw, d), their densities, and what the weights cost.

    Chains of unequal lengths are laid end to end and cut into as many equal pieces, so that each
    draw counts the same.
    """
    weighted = any(chain.weight is not None for chain in chains)
    stats = {}
    if weighted and order == "chain" and len(chains) == 1 and not _counts(chains):
        order = "independent"  # fractions come from nested or importance sampling
    if weighted and order == "independent":
        every = np.concatenate([_weight_of(chain) for chain in chains])
        stats["ess"] = effective_size(every)
    # All rows at once, so that each chain keeps its share.
    lengths = np.cumsum([0, *(len(chain.values) for chain in chains)])
    chosen = np.arange(lengths[-1])
    if weighted:
        chosen = equal_rows(np.concatenate([_weight_of(chain) for chain in chains]))
    rows = [chosen[(chosen >= a) & (chosen < b)] - a for a, b in pairwise(lengths)]
    values = np.concatenate([chain.values[r] for chain, r in zip(chains, rows, strict=True)])
    log_prob = None
    if all(chain.log_prob is not None for chain in chains):
        log_prob = np.concatenate(
            [np.asarray(chain.log_prob)[r] for chain, r in zip(chains, rows, strict=True)]
        )
    pieces = len(chains) if len(values) >= len(chains) * FEWEST else 1
    n = len(values) // pieces * pieces
    theta = values[:n].reshape(pieces, -1, values.shape[1])
    return theta, None if log_prob is None else log_prob[:n].reshape(pieces, -1), stats


def _weight_of(chain: Chain) -> Array:
    return np.ones(len(chain.values)) if chain.weight is None else chain.weight


def _counts(chains: list[Chain]) -> bool:
    """Whether all weights are whole numbers."""
    return all(c.weight is None or bool(np.all(c.weight == np.round(c.weight))) for c in chains)


def _tree(
    source: Source,
    names: list[str],
    held: list[str],
    theta: Array,
    log_prob: Array | None,
    stats: Mapping[str, float],
) -> xr.DataTree:
    table = source.table
    columns = {column.name: column for column in table.columns}
    attrs = {n: {"units": columns[n].unit, "long_name": columns[n].label} for n in names}
    described = [
        {"name": n, "label": columns[n].label, "unit": columns[n].unit}
        | ({"support": list(columns[n].support)} if np.isfinite(columns[n].support).any() else {})
        for n in names
    ]
    weighted = any(chain.weight is not None for chain in table.chains)
    rows = sum(len(chain.values) for chain in table.chains)
    provenance: dict[str, Any] = {
        "format": source.format,
        "files": _listed([file.name for file in table.files]),
        "sha256": _digest(table.files),
        "chains": len(table.chains),
        "rows": f"{rows}, weighted" if weighted else str(rows),
        **table.notes,
        "held fixed": ", ".join(held),
        "warnings": " ".join(table.warnings),
        "stats": dict(stats),
    }
    independent = table.order == "independent" and not stats
    tree = xr.DataTree.from_dict(
        {
            "posterior": from_array(theta, tuple(names), attrs),
            "sample_stats": xr.Dataset(
                {} if log_prob is None else {"lp": (("chain", "draw"), log_prob, {"normalised": 0})}
            ),
        }
    )
    return with_attrs(
        tree,
        schema_version=SCHEMA_VERSION,
        method=source.name,
        parameters=json.dumps(names),
        independent=int(independent),
        problem=json.dumps({"prior": {"parameters": described}}),
        provenance=json.dumps({k: v for k, v in provenance.items() if v != ""}),
        cost="{}",
        verdicts="[]",
        log_evidence=np.nan if table.log_evidence is None else table.log_evidence,
        log_evidence_err=np.nan if table.log_evidence_err is None else table.log_evidence_err,
    )


def _place(source: Source) -> str:
    return str(source.table.files[0]) if source.table.files else f"'{source.name}'"


def _listed(names: Sequence[str]) -> str:
    beside = f" and {len(names) - 1} beside it" if len(names) > 1 else ""
    return names[0] + beside if names else ""


def _digest(files: Sequence[Path]) -> str:
    """First 16 digits of the SHA-256 of one file, or of those of several."""
    digests = [hashlib.sha256(file.read_bytes()) for file in files]
    if len(digests) > 1:
        digests = [hashlib.sha256(b"".join(one.digest() for one in digests))]
    return digests[0].hexdigest()[:16] if digests else ""
