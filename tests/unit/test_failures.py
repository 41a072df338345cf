"""Failed simulations: counted, named, and worse for learned likelihoods than for posteriors."""

from __future__ import annotations

import pytest

from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.failures import FAIL, failures


@pytest.mark.parametrize("learns_likelihood", [True, False])
def test_none_failed(learns_likelihood):
    verdict = failures({"ok": 100}, learns_likelihood=learns_likelihood)
    assert verdict.passed
    assert verdict.statistic == 0


def test_some_failed():
    verdict = failures({"ok": 90, "nan": 8, "timeout": 2}, learns_likelihood=False)
    assert verdict.outcome is Outcome.WARN
    assert verdict.statistic == pytest.approx(0.1)
    assert "10 of 100 simulations failed (8 nan, 2 timeout)" in verdict.message
    assert "truncates the prior" in verdict.message


@pytest.mark.parametrize(
    ("failed", "learns_likelihood", "outcome"),
    [
        (20, True, Outcome.WARN),
        (21, True, Outcome.FAIL),
        (21, False, Outcome.WARN),
        (99, False, Outcome.WARN),
    ],
)
def test_many_failures_bias_a_learned_likelihood_only(failed, learns_likelihood, outcome):
    counts = {"ok": 100 - failed, "error": failed}
    verdict = failures(counts, learns_likelihood=learns_likelihood)
    assert verdict.outcome is outcome
    assert verdict.threshold == FAIL
    assert ("biases a learned likelihood" in verdict.message) == learns_likelihood


def test_all_failed():
    assert failures({"nan": 7}, learns_likelihood=True).statistic == 1


def test_no_simulations_is_not_a_failure():
    assert failures({}, learns_likelihood=True).passed
