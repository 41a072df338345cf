"""How checks are called and ordered in tables, and how outcomes are said."""

from __future__ import annotations

from collections.abc import Iterable

from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.report.text import clean

TITLES = {
    "rhat": "R̂",
    "ess": "Effective draws",
    "chain_length": "Chain length",
    "autocorrelation": "Autocorrelation",
    "divergences": "Divergences",
    "insertion_ranks": "Insertion ranks",
    "importance": "Importance weights",
    "tolerance": "Tolerance",
    "evidence": "Error of the evidence",
    "tarp": "Coverage (TARP)",
    "sbc": "Ranks (SBC)",
    "expected_coverage": "Densest regions",
    "correlations": "Correlations",
    "lc2st": "Near the observation",
    "power": "Would have shown",
    "sharpness": "Sharpness",
    "predictive": "Posterior predictive",
    "prior_predictive": "Prior predictive",
    "misspecification": "Density ratio",
    "identifiability": "Identifiability",
    "walls": "Ends of the prior",
    "sensitivity": "Weight of the prior",
    "profile": "Profile likelihood",
    "compression": "Information kept",
    "failures": "Simulations",
    "truncation": "Truncation",
    "agreement": "Agreement",
}
GROUPS = {
    "Sampler": (
        "rhat",
        "ess",
        "chain_length",
        "autocorrelation",
        "divergences",
        "insertion_ranks",
        "importance",
        "tolerance",
        "evidence",
    ),
    "Calibration": (
        "tarp",
        "sbc",
        "expected_coverage",
        "correlations",
        "lc2st",
        "power",
        "sharpness",
    ),
    "Prior predictive": ("prior_predictive", "misspecification"),
    "Question": ("identifiability", "walls", "sensitivity", "profile", "compression"),
}
"""Checks that share a column, so that a table fits: their sentences say which it was."""
WORDS = {
    Outcome.PASS: "pass",
    Outcome.UNKNOWN: "cannot tell",
    Outcome.WARN: "warn",
    Outcome.FAIL: "fail",
}


def check_of(verdict: Verdict) -> str:
    """Name of the check, without the parameter in brackets."""
    return verdict.name.partition("[")[0]


def columns(verdicts: Iterable[Verdict]) -> dict[str, tuple[str, ...]]:
    """Heading of a column → its checks; those of a group share one."""
    group_of = {check: group for group, checks in GROUPS.items() for check in checks}
    found: dict[str, tuple[str, ...]] = {}
    for check in in_order(verdicts):
        heading = group_of.get(check) or title_of(check)
        found[heading] = (*found.get(heading, ()), check)
    return found


def title_of(check: str) -> str:
    """Heading of a check."""
    return TITLES.get(check) or check.replace("_", " ").capitalize()


def in_sentence(check: str) -> str:
    """Heading of a check as it stands within a sentence."""
    title = title_of(check)
    return title[0].lower() + title[1:] if title[1:2].islower() else title


def spoken(verdict: Verdict) -> str:
    """The check and, where it is about one parameter, which."""
    check, bracket, rest = verdict.name.partition("[")
    return clean(f"{in_sentence(check)} {bracket}{rest}".strip())


def sentence(verdict: Verdict) -> str:
    """What the check found, as a sentence."""
    text = clean(verdict.message, 600).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def in_order(verdicts: Iterable[Verdict]) -> list[str]:
    """Checks that occur: the known ones in their order, then the others, agreement last."""
    present = list(dict.fromkeys(check_of(v) for v in verdicts))
    known = [c for c in TITLES if c in present and c != "agreement"]
    others = [c for c in present if c not in TITLES]
    return [*known, *others, *(c for c in present if c == "agreement")]
