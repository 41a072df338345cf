"""The error of the evidence: its error rate, planted faults, and repeats of a real sampler."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import Parameter, Prior, Uniform
from sbiwb.checking import applicable
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.evidence import check, evidence
from sbiwb.errors import DataError, UsageError

ERROR = 0.3


def runs(seed, factor=1.0, n=10):
    return -10 + factor * ERROR * np.random.default_rng(seed).normal(size=n), np.full(n, ERROR)


def test_honest_errors_are_rejected_at_the_nominal_rate_and_small_ones_are_seen():
    # 400 sets: 20 ± 4.4 are expected to warn; five standard errors.
    p = np.array([evidence(*runs(k), quoted=(-10, 1e-9)).p_value for k in range(400)])
    assert 0 < np.sum(p < 0.05) < 20 + 5 * 4.4
    # An error too small by a factor of 2.5 is missed in 2 % of cases at 5 % (chi² of 9).
    seen = [evidence(*runs(k, 2.5)).outcome is not Outcome.PASS for k in range(100)]
    assert np.mean(seen) > 0.9


def test_the_error_to_quote_is_said():
    value, error = runs(1)
    verdict = evidence(-10 + 3 * (value + 10), error, quoted=(-10.0, 0.15))
    assert verdict.outcome is Outcome.FAIL
    ratio = 3 * np.sqrt(np.sum((value - value.mean()) ** 2) / 9) / ERROR
    assert f"quote ±{0.15 * ratio:.2g}, not ±0.15" in verdict.message


def test_a_run_that_missed_a_mode_is_off_the_mean_of_its_repeats():
    verdict = evidence(*runs(2), quoted=(-10 - np.log(4), 0.1))
    assert verdict.outcome is Outcome.FAIL
    assert "below their mean: it missed a part of the posterior" in verdict.message


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (np.zeros(4), np.ones(4)),
        (np.full(10, np.nan), np.ones(10)),
        (np.zeros(10), np.zeros(10)),
        (np.zeros(0), np.zeros(0)),
    ],
)
def test_degenerate_input_is_no_pass(value, error):
    assert evidence(value, error).outcome is Outcome.UNKNOWN


def test_wrong_shapes_are_refused():
    with pytest.raises(DataError):
        evidence(np.zeros(5), np.ones(4))


def test_a_sampler_is_repeated_and_judged():
    prior = Prior((Parameter("a", Uniform(-5, 5)), Parameter("b", Uniform(-5, 5))))

    def log_likelihood(theta, x):
        return -0.5 * np.sum((x - theta) ** 2, axis=1) / 0.25 - np.log(2 * np.pi * 0.25)

    simulator = sbiwb.simulator(
        lambda theta, rng: theta + 0.5 * rng.normal(size=theta.shape),
        prior,
        batched=True,
        log_likelihood=log_likelihood,
    )
    problem = sbiwb.problem(simulator, [0.3, -0.2])
    result = sbiwb.infer(problem, "exact+dynesty", nlive=100, seed=1)
    checked = sbiwb.check(result, predictive=None, information=None, evidence=5)
    group = checked.tree["evidence"].to_dataset()
    # The posterior lies well inside the square of area 100.
    z = (group["log_evidence"].values - np.log(1 / 100)) / group["log_evidence_err"].values
    assert np.abs(z).max() < 4
    assert group.attrs["likelihood_calls"] > 5 * 100
    (verdict,) = check(checked)
    assert verdict.passed
    group["log_evidence_err"][:] /= 6.0  # the planted fault
    (verdict,) = check(checked.with_group("evidence", group))
    assert verdict.outcome is Outcome.FAIL
    other = sbiwb.infer(problem, "exact+emcee", draws=400, ensembles=2)
    with pytest.raises(UsageError, match="no evidence to repeat"):
        sbiwb.check(other, predictive=None, evidence=5)
    # A recipe asks all methods alike, and each gets what applies to it.
    asked = {"predictive": 100, "evidence": 5, "profile": 9}
    assert applicable(result, asked) == asked
    assert applicable(other, asked) == {"predictive": 100, "profile": 9}
