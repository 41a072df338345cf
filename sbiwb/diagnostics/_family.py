"""One error rate for all checks of one calibration set (Holm 1979).

Each check by itself rejects an exact posterior at its own rate, and several together more often.
They ask one question of one set of simulations and are therefore one family.  Checks of the
observation and of the sampler ask others, and keep their own rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sbiwb.core.verdict import Verdict
from sbiwb.diagnostics._grade import FAIL, WARN, grade, p_text, significance, worse

CHECKS = ("tarp", "sbc", "expected_coverage", "correlations", "lc2st")


def corrected(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Correct the p-values of calibration checks for their number, and grade them anew.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Of any checks, each corrected within itself.  Others are returned as they are.

    Returns
    -------
    list of Verdict
        In the same order.  A verdict that was no PASS by its own p-value says so still, and gives
        both p-values: the message stays true, the outcome is that of all checks together.
    """
    least: dict[str, float] = {}
    for verdict in verdicts:
        check = _check(verdict)
        if check in CHECKS and verdict.p_value is not None:
            least[check] = min(verdict.p_value, least.get(check, 1.0))
    # Holm steps down: a check counts those that have not yet been rejected, and no p-value may be
    # less than that of a check before it.
    floors, factors, floor = {}, {}, 0.0
    for position, check in enumerate(sorted(least, key=lambda check: least[check])):
        factors[check] = len(least) - position
        floor = max(floor, min(1.0, factors[check] * least[check]))
        floors[check] = floor
    return [
        verdict
        if verdict.p_value is None or (check := _check(verdict)) not in least
        else _with(
            verdict,
            min(1.0, max(floors[check], factors[check] * verdict.p_value)),
            len(least),
        )
        for verdict in verdicts
    ]


def _with(verdict: Verdict, p_value: float, checks: int) -> Verdict:
    assert verdict.p_value is not None  # for the type checker
    changed = replace(verdict, p_value=p_value, statistic=significance(p_value))
    if verdict.p_value >= WARN or p_value == verdict.p_value:
        return changed
    message = f"{verdict.message}, {p_text(p_value)} as one of {checks} checks"
    if p_value >= WARN:
        message += ": within chance"
    regraded = worse(grade(p_value, WARN, FAIL), verdict.at_best)
    # A correction makes no verdict worse: a check may have reason to warn where p alone would fail.
    outcome = verdict.outcome if worse(regraded, verdict.outcome) is regraded else regraded
    return replace(changed, outcome=outcome, message=message)


def _check(verdict: Verdict) -> str:
    return verdict.name.partition("[")[0]
