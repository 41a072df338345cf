"""From a p-value to an outcome: one rule for every check that has a null distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy import special

from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.errors import UsageError

WARN = 0.05
FAIL = 0.01


def grade(p_value: float, warn: float, fail: float) -> Outcome:
    """FAIL below `fail`, WARN below `warn`, else PASS."""
    if p_value < fail:
        return Outcome.FAIL
    return Outcome.WARN if p_value < warn else Outcome.PASS


def worse(first: Outcome, second: Outcome) -> Outcome:
    """The worse of two outcomes."""
    return max(first, second, key=list(Outcome).index)


def significance(p_value: float) -> float:
    """p as the distance from the mean, in standard deviations, of a normal with such tails."""
    return float(-special.ndtri(max(p_value, 1e-300) / 2))


def judged(
    name: str,
    p_value: float,
    message: str,
    curve: Mapping[str, Any],
    *,
    warn: float,
    fail: float,
    at_best: Outcome = Outcome.PASS,
) -> Verdict:
    """Build the verdict of a test: its statistic is the significance, so that larger is worse."""
    return Verdict(
        name,
        worse(grade(p_value, warn, fail), at_best),
        f"{message} ({p_text(p_value)})",
        statistic=significance(p_value),
        threshold=significance(fail),
        p_value=p_value,
        curve=curve,
        at_best=at_best,
    )


def check_levels(warn: float, fail: float) -> None:
    """Raise `UsageError` unless 0 < fail ≤ warn < 1."""
    if not 0 < fail <= warn < 1:
        raise UsageError(
            "bad p-value levels",
            got=f"warn={warn}, fail={fail}",
            expected="0 < fail ≤ warn < 1",
        )


def p_text(p_value: float) -> str:
    """For messages: ``p = 0.43`` or ``p < 1e-12``."""
    return "p < 1e-12" if p_value < 1e-12 else f"p = {p_value:.2g}"
