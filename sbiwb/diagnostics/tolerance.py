"""Whether draws made of simulations near the observation are wider than they should be."""

from __future__ import annotations

from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.result import Result

WIDER = 0.1
"""Share by which a parameter may be too wide."""
ERRORS = 2.0
KNOWN = 0.1
"""Largest standard error with which that share counts as known."""


def tolerance(widening: float, error: float, accepted: float) -> Verdict:
    """Judge an approximate posterior by how its width grows with the distance of simulations.

    Parameters
    ----------
    widening : float
        Share by which a parameter is wider than at tolerance zero, where that is most.
    error : float
        Its standard error.
    accepted : float
        Simulations that the posterior is made of.

    Returns
    -------
    Verdict
        Never a pass: summaries may have lost what would make the posterior narrower, and a
        regression may have moved draws of two modes between them, which no width tells.
    """
    limit = WIDER + ERRORS * error
    said = f"widths grow by {max(widening, 0.0):.0%} ± {error:.0%} over the {accepted:.0f} accepted"
    if widening > limit:
        outcome, message = Outcome.WARN, "approximate, wider than the posterior"
    elif error > KNOWN:
        outcome, message = Outcome.UNKNOWN, "approximate, how much wider cannot be told of so few"
    else:
        outcome, message = Outcome.UNKNOWN, "approximate, as narrow as its summaries allow"
    return Verdict("tolerance", outcome, f"{message}: {said}", widening, limit)


def check(result: Result) -> list[Verdict]:
    """Judge a result whose draws are simulations near the observation."""
    stats = result.provenance.get("stats", {})
    if "widening" not in stats:
        return []
    return [tolerance(stats["widening"], stats["widening_err"], stats["accepted"])]
