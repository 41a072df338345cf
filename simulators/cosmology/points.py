"""BAO measurements: redshifts, distances over the sound horizon and their covariance.

The format is that of DESI's released files: lines ``z value quantity`` and a square matrix, with
blanks or commas between the numbers and ``#`` before comments.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError, did_you_mean

QUANTITIES = {"DM_over_rs": "DM/rd", "DH_over_rs": "DH/rd", "DV_over_rs": "DV/rd"}

# Name of a data set, whose two files lie in `data/` → its short name and where it was published.
PUBLISHED = {
    "desi_dr2": ("DESI DR2", "DESI Collaboration, DR2 Results II, arXiv:2503.14738"),
}

# Rounded matrices are asymmetric in their last digit; singular ones have an eigenvalue ≈ 1e-16.
_ASYMMETRY = 1e-6
_SMALLEST_EIGENVALUE = 1e-10


@dataclass(frozen=True)
class Points:
    """BAO measurements.

    Parameters
    ----------
    z, value : ndarray, shape (k,)
        Redshift, and distance over the sound horizon.
    quantity : tuple of str
        ``"DM_over_rs"``, ``"DH_over_rs"`` or ``"DV_over_rs"`` for each point.
    covariance : ndarray, shape (k, k)
    name, source : str
        Short name, and where the numbers come from.
    sha256 : str
        Hash of the two files.
    """

    z: Array
    value: Array
    quantity: tuple[str, ...]
    covariance: Array
    name: str
    source: str
    sha256: str

    def __len__(self) -> int:
        return len(self.z)

    @property
    def names(self) -> tuple[str, ...]:
        """A readable name for each point, for example ``DM/rd(z=0.51)``."""
        return tuple(
            f"{QUANTITIES[q]}(z={z:g})" for q, z in zip(self.quantity, self.z, strict=True)
        )


def published_points(name: str) -> Points:
    """Return the published data set called `name`, a key of `PUBLISHED`."""
    folder = resources.files(__package__) / "data"
    return _points(
        folder / f"{name}_points.csv", folder / f"{name}_covariance.csv", *PUBLISHED[name]
    )


def read_points(mean_file: Path, covariance_file: Path) -> Points:
    """Read a pair of files in DESI's text format.

    Raises
    ------
    DataError
        If a file cannot be read, a line has the wrong number of columns, an unknown quantity or
        something that is not a finite number, a redshift is not positive, or the covariance has
        the wrong shape, is not symmetric or not positive definite.
    """
    return _points(
        mean_file, covariance_file, mean_file.name, f"{mean_file.name}, {covariance_file.name}"
    )


def _points(mean_file: Traversable, covariance_file: Traversable, name: str, source: str) -> Points:
    mean_text, covariance_text = _read(mean_file), _read(covariance_file)
    z, value, quantity = _measurements(mean_text, mean_file)
    return Points(
        z=z,
        value=value,
        quantity=quantity,
        covariance=_covariance(covariance_text, covariance_file, len(z)),
        name=name,
        source=source,
        sha256=hashlib.sha256(f"{mean_text}\0{covariance_text}".encode()).hexdigest(),
    )


def _measurements(text: str, file: Traversable) -> tuple[Array, Array, tuple[str, ...]]:
    rows = _rows(text)
    if not rows:
        raise DataError(f"{file} holds no points", expected="lines 'z value quantity'")
    for line, row in rows:
        where = f"{file}, line {line}"
        if len(row) != 3:
            raise DataError(
                f"{where}: wrong number of columns",
                got=len(row),
                expected="3: z, value, quantity",
            )
        if row[2] not in QUANTITIES:
            raise DataError(
                f"{where}: unknown quantity",
                got=f"'{row[2]}'",
                expected=f"one of {', '.join(QUANTITIES)}",
                remedy=did_you_mean(row[2], QUANTITIES),
            )
        if (z := _number(row[0], file, line)) <= 0:
            raise DataError(f"{where}: bad redshift", got=z, expected="z > 0")
    numbers = np.array([[_number(text, file, line) for text in row[:2]] for line, row in rows])
    return numbers[:, 0], numbers[:, 1], tuple(row[2] for _, row in rows)


def _covariance(text: str, file: Traversable, size: int) -> Array:
    rows = _rows(text)
    widths = sorted({len(row) for _, row in rows})
    if len(rows) != size or widths != [size]:
        columns = " or ".join(map(str, widths)) or "0"
        raise DataError(
            f"the covariance in {file} has the wrong shape",
            got=f"{len(rows)} rows of {columns} numbers",
            expected=f"{size} × {size}, one row and column per point",
        )
    matrix = np.array([[_number(text, file, line) for text in row] for line, row in rows])
    variance = np.diag(matrix)
    if np.any(variance <= 0):
        raise DataError(
            f"the covariance in {file} is not positive definite",
            got=f"variance {variance.min():g} of point {int(variance.argmin()) + 1}",
            expected="positive variances",
        )
    scale = np.sqrt(variance)
    correlation = matrix / np.outer(scale, scale)
    asymmetry = np.abs(correlation - correlation.T)
    if asymmetry.max() > _ASYMMETRY:
        i, j = np.unravel_index(asymmetry.argmax(), asymmetry.shape)
        raise DataError(
            f"the covariance in {file} is not symmetric",
            got=f"{matrix[i, j]:g} and {matrix[j, i]:g} at ({i + 1}, {j + 1}) and its mirror",
        )
    smallest = np.linalg.eigvalsh((correlation + correlation.T) / 2).min()
    if smallest < _SMALLEST_EIGENVALUE:
        raise DataError(
            f"the covariance in {file} is singular or not positive definite",
            got=f"smallest eigenvalue {smallest:.1e} of the correlation matrix",
            expected=f"at least {_SMALLEST_EIGENVALUE:g}",
            remedy="leave out points that repeat others",
        )
    symmetric: Array = (matrix + matrix.T) / 2
    return symmetric


def _read(file: Traversable) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {file}", got=error, expected="a text file") from error


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Line number and fields of each line that holds any."""
    lines = (line.split("#")[0].replace(",", " ").split() for line in text.splitlines())
    return [(number, fields) for number, fields in enumerate(lines, start=1) if fields]


def _number(text: str, file: Traversable, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise DataError(
            f"{file}, line {line}: bad number", got=f"'{text}'", expected="a finite number"
        )
    return value
