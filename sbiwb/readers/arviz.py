"""ArviZ NetCDF files, InferenceData as well as DataTree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError
from sbiwb.readers.base import Chain, Column, Reader, ReadOptions, Table


class Arviz(Reader):
    """The group ``posterior``; a variable with further dimensions is one parameter an entry.

    Entries are named as ArviZ names them, ``theta[first]``, by coordinate.  ``lp`` of
    ``sample_stats`` is kept.
    """

    def recognises(self, path: Path) -> bool:
        if not path.is_file() or not h5py.is_hdf5(path):
            return False
        try:
            with h5py.File(path) as file:
                group = file.get("posterior")
                return (
                    isinstance(group, h5py.Group)
                    and "draw" in group
                    and "chain" in group
                    and "schema_version" not in file.attrs  # a result of the workbench
                )
        except OSError:
            return False

    def read(self, path: Path, options: ReadOptions) -> Table:  # noqa: ARG002 - it takes none
        with xr.open_dataset(path, group="posterior", engine="h5netcdf") as opened:
            posterior = opened.load()
        log_prob = _log_prob(path, posterior.sizes["chain"], posterior.sizes["draw"])
        columns, arrays = [], []
        for name, variable in posterior.data_vars.items():
            if not {"chain", "draw"} <= set(variable.dims) or variable.dtype.kind not in "fiub":
                continue
            label = str(variable.attrs.get("long_name", "")).strip("$")
            for entry, values in _entries(str(name), variable):
                columns.append(Column(entry, label, str(variable.attrs.get("units", ""))))
                arrays.append(np.asarray(values, dtype=np.float64))
        if not columns:
            raise DataError(f"the posterior in {path} has no numeric variable")
        draws = np.stack(arrays, axis=-1)
        chains = tuple(
            Chain(draws[k], None, None if log_prob is None else log_prob[k])
            for k in range(len(draws))
        )
        return Table(tuple(columns), chains, "chain", (path,))


def _entries(name: str, variable: xr.DataArray) -> Iterator[tuple[str, Array]]:
    """Name and draws (chain, draw) of each entry of a variable."""
    others = [dim for dim in variable.dims if dim not in ("chain", "draw")]
    whole = variable.transpose("chain", "draw", *others)
    for index in np.ndindex(whole.shape[2:]):
        if not index:
            yield name, whole.to_numpy()
            continue
        place = [
            str(whole[dim].values[k]) if dim in whole.coords else str(k)
            for dim, k in zip(others, index, strict=True)
        ]
        yield f"{name}[{', '.join(place)}]", whole.to_numpy()[(..., *index)]


def _log_prob(path: Path, chains: int, draws: int) -> Array | None:
    with h5py.File(path) as file:
        lp = file.get("sample_stats/lp")
        if lp is None or lp.shape != (chains, draws):
            return None
        return np.asarray(lp[...], dtype=np.float64)
