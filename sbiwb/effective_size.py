"""Effective sample size and R̂ of one quantity, computed by ArviZ."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from sbiwb.core.distributions import Array

_AXES = {"chain_axis": 0, "draw_axis": 1}


def ess(draws: Array, kind: Literal["bulk", "tail"]) -> float:
    """Effective sample size of draws (chain, draw); the tail is that of the 5 % and 95 % points."""
    extra = {"prob": (0.05, 0.95)} if kind == "tail" else {}
    return float(_arviz().ess(draws, method=kind, **_AXES, **extra))


def rhat(draws: Array) -> float:
    """Rank-normalised split R̂ of draws (chain, draw), from two chains on.

    Infinite if no chain moves and they differ.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(_arviz().rhat(draws, method="rank", **_AXES))


def _arviz() -> Any:
    # Imported on use: it is slow to import, and most commands do not need it.
    from arviz_stats import base

    return base.array_stats  # type: ignore[attr-defined]
