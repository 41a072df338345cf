"""What of the data a network is told, and how: normal scores, whitening, directions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import sbiwb
from sbiwb.core.distributions import Normal
from sbiwb.core.prior import Parameter, Prior
from sbiwb.estimators._coordinates import Coordinates, fit_coordinates
from sbiwb.estimators._warp import KNOTS, Warp, fit_warp
from sbiwb.rng import stream

RNG = stream(1, "coordinates")
THETA = RNG.standard_normal((3000, 2))
NOISE = RNG.standard_normal((3000, 2))


# -- normal scores ----------------------------------------------------------------------------


@pytest.mark.parametrize("power", [1, 8])
def test_scores_are_normal_and_in_order(power):
    x = np.exp(power * NOISE)
    scores = fit_warp(x)(x)
    assert scores.shape == x.shape
    for entry, score in zip(x.T, scores.T, strict=True):
        order = np.argsort(entry)
        assert np.all(np.diff(score[order]) > 0)
        # Knots in between are joined by straight lines: near enough to normal, if not quite.
        assert stats.kstest(score, "norm").statistic < 0.02


def test_counts_have_the_score_of_the_middle_of_their_ranks():
    x = np.repeat([0.0, 1.0, 5.0], [60, 30, 10])[:, np.newaxis]
    warp = fit_warp(x)
    assert warp.values.shape == (1, KNOTS)
    expected = stats.norm.ppf([0.3, 0.75, 0.95])
    assert np.allclose(warp(np.array([[0.0], [1.0], [5.0]]))[:, 0], expected)
    assert np.allclose(
        warp(np.array([[-3.0], [3.0], [1e9]]))[:, 0],
        [*expected[:1], *(np.interp([3.0, 9.0], [1.0, 5.0], expected[1:]))],
    )


def test_an_entry_that_never_varies_is_left_alone():
    x = np.column_stack([np.full(100, 7.0), NOISE[:100, 0]])
    assert np.all(fit_warp(x)(x)[:, 0] == 0)


def test_coordinates_are_saved_and_restored():
    for x in (np.exp(3 * (THETA + 0.1 * NOISE)), THETA + NOISE):
        made = fit_coordinates(THETA, x, 1)
        again = Coordinates.from_arrays(made.arrays("scale"), "scale")
        assert (again.warp is None) == (made.warp is None)
        assert np.array_equal(again(x), made(x))
    assert isinstance(fit_coordinates(THETA, np.exp(3 * THETA), 1).warp, Warp)


# -- choices ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "is_warped"),
    [
        (THETA + NOISE**2 * np.sign(NOISE) * 0.01, False),  # linear in θ as it is
        (np.exp(THETA + 0.1 * NOISE), True),  # linear in its logarithm
        (THETA + 1e-3 * NOISE / stats.norm.cdf(NOISE) ** 12, True),  # far tails
    ],
)
def test_scores_are_taken_where_they_help(x, is_warped):
    uniform = 2 * stats.norm.cdf(THETA) - 1 if not is_warped else THETA
    made = fit_coordinates(uniform, x if is_warped else uniform + 0.1 * NOISE, 1)
    assert (made.warp is not None) == is_warped


def test_few_directions_of_many_are_worth_it():
    mix = RNG.standard_normal((12, 12)) / 3
    useless = RNG.standard_normal((3000, 10))
    x = np.concatenate([THETA + 0.1 * NOISE, useless], axis=1) @ mix
    assert fit_coordinates(THETA, x, 1).dim == 2
    # Most of all: nothing is dropped.
    few = np.concatenate([THETA + 0.1 * NOISE, useless[:, :1]], axis=1) @ mix[:3, :3]
    assert fit_coordinates(THETA, few, 1).dim == 3


def test_beside_an_embedding_only_what_stands_out_is_told():
    x = RNG.standard_normal((3000, 5))
    assert fit_coordinates(THETA, x, 1, embedded=True).dim == 0
    x[:, :2] += 3 * THETA
    assert fit_coordinates(THETA, x, 1, embedded=True).dim == 2


def test_too_many_entries_are_scaled_one_by_one():
    made = fit_coordinates(THETA, RNG.standard_normal((3000, 300)), 1)
    assert made.warp is None
    assert made.dim == 300


# -- the posterior that is learned ------------------------------------------------------------


def test_a_posterior_of_data_over_decades():
    """x = exp(4 (θ + noise)): exact posterior N(ln x / 8, 1/2); x as it is tells nothing."""
    prior = Prior([Parameter("a", Normal(0.0, 1.0))])

    def simulate(theta, rng):
        return np.exp(4 * (theta + rng.standard_normal(theta.shape)))

    problem = sbiwb.problem(sbiwb.simulator(simulate, prior, batched=True), np.array([1e-2]))
    result = sbiwb.infer(problem, "npe", budget=3000, seed=1, steps=300)
    drawn = result.samples()[:, 0]
    assert drawn.mean() == pytest.approx(np.log(1e-2) / 8, abs=0.08)
    assert drawn.std() == pytest.approx(np.sqrt(0.5), rel=0.08)
    at = result.learned.sample(4000, np.array([[1e2], [1e-2]]), stream(1, "draws"))
    assert at[0].mean() - at[1].mean() == pytest.approx(np.log(1e4) / 8, abs=0.12)
