"""The learned posterior: exact change of variables, inside the prior, at any unit, saved whole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from sbiwb import Normal, Parameter, Prior, Simulations, Uniform
from sbiwb.errors import DataError, InferenceError
from sbiwb.estimators._posterior import fit_residual_map
from sbiwb.estimators.npe import NPE, NPEOptions
from sbiwb.progress import QUIET
from sbiwb.rng import stream

PRIOR = Prior((Parameter("a", Uniform(-1.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
ONE = Prior((Parameter("a", Uniform(-1.0, 1.0)),))
QUICK = {"steps": 1, "batch_size": 100, "hidden": 8}


def pairs(prior, n=400, unit=1.0, noise=0.3):
    rng = stream(0, "pairs")
    theta = prior.sample(n, rng)
    x = unit * (theta + noise * rng.standard_normal(theta.shape))
    return Simulations(theta, x, np.zeros(n, np.int8))


def learn(prior=PRIOR, *, unit=1.0, seed=1, **options):
    options = NPEOptions(**{**QUICK, **options})
    return NPE().train(pairs(prior, unit=unit), prior, options, seed, QUIET)


@pytest.fixture(scope="module")
def learned():
    return learn()


def test_the_residual_map_and_its_volume():
    some = pairs(PRIOR)
    residuals = fit_residual_map(some.theta, some.x, PRIOR, seed=1)
    z, x = PRIOR.to_unconstrained(some.theta)[:20], some.x[:20]
    r = residuals.residual(z, x)
    assert residuals.unconstrained(r[:, np.newaxis], x)[:, 0] == pytest.approx(z)
    shifted = [residuals.residual(z + 1e-6 * axis, x) - r for axis in np.eye(2)]
    volume = np.linalg.slogdet(np.stack(shifted, axis=-1) / 1e-6)[1]
    assert residuals.log_abs_det(x) == pytest.approx(volume, abs=1e-6)
    whole = residuals.residual(PRIOR.to_unconstrained(some.theta), some.x)
    assert np.cov(whole.T) == pytest.approx(np.eye(2), abs=1e-9)


def test_a_centre_beyond_the_prior_stays_finite():
    some = pairs(PRIOR)
    residuals = fit_residual_map(some.theta, some.x, PRIOR, seed=1)
    centre, slope = residuals.centre_and_slope(np.array([[1e9, -1e9], [-1e9, 1e9]]))
    assert np.all(np.isfinite(centre))
    assert np.all(slope > 0)


@pytest.mark.parametrize("x", [[0.0, 0.0], [0.99, 2.0], [50.0, -50.0]])
def test_draws_stay_inside_the_prior_wherever_the_data_are(learned, x):
    theta = learned.sample(500, np.array([x]), stream(1, "draws"))[0]
    assert np.all(np.isfinite(PRIOR.log_prob(theta)))


def test_rows_of_x_are_told_apart(learned):
    x = np.array([[-0.5, -1.0], [0.5, 1.0]])
    mean = learned.sample(500, x, stream(1, "draws")).mean(axis=1)
    assert np.all(mean[1] > mean[0] + 0.3)


@pytest.mark.parametrize("flow", ["maf", "nsf"])
def test_one_dimension_is_normalised_and_draws_follow_the_density(flow):
    learned = learn(ONE, flow=flow)
    x = np.array([[0.6]])
    grid = np.linspace(-1, 1, 4001)[1:-1]
    density = np.exp(learned.log_prob(grid[:, np.newaxis], np.broadcast_to(x, (3999, 1))))
    assert integrate.simpson(density, x=grid) == pytest.approx(1, abs=0.01)
    theta = learned.sample(4000, x, stream(1, "draws"))[0, :, 0]
    mean = integrate.simpson(density * grid, x=grid)
    # Five standard errors of the mean of 4,000 independent draws.
    assert theta.mean() == pytest.approx(mean, abs=5 * theta.std() / np.sqrt(4000))


def test_the_unit_of_the_data_does_not_matter(learned):
    tiny = learn(unit=1e-21)
    x = np.array([[0.2, 0.3]])
    theta, x = learned.sample(200, x, stream(1, "draws"))[0], np.repeat(x, 200, axis=0)
    # The same network up to rounding: of the scaling in float64, then of training in float32.
    # In the far tails that goes on: 19 of 20 draws are nearer.
    apart = np.abs(tiny.log_prob(theta, 1e-21 * x) - learned.log_prob(theta, x))
    assert np.quantile(apart, 0.95) < 0.2


def test_seeds():
    x = np.array([[0.2, 0.3]])
    draws = [learn(seed=s).sample(3, x, stream(0, "draws")) for s in (1, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_a_restored_posterior_is_the_same(learned):
    recipe, weights = learned.state()
    restored = NPE().restore(recipe, weights, PRIOR)
    x = np.array([[0.2, 0.3]])
    first, again = (one.sample(9, x, stream(0, "draws")) for one in (learned, restored))
    assert np.array_equal(first, again)
    theta, x = first[0], np.broadcast_to(x, (9, 2))
    assert np.array_equal(learned.log_prob(theta, x), restored.log_prob(theta, x))


def test_weights_of_another_recipe_are_refused(learned):
    recipe, weights = learned.state()
    with pytest.raises(DataError, match="saved weights do not fit"):
        NPE().restore({**recipe, "hidden": 9}, weights, PRIOR)


def test_log_prob_is_minus_infinity_outside_the_prior(learned):
    theta = np.array([[1.1, 0.0], [0.0, 0.0], [-1.1, 0.0]])
    value = learned.log_prob(theta, np.zeros((3, 2)))
    assert np.isneginf(value).tolist() == [True, False, True]
    assert np.all(np.isneginf(learned.log_prob(theta[:1], np.zeros((1, 2)))))


def test_too_few_and_constant_simulations():
    few = pairs(PRIOR, n=50)
    with pytest.raises(InferenceError, match="too few valid simulations"):
        NPE().train(few, PRIOR, NPEOptions(), 0, QUIET)
    some = pairs(PRIOR)
    constant = Simulations(some.theta, np.ones_like(some.x), some.status)
    with pytest.raises(DataError, match="constant: nothing can be learned"):
        NPE().train(constant, PRIOR, NPEOptions(), 0, QUIET)
