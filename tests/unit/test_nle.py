"""The learned likelihood: normalised over x, good at any unit, impossible far away, saved whole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

from sbiwb import Normal, Parameter, Prior, Simulations, Uniform
from sbiwb.errors import DataError, InferenceError
from sbiwb.estimators.nle import NLE, NLEOptions
from sbiwb.progress import QUIET
from sbiwb.rng import stream

PRIOR = Prior((Parameter("a", Uniform(-1.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
QUICK = {"steps": 1, "batch_size": 100, "hidden": 8}
NOISE = 0.3


def pairs(n=400, unit=1.0, columns=2):
    rng = stream(0, "pairs")
    theta = PRIOR.sample(n, rng)
    x = unit * (theta[:, :columns] + NOISE * rng.standard_normal((n, columns)))
    return Simulations(theta, x, np.zeros(n, np.int8))


def learn(simulations=None, *, seed=1, **options):
    options = NLEOptions(**{**QUICK, **options})
    return NLE().train(simulations or pairs(), PRIOR, options, seed, QUIET)


@pytest.fixture(scope="module")
def learned():
    return learn()


def test_it_is_near_the_true_likelihood():
    learned, some = learn(steps=300), pairs(1000)
    z = (some.x - some.theta) / NOISE
    exact = -0.5 * np.sum(z**2, axis=1) - np.log(2 * np.pi * NOISE**2)
    # 400 simulations and 300 steps: a few tenths of a nat are lost to the flow's own noise.
    assert np.mean(learned.log_likelihood(some.theta, some.x) - exact) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("unit", [1.0, 1e-21])
@pytest.mark.parametrize("flow", ["maf", "nsf", "mixture"])
def test_one_entry_is_normalised_over_x_in_any_unit(flow, unit):
    learned = learn(pairs(columns=1, unit=unit), flow=flow)
    grid = np.linspace(-4, 4, 2001) * unit
    theta = np.tile([0.5, 0.0], (len(grid), 1))
    density = np.exp(learned.log_likelihood(theta, grid[:, np.newaxis]))
    assert integrate.simpson(density * unit, x=grid / unit) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("flow", ["maf", "mixture"])
def test_counts_have_probabilities(flow):
    """A density of numbers that only are 0 to 5 piles up on them, far beyond a sum of one."""
    rng = stream(0, "counts")
    theta = PRIOR.sample(2000, rng)
    chance = special.expit(2 * theta[:, 0])
    counts = rng.binomial(5, chance).astype(float)[:, np.newaxis]
    learned = learn(Simulations(theta, counts, np.zeros(2000, np.int8)), flow=flow, steps=400)
    for a in (-0.5, 0.0, 0.7):
        at = np.tile([a, 0.0], (6, 1))
        probability = np.exp(learned.log_likelihood(at, np.arange(6.0)[:, np.newaxis]))
        exact = stats.binom(5, special.expit(2 * a)).pmf(np.arange(6))
        # Of 2,000 simulations some 300 lie near: shares of theirs are known to 0.03, and the
        # cells' corners are rounded by a smooth density.
        assert probability == pytest.approx(exact, abs=0.1)
        assert probability.sum() == pytest.approx(1, abs=0.15)


def test_constant_entries_are_left_out(learned):
    some = pairs()
    padded = np.insert(some.x, 1, 7.0, axis=1)
    again = learn(Simulations(some.theta, padded, some.status))
    first = learned.log_likelihood(some.theta, some.x)
    assert np.array_equal(again.log_likelihood(some.theta, padded), first)


@pytest.mark.parametrize("far", [1e3, 1e12, 1e30])
def test_far_data_are_improbable_never_nan(learned, far):
    value = learned.log_likelihood(np.zeros((2, 2)), np.full((2, 2), far))
    assert np.all(value < -1e3)


def test_far_parameters_give_no_nan(learned):
    value = learned.log_likelihood(np.array([[1.0, 40.0], [-1.0, -40.0]]), np.zeros((2, 2)))
    assert not np.any(np.isnan(value))


def test_seeds():
    some = pairs(5)
    values = [learn(seed=s).log_likelihood(some.theta, some.x) for s in (1, 1, 2)]
    assert np.array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])


def test_a_restored_likelihood_is_the_same(learned):
    restored = NLE().restore(*learned.state(), PRIOR)
    some = pairs(50)
    first, again = (one.log_likelihood(some.theta, some.x) for one in (learned, restored))
    assert np.array_equal(first, again)


def test_weights_of_another_recipe_are_refused(learned):
    recipe, weights = learned.state()
    with pytest.raises(DataError, match="saved weights do not fit"):
        NLE().restore({**recipe, "members": [3, 3]}, weights, PRIOR)
    with pytest.raises(DataError, match="recipe is none of this version"):
        NLE().restore({**recipe, "members": 3}, weights, PRIOR)


def test_a_mixture_unless_the_data_are_many_or_another_is_asked_for():
    def flow(target, **options):
        return NLEOptions(**options).recipe("nle", target, 2)["flow"]

    assert flow(256) == "mixture"
    assert flow(257) == "maf"
    assert flow(257, flow="mixture") == flow(257, members=2) == "mixture"
    assert flow(3, flow="maf") == "maf"
    assert flow(1, flow="maf") == "nsf"


def test_too_few_and_constant_simulations():
    with pytest.raises(InferenceError, match="too few valid simulations"):
        learn(pairs(50))
    some = pairs()
    with pytest.raises(DataError, match="constant: nothing can be learned"):
        learn(Simulations(some.theta, np.ones_like(some.x), some.status))


def test_an_angle_is_learned_through_the_ends_of_its_range():
    prior = Prior((Parameter("phase", Uniform(0.0, 2 * np.pi), periodic=True),))
    rng = np.random.default_rng(0)
    theta = prior.sample(1000, rng)
    x = np.concatenate([np.cos(theta), np.sin(theta)], axis=1) + NOISE * rng.normal(size=(1000, 2))
    some = Simulations(theta, x, np.zeros(1000, np.int8))
    learned = NLE().train(some, prior, NLEOptions(**QUICK | {"steps": 300}), 1, QUIET)
    ends = np.array([[1e-6], [2 * np.pi - 1e-6]])
    value = learned.log_likelihood(ends, np.array([[1.0, 0.0]] * 2))
    assert value[0] == pytest.approx(value[1], abs=1e-3)
    residual = (x - np.concatenate([np.cos(theta), np.sin(theta)], axis=1)) / NOISE
    exact = -0.5 * np.sum(residual**2, axis=1) - np.log(2 * np.pi * NOISE**2)
    assert np.mean(learned.log_likelihood(theta, x) - exact) == pytest.approx(0, abs=0.1)
