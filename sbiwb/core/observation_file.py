"""Observations from files: NumPy arrays and tables of numbers, nothing that could run code."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.observation import Observation
from sbiwb.errors import DataError

FORMATS = ".npy, .csv or .txt"
_SUFFIXES = (".npy", ".csv", ".txt")


def is_file_name(text: str) -> bool:
    """Whether a text names a file to read; if not, it is the name of an observation."""
    return Path(text).suffix in _SUFFIXES


def read_observation(path: str | os.PathLike[str]) -> Observation:
    """Read a datum from a file.

    Parameters
    ----------
    path : path
        ``.npy`` (an array of any shape), or ``.csv`` (commas) or ``.txt`` (blanks): numbers, and
        comments after ``#``.  One row or one column of numbers is read as a vector.

    Returns
    -------
    Observation
        Named after the file; its shape is checked when it meets a simulator.

    Raises
    ------
    DataError
        If the file is missing, of another format, or holds anything but numbers.
    """
    path = Path(path)
    if path.suffix not in _SUFFIXES:
        raise DataError("cannot read this kind of observation", got=path, expected=FORMATS)
    if not path.is_file():
        raise DataError("no such observation", got=path)
    try:
        x = _read(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"cannot read the observation {path}", got=error, expected="numbers only"
        ) from error
    return Observation(x, name=path.stem, source=str(path))


def _read(path: Path) -> Array:
    if path.suffix == ".npy":
        # Arrays of Python objects are pickles, which can run any code.
        x = np.load(path, allow_pickle=False)
        if x.dtype.kind not in "fiub":
            raise ValueError(f"an array of {x.dtype}")
        return np.asarray(x, dtype=np.float64)
    lines = [
        line for line in path.read_text("utf-8").splitlines() if line.partition("#")[0].strip()
    ]
    if not lines:
        raise ValueError("no numbers in it")
    x = np.loadtxt(lines, delimiter="," if path.suffix == ".csv" else None, ndmin=2)
    return x.ravel() if 1 in x.shape else x
