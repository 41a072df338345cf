"""The learned density ratio: data between simulations, exact error rates, and DESI's data."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.misspecification import check, misspecification
from sbiwb.diagnostics.prior_predictive import prior_predictive
from sbiwb.errors import DataError, UsageError
from sbiwb.testing.diagnostic import exact_result

NOISE = 6
"""Entries without structure, which drown distances."""


def ring(n, rng):
    """Two entries on a ring, and others that tell nothing."""
    angle = rng.uniform(0, 2 * np.pi, n)
    noisy = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.05 * rng.normal(size=(n, 2))
    return np.column_stack([noisy, rng.normal(size=(n, NOISE))])


def test_data_between_simulations_are_told_where_distances_are_not():
    rng = np.random.default_rng(1)
    simulated, middle = ring(1000, rng), np.r_[0.0, 0.0, rng.normal(size=NOISE)]
    verdict = misspecification(middle, simulated)
    assert verdict.outcome is Outcome.FAIL
    assert "a classifier tells" in verdict.message
    assert prior_predictive(middle, simulated).outcome is not Outcome.FAIL


def test_wrong_correlations_among_many_entries_are_told():
    rng = np.random.default_rng(2)
    axes = rng.normal(size=(3, 60))
    simulated = rng.normal(size=(800, 3)) @ axes + 0.3 * rng.normal(size=(800, 60))
    own, other = simulated[0], rng.permutation(simulated[1])
    assert misspecification(own, simulated[1:]).passed
    assert misspecification(other, simulated).outcome is Outcome.FAIL


def test_the_simulator_s_own_data_are_rejected_at_the_nominal_rate():
    # 20 observations: more than 4 of them below 0.05 have a probability of 0.003.
    rng = np.random.default_rng(3)
    p = [misspecification(ring(1, rng)[0], ring(400, rng)).p_value for _ in range(20)]
    assert np.sum(np.array(p) < 0.05) <= 4
    assert 0.29 < np.mean(p) < 0.71  # 3.3 standard errors of a uniform mean of 20


def test_the_same_input_gives_the_same_verdict():
    rng = np.random.default_rng(4)
    simulated = ring(400, rng)
    first, second = (misspecification(simulated[0], simulated) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "simulated",
    [
        np.random.default_rng(5).normal(size=(300, 3)),
        np.zeros((800, 3)),
        np.full((800, 3), np.nan),
        np.random.default_rng(5).normal(size=(800, 1)) * [1.0, 0.0, 0.0],
    ],
)
def test_degenerate_simulations_are_no_pass(simulated):
    assert misspecification(np.zeros(3), simulated).outcome is Outcome.UNKNOWN


def test_wrong_input_is_refused():
    with pytest.raises(DataError):
        misspecification(np.zeros(2), np.zeros((800, 3)))
    with pytest.raises(DataError):
        misspecification([np.nan, 0.0], np.zeros((800, 2)))
    with pytest.raises(UsageError):
        misspecification([0.0, 0.0], np.zeros((800, 2)), warn=0.01, fail=0.5)


def test_results_are_judged_by_the_simulations_they_carry():
    assert check(exact_result(seed=1, predicted=300)) == []
    (verdict,) = check(exact_result(seed=1, predicted=500))
    assert verdict.passed


def test_desi_with_a_cosmological_constant_is_not_flagged_and_a_wrong_point_is():
    own = sbiwb.problem("cosmology.bao", data="desi_dr2", model="lcdm")
    sd = own.simulator.simulate(np.repeat([[0.3, 101.5]], 1000, 0), np.random.default_rng(6)).std(0)
    moved = own.observation.x.copy()
    moved[5] += 8 * sd[5]
    wrong = sbiwb.problem("cosmology.bao", moved, data="desi_dr2", model="lcdm")
    outcomes = []
    for problem in (own, wrong):
        result = sbiwb.infer(problem, "exact+emcee", seed=1, draws=1000)
        checked = sbiwb.check(result, predictive=400, information=None)
        found = {v.name: v.outcome for v in checked.verdicts}
        outcomes.append([found[n] for n in ("predictive", "prior_predictive", "misspecification")])
    assert outcomes[0] == [Outcome.PASS] * 3
    assert outcomes[1][0] is Outcome.FAIL
