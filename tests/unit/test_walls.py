"""Draws outside the prior, and posteriors that pile up at its ends."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import LogUniform, Normal, Parameter, Prior, Uniform
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.walls import check, walls
from sbiwb.errors import DataError
from sbiwb.testing.diagnostic import exact_result

PRIOR = Prior(
    (
        Parameter("a", Uniform(0, 10)),
        Parameter("b", Normal(0, 1)),
        Parameter("c", LogUniform(1, 100)),
    )
)
N = 2000


def draws(a, seed=1):
    rng = np.random.default_rng(seed)
    return np.stack([a, 0.1 * rng.normal(size=N), np.exp(1 + 0.1 * rng.normal(size=N))], axis=1)


NORMAL = np.random.default_rng(2).normal(size=N)


def test_a_posterior_that_the_prior_holds_passes():
    assert walls(draws(5 + NORMAL), PRIOR).passed
    assert walls(draws(3.5 + NORMAL), PRIOR).passed  # its tail is at the end, not its body


@pytest.mark.parametrize(
    ("a", "end"),
    [
        (np.abs(NORMAL), "lower end of its prior, 0"),
        (10 - np.abs(NORMAL), "upper end of its prior, 10"),
    ],
)
def test_a_posterior_that_the_prior_cuts_is_named_with_its_end(a, end):
    verdict = walls(draws(a), PRIOR)
    assert verdict.outcome is Outcome.WARN
    assert f"the posterior of 'a' piles up at the {end}" in verdict.message


def test_what_follows_the_prior_is_not_cut_by_it():
    theta = PRIOR.sample(N, np.random.default_rng(3))
    assert walls(theta, PRIOR).passed


def test_a_wide_posterior_that_rises_to_an_end_is_cut():
    rising = np.random.default_rng(3).triangular(0, 0, 10, size=N)  # 0.71 as wide as the prior
    verdict = walls(draws(rising), PRIOR)
    assert verdict.outcome is Outcome.WARN
    assert "'a' piles up at the lower end" in verdict.message


def test_several_ends_are_one_sentence():
    both = draws(np.abs(NORMAL))
    both[:, 2] = np.exp(np.abs(0.1 * NORMAL[::-1]))
    message = walls(both, PRIOR).message
    assert (
        "of 'a' piles up at the lower end of its prior, 0 and that of 'c' at the lower" in message
    )


def test_a_constraint_is_no_end():
    below = sbiwb.LinearConstraint(("a", "b"), (1.0, 1.0), 0.0)
    pair = Prior((Parameter("a", Uniform(-3, 1)), Parameter("b", Uniform(-3, 2))), below)
    rng = np.random.default_rng(5)
    a = -1 + 0.1 * rng.normal(size=N)
    b = -a - np.abs(0.1 * rng.normal(size=N))  # it piles up at a + b = 0, far from 2
    assert walls(np.stack([a, b], axis=1), pair).passed


def test_exact_draws_are_seldom_blamed():
    # Peaks two standard deviations from the end: the density there is e^-2 of the highest.
    for seed in range(20):
        a = 2 + np.random.default_rng(seed).normal(size=3 * N)
        assert walls(draws(a[a > 0][:N], seed), PRIOR).passed


def test_periodic_parameters_have_no_ends():
    circle = Prior((Parameter("phase", Uniform(0, 1), periodic=True),))
    assert walls(np.abs(0.01 * NORMAL)[:, np.newaxis], circle).passed


def test_a_single_draw_outside_is_a_leak_and_named():
    leaking = draws(5 + NORMAL)
    leaking[7, 0] = -0.1
    verdict = walls(leaking, PRIOR)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.statistic == 1 / N
    assert "'a' leaves its range" in verdict.message


@pytest.mark.parametrize(
    "theta", [draws(5 + NORMAL)[:100], np.full((N, 3), np.nan), np.full((N, 3), 5.0)]
)
def test_degenerate_draws_are_no_pass(theta):
    assert walls(theta, PRIOR).outcome is Outcome.UNKNOWN


def test_wrong_shapes_are_refused():
    with pytest.raises(DataError):
        walls(NORMAL, PRIOR)


def test_results_are_judged_by_the_prior_of_their_problem():
    (verdict,) = check(exact_result(seed=1))
    assert verdict.passed
    assert check(sbiwb.Result(exact_result(seed=1).tree)) == []
