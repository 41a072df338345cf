"""Chains that agree pass; chains that differ, drift, stick or are too few do not."""

from __future__ import annotations

import numpy as np
import pytest
from toy_targets import peak, target, unit_box

from sbiwb.core.draws import Draws
from sbiwb.core.function import simulator
from sbiwb.core.observation import Observation
from sbiwb.core.problem import make_problem
from sbiwb.core.simulator import Output
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.convergence import check, convergence
from sbiwb.progress import QUIET
from sbiwb.result import make_result
from sbiwb.samplers.dynesty import Dynesty, DynestyOptions
from sbiwb.samplers.emcee import Emcee, EmceeOptions

NAMES = ("a", "b")


def chains(n=1000, count=4, seed=0):
    return np.random.default_rng(seed).standard_normal((count, n, 2))


def judged(theta):
    return {verdict.name: verdict for verdict in convergence(theta, NAMES)}


def result_of(draws):
    flat = simulator(lambda theta: theta, unit_box(), output=Output((2,)), name="flat")
    problem = make_problem(flat, Observation(np.zeros(2)))
    return make_result(problem, draws, method="exact+any", seed=0, provenance={})


def test_chains_that_agree_pass():
    verdicts = judged(chains())
    assert verdicts["rhat"].passed
    assert verdicts["ess"].passed
    # The smallest of four estimates, each of which scatters by about a tenth.
    assert verdicts["ess"].statistic == pytest.approx(4000, rel=0.3)
    assert verdicts["rhat"].threshold == 1.01
    assert verdicts["ess"].threshold == 400


@pytest.mark.parametrize(("shift", "outcome"), [(0.4, Outcome.WARN), (2.0, Outcome.FAIL)])
def test_a_chain_elsewhere_is_named(shift, outcome):
    theta = chains()
    theta[0, :, 1] += shift
    verdict = judged(theta)["rhat"]
    assert verdict.outcome is outcome
    assert "'b'" in verdict.message


def test_a_chain_of_another_width_is_seen():
    theta = chains()
    theta[0, :, 0] *= 3
    assert judged(theta)["rhat"].outcome is Outcome.FAIL


def test_a_common_drift_is_seen():
    theta = chains()
    theta += np.linspace(0, 2, 1000)[:, np.newaxis]
    assert judged(theta)["rhat"].outcome is Outcome.FAIL


@pytest.mark.parametrize(("rho", "outcome"), [(0.9, Outcome.WARN), (0.99, Outcome.FAIL)])
def test_correlated_draws_are_counted_for_what_they_are(rho, outcome):
    # AR(1): 4,000 draws are worth 4,000 (1 − ρ) / (1 + ρ), 210 and 20.
    theta = chains(seed=1)
    for step in range(1, theta.shape[1]):
        theta[:, step] = rho * theta[:, step - 1] + np.sqrt(1 - rho**2) * theta[:, step]
    verdict = judged(theta)["ess"]
    assert verdict.outcome is outcome
    assert verdict.statistic == pytest.approx(4000 * (1 - rho) / (1 + rho), rel=0.5)


def test_one_chain_has_no_rhat():
    verdicts = judged(chains(count=1))
    assert set(verdicts) == {"ess"}
    assert verdicts["ess"].passed


@pytest.mark.parametrize(
    "theta",
    [
        np.zeros((4, 1000, 2)),
        np.dstack([chains()[..., 0], np.full((4, 1000), 1.5)]),
        chains(n=1),
        chains(n=7),
        np.full((4, 100, 2), np.nan),
    ],
)
def test_what_cannot_be_judged_is_not_passed(theta):
    for verdict in convergence(theta, NAMES):
        assert verdict.outcome in (Outcome.UNKNOWN, Outcome.FAIL)


def test_parameters_of_tiny_size_are_judged_like_others():
    small, usual = judged(1e-30 * chains()), judged(chains())
    for name, verdict in usual.items():
        assert small[name].statistic == pytest.approx(verdict.statistic)


def test_draws_that_are_independent_need_no_check():
    assert check(result_of(Draws(chains(count=1), independent=True))) == []


def test_emcee_and_dynesty_are_judged_by_what_they_are():
    given = target(lambda theta, _: peak(theta, 0.5, 0.1))
    walked = Emcee().sample(given, EmceeOptions(draws=1000), 0, QUIET)[0]
    assert {v.name: v.outcome for v in check(result_of(walked))} == {
        "rhat": Outcome.PASS,
        "ess": Outcome.PASS,
        "chain_length": Outcome.PASS,
    }
    few = Dynesty().sample(given, DynestyOptions(nlive=60, draws=300), 0, QUIET)[0]
    verdicts = {v.name: v for v in check(result_of(few))}
    assert set(verdicts) == {"ess", "insertion_ranks"}
    assert verdicts["ess"].statistic == pytest.approx(few.stats["ess"])
    assert verdicts["ess"].outcome is Outcome.WARN


def test_a_chain_that_was_stopped_is_no_pass():
    given = target(lambda theta, _: peak(theta, 0.5, 0.1))
    draws = Emcee().sample(given, EmceeOptions(draws=100, max_steps=100), 0, QUIET)[0]
    assert draws.stats["converged"] == 0
    verdicts = {v.name: v for v in check(result_of(draws))}
    assert verdicts["chain_length"].outcome is Outcome.WARN
    assert "max_steps" in verdicts["chain_length"].message


def test_walkers_stuck_in_two_places_fail():
    # Peaks of equal weights and unlike widths: no move leads from one to the other.
    given = target(
        lambda theta, _: np.logaddexp(peak(theta, 0.2, 0.05), np.log(25) + peak(theta, 0.8, 0.01))
    )
    draws = Emcee().sample(given, EmceeOptions(draws=1000, max_steps=400), 1, QUIET)[0]
    assert np.ptp((draws.theta[..., 0] > 0.5).mean(axis=1)) > 0.1
    assert draws.stats["converged"] == 0
    assert "fail" in {str(verdict.outcome) for verdict in check(result_of(draws))}
