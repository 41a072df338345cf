"""Failed simulations: how many there were, and what leaving them out does to the posterior."""

from __future__ import annotations

from collections.abc import Mapping

from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.result import Result

FAIL = 0.2


def failures(counts: Mapping[str, int], *, learns_likelihood: bool) -> Verdict:
    """Judge the number of failed simulations.

    Parameters
    ----------
    counts : mapping of str to int
        Simulations per status name, as `Simulations.counts` gives them.
    learns_likelihood : bool
        A posterior learned from the valid simulations is right for valid data, since
        p(θ | x, valid) = p(θ | x).  A likelihood is not: it is p(x | θ) / P(valid | θ).

    Returns
    -------
    Verdict
    """
    total = sum(counts.values())
    failed = total - counts.get("ok", 0)
    share = failed / total if total else 0.0
    if failed == 0:
        return Verdict("failures", Outcome.PASS, "no simulation failed", 0.0, FAIL)
    how = ", ".join(f"{count} {name}" for name, count in counts.items() if name != "ok")
    effect = (
        "they were left out, which biases a learned likelihood towards parameters that fail"
        if learns_likelihood
        else "they were left out, which truncates the prior to parameters that can be simulated"
    )
    outcome = Outcome.FAIL if share > FAIL and learns_likelihood else Outcome.WARN
    message = f"{failed} of {total} simulations failed ({how}): {effect}"
    return Verdict("failures", outcome, message, share, FAIL)


def check(result: Result) -> list[Verdict]:
    """Judge the simulations a result was learned from."""
    counts = result.provenance.get("simulations")
    if counts is None:
        return []
    return [failures(counts, learns_likelihood="+" in result.method)]
