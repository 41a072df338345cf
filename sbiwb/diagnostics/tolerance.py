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
        A pass says that a smaller tolerance would change nothing, not that the draws are those of
        the posterior: summaries may have lost what would make it narrower still.
    """
    limit = WIDER + ERRORS * error
    said = f"widths grow by {max(widening, 0.0):.0%} ± {error:.0%} over the {accepted:.0f} accepted"
    if widening > limit:
        outcome, message = Outcome.WARN, f"approximate, wider than the posterior: {said}"
    elif error > KNOWN:
        outcome, message = Outcome.UNKNOWN, f"cannot tell, with so few accepted: {said}"
    else:
        outcome, message = Outcome.PASS, f"approximate, as narrow as its summaries allow: {said}"
    return Verdict("tolerance", outcome, message, statistic=widening, threshold=limit)


def check(result: Result) -> list[Verdict]:
    """Judge a result whose draws are simulations near the observation."""
    stats = result.provenance.get("stats", {})
    if "widening" not in stats:
        return []
    return [tolerance(stats["widening"], stats["widening_err"], stats["accepted"])]
