"""Whether truncated rounds cut the posterior: draws that pile up at a wall of the box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.result import Result

STRIP = 0.01
"""Width of the strip along a wall, as a share of the box."""
WARN, FAIL = 0.002, 0.01
"""Share of draws in a strip: a posterior that is flat up to the wall has `STRIP`, one that the box
holds has next to none."""


def truncation(u: Array, box: Sequence[Sequence[float]], names: Sequence[str]) -> Verdict:
    """Judge draws by how many touch a wall that truncation put there.

    Parameters
    ----------
    u : ndarray, shape (n, d)
        Draws in the unit cube of the truncated prior.
    box : sequence of (low, high)
        The box inside the whole prior's unit cube: a side at 0 or 1 is the prior's own edge.
    names : sequence of str
        Parameter names.

    Returns
    -------
    Verdict
    """
    worst, place = 0.0, ""
    for k, (name, (low, high)) in enumerate(zip(names, box, strict=True)):
        sides = (("lower", u[:, k] < STRIP, low > 0.0), ("upper", u[:, k] > 1 - STRIP, high < 1.0))
        for side, touching, is_wall in sides:
            share = float(np.mean(touching)) if is_wall else 0.0
            if share >= worst and is_wall:
                worst, place = share, f"{side} wall of {name}"
    outcome = Outcome.FAIL if worst > FAIL else Outcome.WARN if worst > WARN else Outcome.PASS
    message = (
        "the truncated prior holds the whole posterior"
        if outcome is Outcome.PASS
        else f"truncation cut the posterior: {worst:.1%} of the draws touch the {place}; "
        "repeat with fewer rounds or a larger budget"
    )
    return Verdict("truncation", outcome, message, statistic=worst, threshold=FAIL)


def check(result: Result) -> list[Verdict]:
    """Judge a result of truncated rounds."""
    box = result.provenance["box"]
    if result.problem is None or all(tuple(side) == (0.0, 1.0) for side in box):
        return []
    u = result.training_prior.to_unit(result.samples())
    return [truncation(u, box, result.names)]
