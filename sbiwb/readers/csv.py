"""Tables of draws as text: a header of names, then numbers."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from sbiwb.errors import DataError
from sbiwb.readers._columns import require_distinct, split_chains
from sbiwb.readers._files import head_of, text_of
from sbiwb.readers.base import Column, Reader, ReadOptions, Table

_SUFFIXES = (".csv", ".tsv", ".txt", ".dat")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.I)


class Csv(Reader):
    """Commas, tabs, semicolons or blanks between columns; ``#`` starts a comment.

    The names stand in the first line, or in the last comment before the numbers, as NumPy's
    ``savetxt`` writes them.  Columns called ``weight`` or ``log_weight``, ``log_prob`` and
    ``chain`` are what their names say.
    """

    def recognises(self, path: Path) -> bool:
        """Whether a header of names stands above numbers."""
        if path.suffix not in _SUFFIXES or not path.is_file():
            return False
        try:
            names, rows = _parse(head_of(path))
        except (DataError, OSError):
            return False
        is_stan = "lp__" in names and sum(name.endswith("__") for name in names) > 1
        is_cobaya = names[:2] == ["weight", "minuslogpost"]
        return bool(names) and bool(rows) and not is_stan and not is_cobaya

    def read(self, path: Path, options: ReadOptions) -> Table:  # noqa: ARG002 - it takes none
        names, rows = _parse(text_of(path))
        if not names:
            raise DataError(
                f"{path} has no header",
                got=rows[0][:60] if rows else "an empty file",
                expected="the names of the columns in the first line",
            )
        require_distinct(names, path)
        if not rows:
            raise DataError(f"{path} has a header and no draws")
        delimiter = _delimiter(rows[0])
        ragged = [k for k, row in enumerate(rows) if len(_split(row, delimiter)) != len(names)]
        if ragged:
            raise DataError(
                f"{path} is damaged: row {ragged[0] + 1} has another number of columns",
                got=len(_split(rows[ragged[0]], delimiter)),
                expected=len(names),
            )
        numbers = np.loadtxt(rows, delimiter=delimiter, ndmin=2, comments=None)
        columns = dict(zip(names, numbers.T, strict=True))
        parameters, chains = split_chains(columns, path)
        return Table(tuple(Column(name) for name in parameters), chains, "chain", (path,))


def _parse(text: str) -> tuple[list[str], list[str]]:
    """Split a file into names and rows of numbers."""
    comment = ""
    rows: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("#"):
            comment = bare.lstrip("# ") if not rows else comment
        elif bare:
            rows.append(bare.partition("#")[0].strip() if rows else bare)
    if not rows:
        return [], []
    delimiter = _delimiter(rows[0])
    first = _split(rows[0], delimiter)
    if not all(_NUMBER.fullmatch(entry) for entry in first):
        return first, rows[1:]
    named = _split(comment, _delimiter(comment))
    return (named, rows) if len(named) == len(first) else ([], rows)


def _delimiter(line: str) -> str | None:
    return next((mark for mark in ",;\t" if mark in line), None)


def _split(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return [
        entry.strip()
        for entry in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    ]
