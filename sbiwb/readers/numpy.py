"""NumPy arrays: ``.npz`` of one array a parameter, or ``.npy``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError
from sbiwb.readers._columns import LOG_PROB, WEIGHT, is_parameter, require_distinct, split_chains
from sbiwb.readers.base import Chain, Column, Reader, ReadOptions, Table

_WHOLE = ("samples", "draws", "theta", "chain")


class Numpy(Reader):
    """Named arrays (n,) or (chain, draw); structured arrays; plain arrays with names beside them.

    A plain array is (n, d) or (chain, draw, d).  In an ``.npz`` it is called ``samples``, ``draws``
    or ``theta`` and may have an array ``names``; otherwise the user gives the names.  Arrays called
    ``weight`` and ``log_prob`` are what their names say.  Arrays of Python objects are pickles,
    which can run any code, and are refused.
    """

    def recognises(self, path: Path) -> bool:
        return path.suffix in (".npy", ".npz") and path.is_file()

    def needs_names(self, path: Path) -> bool:
        arrays = _arrays(path)
        return _whole(arrays) is not None and "names" not in arrays

    def read(self, path: Path, options: ReadOptions) -> Table:
        arrays = _arrays(path)
        whole = _whole(arrays)
        if whole is not None:
            names, chains = _from_whole(arrays, whole, path, options)
        else:
            names, chains = _from_named(arrays, path)
        return Table(tuple(Column(name) for name in names), chains, "chain", (path,))


def _arrays(path: Path) -> dict[str, Array]:
    with path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            return {name: loaded[name] for name in loaded.files}
    if loaded.dtype.names:
        return {name: loaded[name] for name in loaded.dtype.names}
    return {"samples": loaded}


def _whole(arrays: Mapping[str, Array]) -> str | None:
    """Name of the one array that holds all parameters, if there is such a one."""
    if any(is_parameter(n) for n in arrays if n not in (*_WHOLE, "names")):
        return None
    return next((n for n in _WHOLE if n in arrays and arrays[n].ndim > 1), None)


def _from_whole(
    arrays: Mapping[str, Array], whole: str, path: Path, options: ReadOptions
) -> tuple[list[str], tuple[Chain, ...]]:
    values = _numbers(arrays[whole], whole, path)
    if values.ndim == 2:
        values = values[np.newaxis]
    if values.ndim != 3:
        raise DataError(
            f"{path} has the wrong shape", got=values.shape, expected="(n, d) or (chain, draw, d)"
        )
    count = values.shape[-1]
    inside = [str(name) for name in arrays["names"]] if "names" in arrays else None
    names = list(options.names or inside or [])
    if len(names) != count:
        letters = ",".join("abcdefghijklmnopqrstuvwxyz"[: min(count, 3)])
        raise DataError(
            f"{path} does not say what its columns are" if not names else f"{path}: wrong names",
            got=f"{len(names)} names for {count} columns",
            remedy=f"name them in order: --names {letters}{',…' if count > 3 else ''}",
        )
    require_distinct(names, path)
    shape = values.shape[:2]
    weight, log_prob = (
        next((_numbers(arrays[n], n, path).reshape(shape) for n in every if n in arrays), None)
        for every in (WEIGHT, LOG_PROB)
    )
    chains = tuple(
        Chain(
            values[k],
            None if weight is None else weight[k],
            None if log_prob is None else log_prob[k],
        )
        for k in range(len(values))
    )
    return names, chains


def _from_named(arrays: Mapping[str, Array], path: Path) -> tuple[list[str], tuple[Chain, ...]]:
    columns = {name: _numbers(array, name, path) for name, array in arrays.items()}
    shapes = {array.shape for array in columns.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) not in (1, 2):
        raise DataError(
            f"the arrays in {path} do not fit together",
            got=", ".join(f"{name} {array.shape}" for name, array in columns.items()),
            expected="one shape, (n,) or (chain, draw)",
        )
    shape = next(iter(shapes))
    if len(shape) == 2:
        columns["chain"] = np.repeat(np.arange(shape[0], dtype=float), shape[1])
    return split_chains({name: array.ravel() for name, array in columns.items()}, path)


def _numbers(array: Array, name: str, path: Path) -> Array:
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"'{name}' in {path} is not numeric", got=array.dtype, expected="real numbers"
        )
    return np.asarray(array, dtype=np.float64)
