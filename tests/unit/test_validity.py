"""Failures that depend on the parameters: the likelihood learned from successes is corrected."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import sbiwb
from sbiwb import Normal, Parameter, Prior, Simulations, Uniform
from sbiwb.core.verdict import Outcome
from sbiwb.estimators._validity import FEWEST, CorrectedLikelihood, corrected
from sbiwb.estimators.base import LearnedLikelihood
from sbiwb.likelihoods.base import Differentiable
from sbiwb.progress import QUIET
from sbiwb.rng import stream

PRIOR = Prior((Parameter("a", Uniform(-1.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
NOISE, STEEP = 1.0, 3.0
SHORT = {"draws": 2000, "ensembles": 2, "steps": 600}


def chance(a):
    """Of success: most simulations of a large `a` fail."""
    return special.expit(-STEEP * a)


def failing(theta, rng):
    x = theta + NOISE * rng.standard_normal(theta.shape)
    x[rng.random(len(x)) > chance(theta[:, 0])] = np.nan
    return x


def pose():
    simulator = sbiwb.simulator(failing, PRIOR, batched=True, output=sbiwb.Output((2,)))
    return sbiwb.problem(simulator, [0.3, 0.2])


def posterior_mean(power):
    """Mean of `a` with the chance of success to some power in its likelihood."""
    a = np.linspace(-1, 1, 2001)
    density = np.exp(-0.5 * ((0.3 - a) / NOISE) ** 2) * chance(a) ** power
    return np.sum(a * density) / np.sum(density)


@pytest.fixture(scope="module")
def result():
    return sbiwb.infer(
        pose(), "nle+emcee", budget=4000, seed=1, executor={"max_failure_fraction": 0.9}, **SHORT
    )


def test_the_posterior_is_that_of_data_that_came_about(result):
    exact, uncorrected = posterior_mean(1), posterior_mean(0)
    # Three times what some 1,000 independent draws, and the noise of 4,000 simulations, leave open.
    error = 3 * np.hypot(0.5 / np.sqrt(1000), NOISE / np.sqrt(4000))
    assert result.samples()[:, 0].mean() == pytest.approx(exact, abs=error)
    assert abs(uncorrected - exact) > 3 * error  # without the correction it would be there


def test_the_verdict_says_so(result):
    found = next(v for v in result.verdicts if v.name == "failures")
    assert found.outcome is Outcome.WARN
    assert "multiplied by the learned chance of success" in found.message
    assert result.provenance["network"]["estimator"] == "nle"


def test_npe_agrees(result):
    npe = sbiwb.infer(
        pose(), "npe", budget=4000, seed=1, executor={"max_failure_fraction": 0.9}, steps=600
    )
    assert npe.samples()[:, 0].mean() == pytest.approx(result.samples()[:, 0].mean(), abs=0.11)


def test_it_is_saved_and_restored(result, tmp_path):
    loaded = sbiwb.load(result.save(tmp_path / "result.nc"), problem=pose())
    assert isinstance(loaded.learned, CorrectedLikelihood)
    theta = result.samples(50)
    x = np.tile([[0.3, 0.2]], (50, 1))
    again = [one.learned.log_likelihood(theta, x) for one in (result, loaded)]
    assert np.array_equal(*again)


class Flat(LearnedLikelihood):
    """A likelihood that says nothing, so that only the correction is seen."""

    def log_likelihood(self, theta, x):  # noqa: ARG002
        return np.zeros(len(theta))

    def gradient(self, points, x, to_theta):  # noqa: ARG002
        return np.zeros(len(points)), np.zeros(points.shape)

    def state(self):
        return {}, {}


def simulations(n, *, failures=None):
    rng = stream(0, "validity")
    theta = PRIOR.sample(n, rng)
    valid = rng.random(n) < chance(theta[:, 0])
    if failures is not None:
        valid[:] = True
        valid[:failures] = False
    return Simulations(theta, np.where(valid[:, np.newaxis], theta, np.nan), np.int8(~valid))


def test_the_chance_of_success_is_learned():
    learned = corrected(Flat(), simulations(5000), PRIOR, 1, QUIET)
    a = np.linspace(-0.9, 0.9, 7)
    theta = np.stack([a, np.zeros(7)], axis=1)
    # A bin of a tenth of 5,000 simulations knows its share to 0.02; a smooth curve does better.
    assert np.exp(learned.log_likelihood(theta, theta)) == pytest.approx(chance(a), abs=0.06)


def test_its_gradient_is_that_of_its_value():
    learned = corrected(Flat(), simulations(2000), PRIOR, 1, QUIET)
    assert isinstance(learned, Differentiable)
    points = stream(1, "points").uniform(-0.5, 0.5, (20, 2))
    value, gradient = learned.gradient(points, points, lambda p: p)
    assert value == pytest.approx(learned.log_likelihood(points, points), abs=1e-5)
    step = 1e-2
    for k, along in enumerate(step * np.eye(2)):
        up, down = (learned.log_likelihood(points + s * along, points) for s in (1, -1))
        assert gradient[:, k] == pytest.approx((up - down) / (2 * step), abs=5e-3)


def test_a_handful_of_failures_is_a_constant():
    one = Flat()
    assert corrected(one, simulations(1000, failures=FEWEST - 1), PRIOR, 1, QUIET) is one
    assert corrected(one, simulations(1000, failures=FEWEST), PRIOR, 1, QUIET) is not one


def test_several_data_of_the_same_parameters_all_came_about():
    simulator = sbiwb.simulator(failing, PRIOR, batched=True, output=sbiwb.Output((2,)))
    two = sbiwb.problem(simulator, [[0.3, 0.2], [0.1, 0.4]], repeats=2)
    result = sbiwb.infer(
        two, "nle+emcee", budget=2000, seed=1, executor={"max_failure_fraction": 0.9}, **SHORT
    )
    one = result.learned.one
    assert isinstance(one, CorrectedLikelihood)
    theta, x = result.samples(10), np.array([[[0.3, 0.2], [0.1, 0.4]]]).repeat(10, axis=0)
    apart = one.log_likelihood(theta, x[:, 0]) + one.log_likelihood(theta, x[:, 1])
    assert result.learned.log_likelihood(theta, x) == pytest.approx(apart, abs=1e-3)
