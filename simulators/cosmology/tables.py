"""The tables that lie in `data/`."""

from __future__ import annotations

from importlib import resources

import numpy as np

from sbiwb.core.distributions import Array


def table(name: str) -> Array:
    """Numbers of ``data/NAME.csv``, one row a line; shape (rows, columns)."""
    text = (resources.files(__package__) / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return np.loadtxt(text.splitlines(), delimiter=",", ndmin=2)
