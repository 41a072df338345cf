"""What of the data a network is told, and how: normal scores, whitening, directions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

import sbiwb
from sbiwb.core.distributions import Normal
from sbiwb.core.prior import Parameter, Prior
from sbiwb.estimators import _coordinates, _pilot
from sbiwb.estimators._coordinates import CURVED, GAIN, TAIL, fit_coordinates, fit_targets
from sbiwb.estimators._directions import principal_directions
from sbiwb.estimators._pilot import STEPS, held_out_density, held_out_likelihood
from sbiwb.estimators._regression import MAX_DEGREE
from sbiwb.estimators._scaling import Whitening, fit_whitening
from sbiwb.estimators._warp import KNOTS, fit_warp
from sbiwb.rng import stream

RNG = stream(1, "coordinates")
THETA = RNG.standard_normal((3000, 2))
NOISE = RNG.standard_normal((3000, 2))
PRIOR = Prior([Parameter(name, Normal(0.0, 1.0)) for name in "ab"])


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
    assert np.allclose(
        warp(np.array([[0.0], [1.0], [5.0]]))[:, 0], stats.norm.ppf([0.3, 0.75, 0.95])
    )


def test_an_entry_that_never_varies_has_one_score():
    x = np.full((100, 1), 7.0)
    assert np.all(fit_warp(x)(x) == 0)


@pytest.mark.parametrize("x", [np.exp(4 * NOISE), np.minimum(NOISE, 0.5), np.round(3 * NOISE)])
def test_maps_rise_everywhere_by_their_slope(x):
    """Beyond the simulations too, where they may not run away though data pile up at an end."""
    x = x[:, :1]
    warp, span = fit_warp(x), np.ptp(x)
    corners = np.unique(x)
    inside = np.unique([np.linspace(*ends, 100) for ends in pairwise(corners)])
    outside = [np.linspace(x.min() - span, x.min()), np.linspace(x.max(), x.max() + span)]
    scores = warp(np.unique(np.concatenate([inside, *outside]))[:, np.newaxis])
    assert np.all(np.diff(scores[:, 0]) > 0)
    assert np.abs(scores).max() < 3 * np.ptp(warp.scores)
    rise = np.trapezoid(np.exp(warp.log_slope(inside[:, np.newaxis]))[:, 0], inside)
    assert rise == pytest.approx(np.ptp(warp(x)), rel=0.02)


def test_warped_data_are_saved_and_restored():
    for x in (np.exp(3 * (THETA + 0.1 * NOISE)), THETA + NOISE):
        made = fit_coordinates(THETA, x, PRIOR, 1)
        again = Whitening.from_arrays(made.arrays("scale"), "scale")
        assert (again.warp is None) == (made.warp is None)
        assert np.array_equal(again(x), made(x))
    assert fit_coordinates(THETA, np.exp(3 * THETA), PRIOR, 1).warp is not None


def test_volumes_of_warped_data():
    """Against differences, datum by datum; the same for one datum that is repeated."""
    x = np.exp(2 * NOISE[:500]) @ np.array([[1.0, 0.3], [0.0, 1.0]])
    scale = fit_whitening(x, warped=True)
    points = x[:20]
    steps = 1e-5 * points
    slopes = [
        (scale(points + step) - scale(points - step)) / (2 * steps[:, k])[:, np.newaxis]
        for k, step in enumerate((steps * [1, 0], steps * [0, 1]))
    ]
    expected = np.linalg.slogdet(np.stack(slopes, axis=1))[1]
    assert np.allclose(scale.log_abs_det(points), expected, atol=1e-3)
    repeated = np.broadcast_to(x[0], (5, 2))
    assert np.array_equal(scale(repeated), np.repeat(scale(x[:1]), 5, axis=0))
    assert np.array_equal(scale.log_abs_det(repeated), np.repeat(scale.log_abs_det(x[:1]), 5))


# -- choices ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "is_warped"),
    [
        (THETA + 0.3 * NOISE, False),
        (stats.norm.cdf(3 * (THETA + 0.1 * NOISE)), True),  # saturated: regressions see it
        (np.exp(2 * (THETA + 0.1 * NOISE)), True),  # over decades: a short training does
    ],
)
def test_scores_are_taken_where_they_help(x, is_warped):
    far = np.abs(fit_whitening(x)(x)).max() > TAIL
    assert far == (is_warped and x.max() > 100)
    assert (fit_coordinates(THETA, x, PRIOR, 1).warp is not None) == is_warped


@pytest.mark.parametrize("power", [1, 5])
def test_a_training_is_the_judge_of_far_tails(power):
    """One datum in a hundred is noise, and spoils a regression; the others tell of θ^power."""
    x = np.sign(THETA) * np.abs(THETA) ** power + 0.1 * NOISE
    x = np.where(RNG.random(x.shape) < 0.01, 30 * NOISE, x)
    plain, warped = (fit_whitening(x, warped=warped) for warped in (False, True))
    assert np.abs(plain(x)).max() > TAIL
    of_plain, of_warped = (held_out_density(THETA, way(x), PRIOR, 1) for way in (plain, warped))
    chosen = of_plain if fit_coordinates(THETA, x, PRIOR, 1).warp is None else of_warped
    assert chosen > max(of_plain, of_warped) - 2 * GAIN  # what is nearly alike may stay as it is


@pytest.mark.parametrize(
    ("leads", "scores"),
    [
        ([-0.1], False),
        ([0.05], False),  # they are alike
        ([2.0], True),  # so much is not lost
        ([0.4, 0.3], True),
        ([0.4, 0.2], False),  # it would be lost if training went on
        ([0.4, 0.6], True),
        ([0.4, -0.1], False),
    ],
)
def test_what_is_learned_sooner_is_trained_for_longer(monkeypatch, leads, scores):
    asked = []

    def density(_theta, x, _prior, _seed, steps):
        asked.append(steps)
        is_first = len(asked) % 2
        return 0.0 if is_first else leads[len(asked) // 2 - 1]

    monkeypatch.setattr(_coordinates, "held_out_density", density)
    x = np.exp(2 * (THETA + 0.1 * NOISE))
    assert (fit_coordinates(THETA, x, PRIOR, 1).warp is not None) == scores
    assert asked == [STEPS, STEPS, 2 * STEPS, 2 * STEPS][: 2 * len(leads)]


def test_no_training_that_judges_is_longer_than_that_to_come(monkeypatch):
    asked = []

    def density(_theta, _x, _prior, _seed, steps):
        asked.append(steps)
        return 0.3 * len(asked)  # scores lead by as much as asks for a longer one

    monkeypatch.setattr(_coordinates, "held_out_density", density)
    x = np.exp(2 * (THETA + 0.1 * NOISE))
    for steps in (STEPS // 3, 2 * STEPS - 1, 2 * STEPS):
        fit_coordinates(THETA, x, PRIOR, 1, steps=steps)
    short, usual, longer = STEPS // 3, STEPS, 2 * STEPS
    assert asked == [short, short, usual, usual, usual, usual, longer, longer]


def test_few_directions_of_many_are_worth_it():
    mix = RNG.standard_normal((12, 12)) / 3
    useless = RNG.standard_normal((3000, 10))
    x = np.concatenate([THETA + 0.1 * NOISE, useless], axis=1) @ mix
    assert fit_coordinates(THETA, x, PRIOR, 1).dim == 2
    # Most of all: nothing is dropped.
    few = np.concatenate([THETA + 0.1 * NOISE, useless[:, :1]], axis=1) @ mix[:3, :3]
    assert fit_coordinates(THETA, few, PRIOR, 1).dim == 3


def test_beside_an_embedding_only_what_stands_out_is_told():
    x = RNG.standard_normal((3000, 5))
    assert fit_coordinates(THETA, x, PRIOR, 1, embedded=True).dim == 0
    x[:, :2] += 3 * THETA
    assert fit_coordinates(THETA, x, PRIOR, 1, embedded=True).dim == 2


def test_too_many_entries_are_scaled_one_by_one():
    made = fit_coordinates(THETA, RNG.standard_normal((3000, 300)), PRIOR, 1)
    assert made.warp is None
    assert made.dim == 300


@pytest.mark.parametrize(
    ("x", "is_warped"),
    [
        (np.exp(2 * THETA + NOISE), True),  # noise of constant width in its logarithm
        (THETA + NOISE, False),
        (np.exp(THETA) * NOISE, False),  # far tails, but a Gaussian at any θ
    ],
)
def test_a_likelihood_is_told_scores_where_they_are_more_gaussian(x, is_warped):
    scale, mean = fit_targets(THETA, x, None, 1)
    assert (scale.warp is not None) == is_warped
    assert mean(THETA).shape == scale(x).shape


def test_of_two_regressions_that_a_network_learns_more_over_is_taken():
    # Steep in the middle: a polynomial of the fifth degree explains more and wiggles everywhere.
    x = np.tanh(8 * THETA) + 0.05 * NOISE
    degrees = CURVED, MAX_DEGREE
    low, high = (held_out_likelihood(THETA, x, 1, max_degree=degree) for degree in degrees)
    assert (fit_targets(THETA, x, None, 1)[1].degree > CURVED) == (high > low)
    assert fit_targets(THETA, x, None, 1, local=True)[1].degree > CURVED


def test_a_polynomial_that_explains_all_lies_under_a_likelihood():
    x = THETA**3 + 0.01 * NOISE
    assert fit_targets(THETA, x, None, 1)[1].degree > CURVED


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


def test_a_likelihood_of_data_over_decades():
    """The density of x itself: log-normal, not that of its scores."""
    prior = Prior([Parameter("a", Normal(0.0, 1.0))])

    def simulate(theta, rng):
        return np.exp(4 * theta + 2 * rng.standard_normal(theta.shape))

    problem = sbiwb.problem(sbiwb.simulator(simulate, prior, batched=True), np.array([1e-2]))
    learned = sbiwb.infer(problem, "nle+emcee", budget=3000, seed=1, draws=500).learned
    assert learned.scale.warp is not None
    theta = np.linspace(-1.5, 1.5, 7)[:, np.newaxis]
    x = np.exp(4 * theta + 1.5)
    exact = stats.lognorm.logpdf(x, 2.0, scale=np.exp(4 * theta))[:, 0]
    assert np.allclose(learned.log_likelihood(theta, x), exact, atol=0.25)


# -- more data than can be whitened -----------------------------------------------------------


@pytest.mark.parametrize(("where", "fewer"), [("everywhere", True), ("in four entries", False)])
def test_principal_axes_are_told_if_they_tell_more(where, fewer):
    """Of 236 simulations of 60 data; strong noise alone stands out of few entries that tell."""
    rng = stream(2, "coordinates")
    theta, noise = rng.standard_normal((236, 2)), rng.standard_normal((236, 60))
    pattern = rng.standard_normal((2, 60))
    if where == "everywhere":
        x = theta @ pattern + 0.5 * noise
    else:
        x = 3 * rng.standard_normal((236, 2)) @ pattern + noise
        x[:, 7:11] = np.tile(theta, 2) + 0.01 * noise[:, 7:11]
    told = fit_coordinates(theta, x, PRIOR, 1)
    assert (told.dim < 20) is fewer
    assert told.dim == 60 or fewer


def test_one_absurd_pair_does_not_judge(monkeypatch):
    """A held-out pair of probability e^-10,000 counts as one of e^-25 does."""
    rng = stream(3, "coordinates")
    theta, x = rng.standard_normal((200, 2)), rng.standard_normal((200, 3))

    def judged(worst):
        def log_prob(flow, target, told):
            return np.where(np.arange(len(target)) == 0, worst, 0.0)

        monkeypatch.setattr(_pilot, "log_prob", log_prob)
        return _pilot.held_out_density(theta, x, PRIOR, 1)

    assert judged(-1e4) == judged(-1e3)
    assert judged(0.0) - judged(-1e4) == pytest.approx(_pilot.ABSURD / 40, rel=0.02)


def test_weak_signals_in_many_data_are_not_reduced_away():
    rng = stream(3, "coordinates")
    theta, noise = rng.standard_normal((200, 2)), rng.standard_normal((200, 60))
    x = 0.05 * theta @ rng.standard_normal((2, 60)) + noise
    assert principal_directions((x - x.mean(axis=0)) / x.std(axis=0), 1) is None
    assert fit_coordinates(theta, x, PRIOR, 1).dim == 60


# -- what projections leave out ---------------------------------------------------------------


def series(level, n=600, k=100):
    """A slope, and the logarithm of a level of noise, told by `k` noisy points."""
    rng = stream(4, "coordinates")
    theta = rng.standard_normal((n, 2))
    noise = np.exp(level * theta[:, 1:]) * rng.standard_normal((n, k))
    return theta, 3 * theta[:, :1] * np.linspace(-1, 1, k) + noise


@pytest.mark.parametrize("n", [300, 600])  # with a covariance of the data, and without
def test_a_level_of_noise_is_told(n):
    theta, x = series(1.0, n)
    told = fit_coordinates(theta, x, PRIOR, 1)
    assert told.rest is not None
    assert told.dim < 10
    level = told(x)[:, -1]
    assert np.corrcoef(level, theta[:, 1])[0, 1] > 0.97
    again = Whitening.from_arrays(told.arrays("scale"), "scale")
    assert np.array_equal(again(x), told(x))
    # Against its definition.
    whole = (
        (x - told.mean) * told.matrix if told.matrix.ndim == 1 else (x - told.mean) @ told.matrix
    )
    left = whole - whole @ told.directions @ np.linalg.pinv(told.directions)
    size = np.log(np.sum(left**2, axis=1))
    assert np.allclose(level, (size - size.mean()) / size.std())


def test_a_rest_that_tells_nothing_is_not_told():
    for n in (300, 600):
        theta, x = series(0.0, n)
        told = fit_coordinates(theta, x, PRIOR, 1)
        assert told.directions is not None
        assert told.rest is None
