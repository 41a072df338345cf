"""How far draws are from those of the true posterior, in the benchmark's own measures."""

from __future__ import annotations

from sbiwb.core.distributions import Array
from sbiwb.distances.c2st import c2st
from sbiwb.distances.mmd import mmd
from sbiwb.distances.sliced_wasserstein import sliced_wasserstein

MEASURES = ("c2st", "sliced_wasserstein", "mmd")
MMD_DRAWS = 4000
"""MMD looks at every pair: more draws take gigabytes."""


def score(reference: Array, draws: Array, seed: int) -> dict[str, float]:
    """Every measure of `MEASURES` between reference draws (n, d) and draws (m, d)."""
    return {
        "c2st": round(c2st(reference, draws, seed=seed), 4),
        "sliced_wasserstein": round(sliced_wasserstein(reference, draws, seed=seed), 4),
        "mmd": round(mmd(reference[:MMD_DRAWS], draws[:MMD_DRAWS]), 6),
    }
