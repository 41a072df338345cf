"""Whether proposals cover the posterior that importance weights made of them."""

from __future__ import annotations

from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.result import Result

WARN, FAIL = 0.5, 0.7
"""Pareto k̂: below the first the weights have a variance; above the second no useful mean in any
affordable sample, and the sampler refuses them (Vehtari et al. 2024, arXiv:1507.02646)."""


def importance(pareto_k: float, effective: float) -> Verdict:
    """Judge importance weights by the tail of their distribution.

    Parameters
    ----------
    pareto_k : float
        Shape k̂ of the generalised Pareto distribution fitted to the largest weights.
    effective : float
        Effective number of the weighted draws.

    Returns
    -------
    Verdict
    """
    if not pareto_k <= FAIL:
        outcome, message = Outcome.FAIL, "the proposals miss a part of the posterior"
    elif pareto_k > WARN:
        outcome, message = (
            Outcome.WARN,
            "the proposals are much narrower than the posterior's tails",
        )
    else:
        outcome, message = Outcome.PASS, "the proposals cover the posterior"
    return Verdict(
        "importance",
        outcome,
        f"{message}: Pareto k = {pareto_k:.2f}, {effective:.0f} effective draws",
        statistic=pareto_k,
        threshold=FAIL,
    )


def check(result: Result) -> list[Verdict]:
    """Judge a result whose draws were weighted."""
    stats = result.provenance.get("stats", {})
    if "pareto_k" not in stats:
        return []
    return [importance(stats["pareto_k"], stats["kish"])]
