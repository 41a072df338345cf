"""The contract of a reader."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from sbiwb import registry
from sbiwb.errors import SbiwbError
from sbiwb.readers.base import DAMAGE, Reader, ReadOptions, Table
from sbiwb.testing.contract import must_not_raise, require

_GARBAGE = {
    "empty": b"",
    "text": b"not a table\n",
    "binary": bytes(range(256)),
    "hdf5": b"\x89HDF\r\n\x1a\n" + b"\0" * 64,
}


def check_reader(reader: str | Reader, path: Path, *, names: tuple[str, ...] | None = None) -> None:
    """Check that a reader keeps its contract, as far as reading one file can tell.

    Parameters
    ----------
    reader : str or Reader
    path : Path
        A whole file of its format, or the root of several.
    names : tuple of str, optional
        Names of the parameters, if the format holds none.

    Raises
    ------
    ContractError
        Naming the first broken clause.
    """
    if isinstance(reader, str):
        reader = registry.reader(reader)
    subject = f"reader '{type(reader).__name__}'"
    options = ReadOptions(names=names)
    with must_not_raise(subject, "recognises"):
        require(reader.recognises(path), subject, "does not recognise its own format", got=path)
        _must_not_recognise(reader, subject, path)
    with must_not_raise(subject, "needs_names"):
        needs = reader.needs_names(path)
    require(
        needs == (names is not None), subject, "does not tell whether it needs names", got=needs
    )
    with must_not_raise(subject, "read"):
        table = reader.read(path, options)
        again = reader.read(path, options)
    _check_table(table, subject)
    require(_equal(table, again), subject, "the same file gives other draws")
    _check_damaged(reader, subject, table, path, options)
    if reader.burns_in:
        with must_not_raise(subject, "read with burn_in=0.5"):
            half = reader.read(path, replace(options, burn_in=0.5))
        n = len(reader.read(path, replace(options, burn_in=0.0)).chains[0].values)
        got = len(half.chains[0].values)
        require(got == n - int(0.5 * n), subject, "burn_in=0.5 does not halve a chain", got=got)


def _must_not_recognise(reader: Reader, subject: str, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        require(not reader.recognises(Path(folder)), subject, "recognises an empty folder")
        require(not reader.recognises(Path(folder, "none")), subject, "recognises what is missing")
        for name, content in _GARBAGE.items():
            file = Path(folder, f"{name}{path.suffix}")
            file.write_bytes(content)
            # A suffix alone tells formats that have no marks inside, as .npy.
            own = path.suffix in (".npy", ".npz")
            require(own or not reader.recognises(file), subject, f"recognises {name} content")


def _check_table(table: Table, subject: str) -> None:
    require(isinstance(table, Table), subject, "read does not return a Table")
    names = [column.name for column in table.columns]
    require(len(set(names)) == len(names) > 0, subject, "names are not distinct", got=names)
    require(table.chains, subject, "there is no chain")
    require(table.files, subject, "the files are not named")
    require(all(f.is_file() for f in table.files), subject, "a file that was read is not there")
    for chain in table.chains:
        shape = (len(chain.values), len(names))
        require(chain.values.shape == shape, subject, "draws do not fit the columns")
        require(chain.values.dtype == np.float64, subject, "draws are not float64")
        for beside in (chain.weight, chain.log_prob):
            fits = beside is None or beside.shape == shape[:1]
            require(fits, subject, "weights or densities do not fit the draws")


def _check_damaged(
    reader: Reader, subject: str, table: Table, path: Path, options: ReadOptions
) -> None:
    """A file that is cut anywhere is refused or read in part, never with another exception."""
    with tempfile.TemporaryDirectory() as folder:
        for file in table.files:
            shutil.copy(file, folder)
        victim = Path(folder, table.files[0].name)
        whole = victim.read_bytes()
        for share in (0.0, 0.1, 0.5, 0.9):
            victim.write_bytes(whole[: int(share * len(whole))])
            with must_not_raise(subject, f"reading a file cut to {share:.0%}"):
                try:
                    reader.recognises(Path(folder, path.name))
                    reader.read(Path(folder, path.name), options)
                except (SbiwbError, *DAMAGE):
                    pass


def _equal(one: Table, other: Table) -> bool:
    return one.columns == other.columns and all(
        np.array_equal(a.values, b.values, equal_nan=True)
        for a, b in zip(one.chains, other.chains, strict=True)
    )
