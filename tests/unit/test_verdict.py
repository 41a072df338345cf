"""Verdicts hold plain numbers, and the worst of them counts."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from sbiwb import Verdict
from sbiwb.core.verdict import Outcome, overall


def test_numbers_become_plain():
    verdict = Verdict(
        "sbc[Om]",
        "warn",
        "Ranks are not uniform.",
        statistic=np.float32(0.5),
        threshold=np.int64(1),
        curve={"u": np.linspace(0, 1, 3), "low": [0, 1, 2]},
    )
    assert type(verdict.statistic) is type(verdict.threshold) is float
    assert verdict.p_value is None
    assert verdict.curve == {"u": [0.0, 0.5, 1.0], "low": [0.0, 1.0, 2.0]}
    assert verdict.outcome is Outcome.WARN


def test_json_round_trip():
    verdict = Verdict("tarp", Outcome.PASS, "Covers.", 0.1, 0.2, 0.3, {"alpha": [0.0, 1.0]})
    assert Verdict(**json.loads(json.dumps(verdict.to_dict()))) == verdict


def test_only_a_pass_has_passed():
    passed = [o for o in Outcome if Verdict("a", o, "b").passed]
    assert passed == [Outcome.PASS]


def test_unknown_outcomes_are_refused():
    with pytest.raises(ValueError, match="splendid"):
        Verdict("a", "splendid", "b")


def test_overall_is_the_worst():
    order = [Outcome.PASS, Outcome.UNKNOWN, Outcome.WARN, Outcome.FAIL]
    for i, j in itertools.product(range(4), repeat=2):
        verdicts = [Verdict("a", order[i], ""), Verdict("b", order[j], "")]
        assert overall(verdicts) is order[max(i, j)]


def test_nothing_checked_is_not_a_pass():
    assert overall([]) is Outcome.UNKNOWN
