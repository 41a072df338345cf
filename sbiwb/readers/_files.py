"""Chains that lie in several numbered files with one beginning, their root."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError


def numbered(path: Path, separator: str, suffix: str) -> list[Path]:
    """Find all files ``ROOT{separator}N{suffix}`` of the root that `path` names, by number.

    Parameters
    ----------
    path : Path
        The root, or any of its numbered files.
    separator, suffix : str
        For example ``_`` and ``.txt``.
    """
    pattern = re.compile(rf"(.+){re.escape(separator)}(\d+){re.escape(suffix)}")
    own = pattern.fullmatch(path.name)
    root = own[1] if own else path.name
    if not path.parent.is_dir():
        return []
    found = {}
    for file in path.parent.iterdir():
        match = pattern.fullmatch(file.name)
        if match and match[1] == root and file.is_file():
            found[int(match[2])] = file
    return [found[number] for number in sorted(found)]


def first_line(path: Path) -> str:
    """Return the first line of a text file; empty if there is none, or it is not text."""
    try:
        with path.open("rb") as file:
            return file.readline(100_000).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def head_of(path: Path, size: int = 100_000) -> str:
    """Read the first whole lines of a text file, or raise `DataError`."""
    with path.open("rb") as file:
        head = file.read(size)
    if len(head) == size:
        head = head[: head.rfind(b"\n") + 1]
    return _decoded(head, path)


def numbers_of(path: Path) -> Array:
    """Read a table of numbers between blanks, comments after ``#``; shape (rows, columns).

    Raises
    ------
    DataError
        If there are none.
    """
    rows = [line for line in text_of(path).splitlines() if line.partition("#")[0].strip()]
    if not rows:
        raise DataError(f"{path} holds no draws")
    return np.loadtxt(rows, ndmin=2)


def text_of(path: Path) -> str:
    """Read a whole text file, or raise `DataError`."""
    return _decoded(path.read_bytes(), path)


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text", got=error) from error
