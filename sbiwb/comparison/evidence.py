"""Evidence of problems that explain the same data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sbiwb.comparison.groups import Group


@dataclass(frozen=True)
class Evidence:
    """Evidence of one problem by one method, against the best problem for the same data.

    Parameters
    ----------
    problem, method : str
    log_evidence, error : float
        log p(x) and its standard error (NaN if unknown).
    difference, difference_error : float
        log p(x) minus that of the best problem by the same method; NaN without a rival.
    weight : float
        Posterior probability of the problem among its rivals, each equally probable a priori.
    """

    problem: str
    method: str
    log_evidence: float
    error: float
    difference: float = math.nan
    difference_error: float = math.nan
    weight: float = math.nan

    @property
    def words(self) -> str:
        """Strength of the evidence for the best problem over this one."""
        if math.isnan(self.difference):
            return ""
        if self.difference == 0:
            return "preferred"
        return kass_raftery(-self.difference)


def kass_raftery(log_bayes_factor: float) -> str:
    """Strength of a Bayes factor in words.

    Parameters
    ----------
    log_bayes_factor : float
        ln of the Bayes factor in favour of the better model, ≥ 0.

    References
    ----------
    Kass & Raftery (1995), J. Am. Stat. Assoc. 90, 773, section 3.2; their scale is in 2 ln B.
    """
    for limit, words in ((1, "not worth more than a bare mention"), (3, "positive"), (5, "strong")):
        if log_bayes_factor < limit:
            return words
    return "very strong"


def evidences(groups: Sequence[Group]) -> list[Evidence]:
    """Evidences of all problems whose methods give one.

    Problems are rivals if they were given the same data; a method is compared with itself only,
    so that what it gets wrong everywhere cancels.
    """
    entries = [
        (group, method, result.log_evidence, result.log_evidence_err)
        for group in groups
        for method, result in group.results.items()
        if result.log_evidence is not None
    ]
    out = []
    for group, method, value, error in entries:
        rivals = [
            (v, math.nan if e is None else e)
            for g, m, v, e in entries
            if m == method and v is not None and _data(g, m) == _data(group, method)
        ]
        assert value is not None  # for the type checker
        own = math.nan if error is None else error
        if len(rivals) < 2:
            out.append(Evidence(group.label, method, value, own))
            continue
        values = np.array([v for v, _ in rivals])
        best, best_error = rivals[int(np.argmax(values))]
        out.append(
            Evidence(
                group.label,
                method,
                value,
                own,
                value - best,
                0.0 if value == best else math.hypot(own, best_error),
                float(np.exp(value - best) / np.sum(np.exp(values - best))),
            )
        )
    return out


def _data(group: Group, method: str) -> str:
    observation = group.results[method].description.get("observation", {})
    return str(observation.get("sha256", ""))
