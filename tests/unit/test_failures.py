"""Failed simulations: counted, named, and worse for learned likelihoods than for posteriors."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.simulator import Output, Simulator
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.failures import FAIL, FAIL_NEAR, failed_likelihoods, failures, left_out
from sbiwb.errors import InferenceError
from sbiwb.likelihoods.exact import Exact


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


def test_the_commonest_reason_is_said():
    verdict = failures({"ok": 9, "error": 1}, learns_likelihood=False, reason="ValueError: no")
    assert "(1 error; most often: ValueError: no)" in verdict.message


def test_what_a_check_left_out_is_said():
    verdict = left_out(21, 100, "calibration")
    assert (verdict.name, verdict.outcome) == ("failures[calibration]", Outcome.WARN)
    assert verdict.message.startswith("21 of 100 simulations of the calibration failed")
    assert verdict.statistic == 0.21


def test_all_failed():
    assert failures({"nan": 7}, learns_likelihood=True).statistic == 1


def test_no_simulations_is_not_a_failure():
    assert failures({}, learns_likelihood=True).passed


# -- likelihoods that cannot be computed everywhere ---------------------------------------------


class Fragile(Simulator):
    """x = a + noise; the solver of the model gives up where a > limit."""

    name, version, output = "toy.fragile", "1", Output((1,))
    prior = sbiwb.Prior((sbiwb.Parameter("a", sbiwb.Uniform(-5.0, 5.0)),))

    def __init__(self, limit=2.0, explained=True):
        self.options = {"limit": limit, "explained": explained}
        self.limit, self.explained = limit, explained

    def simulate(self, theta, rng):
        return self._solve(theta) + rng.standard_normal(theta.shape)

    def log_likelihood(self, theta, x):
        return -0.5 * ((x - self._solve(theta)) ** 2).sum(axis=-1) - 0.5 * np.log(2 * np.pi)

    def _solve(self, theta):
        lost = theta[:, 0] > self.limit
        if self.explained:
            self.reasons = dict.fromkeys(np.flatnonzero(lost).tolist(), "step size too small")
        return np.where(lost[:, np.newaxis], np.nan, theta)


THETA = np.array([[0.0], [3.0], [1.0], [4.0]])


def test_a_failed_likelihood_counts_as_impossible_and_is_counted():
    likelihood = Exact(Fragile())
    value = likelihood.log_likelihood(THETA, np.zeros(1))
    assert np.isfinite(value).tolist() == [True, False, True, False]
    assert np.all(value[[1, 3]] == -np.inf)
    assert likelihood.failures == {
        "number": 2,
        "reasons": {"step size too small": 2},
        "theta": [[3.0], [4.0]],
    }
    assert (
        Exact(FixedSimulator(Pair(), {"b": 0.0})).log_likelihood(THETA, np.zeros(1))[1] == -np.inf
    )


class Pair(Fragile):
    """A `Fragile` with a second parameter that does nothing."""

    prior = sbiwb.Prior((*Fragile.prior.parameters, sbiwb.Parameter("b", sbiwb.Uniform(-1, 1))))

    def _solve(self, theta):
        return super()._solve(theta[:, :1])


def test_nan_without_a_reason_breaks_the_contract():
    with pytest.raises(InferenceError, match="broke its contract"):
        Exact(Fragile(explained=False)).log_likelihood(THETA, np.zeros(1))


@pytest.mark.parametrize(("limit", "outcome"), [(4.5, Outcome.WARN), (1.0, Outcome.FAIL)])
def test_failures_matter_where_the_posterior_is(limit, outcome):
    # The posterior is N(0, 1): cut at 1 it is wrong; cut at 4.5 it is not.
    problem = sbiwb.problem(Fragile(limit), observation=[0.0])
    result = sbiwb.infer(problem, "exact+dynesty", seed=1, nlive=200)
    (verdict,) = [v for v in result.verdicts if v.name == "failures"]
    assert verdict.outcome is outcome
    assert "step size too small" in verdict.message
    assert result.provenance["likelihood_failures"]["number"] > 0


def test_failures_are_judged_by_those_among_the_draws():
    draws = np.linspace(0, 1, 1000)[:, np.newaxis]
    theta = np.array([[0.5], [7.0]])
    verdict = failed_likelihoods(40, 1000, theta, draws, "why")
    assert verdict.statistic == pytest.approx(0.02)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.statistic > FAIL_NEAR
    assert failed_likelihoods(40, 1000, theta[1:], draws, "why").outcome is Outcome.WARN


def test_a_simulator_says_why_a_row_failed():
    simulations = sbiwb.simulate(Fragile(), Fragile.prior, 50, seed=1)
    assert simulations.reasons
    assert set(simulations.reasons.values()) == {"step size too small"}
