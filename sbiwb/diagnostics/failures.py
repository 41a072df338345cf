"""Failed simulations and likelihoods: how many, and what leaving them out does to the posterior."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.result import Result

FAIL = 0.2
FAIL_NEAR = 0.01
"""Share of all evaluations of a likelihood that failed in or beside the posterior."""
BESIDE = 1.0
"""Standard deviations of the draws: a posterior that failures cut has no draws beyond the cut."""


def failures(
    counts: Mapping[str, int],
    *,
    learns_likelihood: bool,
    is_corrected: bool = False,
    reason: str = "",
) -> Verdict:
    """Judge the number of failed simulations.

    Parameters
    ----------
    counts : mapping of str to int
        Simulations per status name, as `Simulations.counts` gives them.
    learns_likelihood : bool
        A posterior learned from the valid simulations is right for valid data, since
        p(θ | x, valid) = p(θ | x).  A likelihood is not: it is p(x | θ) / P(valid | θ).
    is_corrected : bool
        Whether P(valid | θ) was learned too.
    reason : str
        The commonest one, in the simulator's words.

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
    how += f"; most often: {reason}" if reason else ""
    if not learns_likelihood:
        effect = "left out, which truncates the prior to parameters that can be simulated"
    elif is_corrected:
        effect = "left out, and the likelihood is multiplied by the learned chance of success"
    else:
        effect = "left out, which biases a learned likelihood towards parameters that fail"
    is_biased = learns_likelihood and not is_corrected
    outcome = Outcome.FAIL if share > FAIL and is_biased else Outcome.WARN
    message = f"{failed} of {total} simulations failed ({how}): they were {effect}"
    return Verdict("failures", outcome, message, share, FAIL)


def failed_likelihoods(
    number: int, calls: int, theta: ArrayLike, draws: ArrayLike, reason: str
) -> Verdict:
    """Judge evaluations of an exact likelihood that failed.

    They count as impossible, so the posterior lacks the parameters at which the model could not
    be computed.  That is harmless where the posterior has no mass anyway: what matters is how many
    of them lie among the draws or just beside them.

    Parameters
    ----------
    number, calls : int
        Evaluations that failed, and all.
    theta : array, shape (m, d)
        Where they failed, or where the latest did, when the sampler was nearest the posterior.
    draws : array, shape (n, d)
        Of the posterior; near is what lies in the box of their central 99 % in each parameter,
        widened by a standard deviation on either side.
    reason : str
        The commonest one.

    Returns
    -------
    Verdict
        WARN, or FAIL if those near the draws are more than `FAIL_NEAR` of all evaluations.
    """
    draws, where = np.asarray(draws), np.asarray(theta)
    low, high = np.quantile(draws, [0.005, 0.995], axis=0)
    width = BESIDE * draws.std(axis=0)
    near = float(np.mean(np.all((where >= low - width) & (where <= high + width), axis=1)))
    share = near * number / max(calls, 1)
    outcome = Outcome.FAIL if share > FAIL_NEAR else Outcome.WARN
    message = (
        f"{number} of {calls} evaluations of the likelihood failed ({reason}) and counted as "
        f"impossible; {near:.0%} of the latest lie where the posterior is or just beside it"
    )
    return Verdict("failures", outcome, message, share, FAIL_NEAR)


def left_out(failed: int, total: int, purpose: str) -> Verdict:
    """Report simulations that were made for a check, failed and were left out of it."""
    message = (
        f"{failed} of {total} simulations of the {purpose} failed and were left out: "
        "it says nothing of parameters that cannot be simulated"
    )
    return Verdict(f"failures[{purpose}]", Outcome.WARN, message, failed / total)


def check(result: Result) -> list[Verdict]:
    """Judge the simulations a result was learned from, or the likelihoods it was drawn with."""
    return [*_learned_from(result), *_checked_with(result)]


def _checked_with(result: Result) -> list[Verdict]:
    """What checks had to leave out; nothing where nothing failed."""
    verdicts = []
    for group, name in (
        ("calibration", "calibration"),
        ("posterior_predictive", "predictive check"),
    ):
        if group in result.tree.children:
            attrs = result.tree[group].attrs
            if failed := int(attrs.get("failed", 0)):
                verdicts.append(left_out(failed, int(attrs["simulator_calls"]), name))
    return verdicts


def _learned_from(result: Result) -> list[Verdict]:
    if (lost := result.provenance.get("likelihood_failures")) is not None:
        reason = next(iter(lost["reasons"]))
        calls = result.cost.likelihood_calls
        draws = result.samples()
        return [failed_likelihoods(lost["number"], calls, lost["theta"], draws, reason)]
    counts = result.provenance.get("simulations")
    if counts is None:
        return []
    return [
        failures(
            counts,
            learns_likelihood="+" in result.method,
            is_corrected="validity" in result.provenance.get("network", {}),
            reason=_commonest_reason(result),
        )
    ]


def _commonest_reason(result: Result) -> str:
    if "failed_simulations" not in result.tree.children:
        return ""
    kept = result.tree["failed_simulations"].to_dataset()
    reasons = Counter(map(str, kept["reason"].values))
    return reasons.most_common(1)[0][0]
