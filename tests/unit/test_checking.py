"""`check`: the groups it adds, where it can simulate, and what it refuses."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

import sbiwb
from sbiwb import Normal, Parameter, Prior, Uniform
from sbiwb.checking import CALIBRATION_DRAWS, LIKELIHOOD_DRAWS
from sbiwb.core.verdict import Outcome
from sbiwb.errors import DataError, UsageError
from sbiwb.execute import parse_execution
from sbiwb.execute.points import simulate_at

PRIOR = Prior((Parameter("a", Uniform(-1.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
NOISE = 0.3
FLOW = {"steps": 1, "batch_size": 100, "hidden": 8}


class Line(sbiwb.Simulator):
    """Two noisy numbers, whose mean and likelihood are known."""

    name, version, prior, output = "toy.line", "1", PRIOR, sbiwb.Output((2,))
    options: ClassVar[dict] = {}
    fails_beyond = np.inf
    calls = 0

    def mean(self, theta):
        return np.array(theta)

    def simulate(self, theta, rng):
        type(self).calls += len(theta)
        x = theta + NOISE * rng.standard_normal(theta.shape)
        x[theta[:, 1] > self.fails_beyond] = np.nan
        return x

    def log_likelihood(self, theta, x):
        return -0.5 * np.sum(((x - theta) / NOISE) ** 2, axis=-1) - np.log(2 * np.pi * NOISE**2)


class Failing(Line):
    name, fails_beyond = "toy.failing", 1.0


def pose(simulator=None, x=(0.2, 0.3)):
    return sbiwb.problem(simulator or Line(), np.array(x))


@pytest.fixture(scope="module")
def npe():
    return sbiwb.infer(pose(), "npe", budget=300, draws=300, **FLOW)


@pytest.fixture(scope="module")
def checked(npe):
    return sbiwb.check(npe, calibration=60, predictive=50)


@pytest.fixture(scope="module")
def exact():
    return sbiwb.infer(pose(), "exact+emcee", draws=400, ensembles=2)


def names(result):
    return {v.name.partition("[")[0] for v in result.verdicts}


def test_groups_and_their_shapes(checked):
    calibration = checked.tree["calibration"].to_dataset()
    assert calibration["theta"].shape == calibration["x"].shape == (60, 2)
    assert calibration["samples"].shape == (CALIBRATION_DRAWS, 60, 2)
    assert calibration["log_prob_theta"].shape == (60,)
    assert calibration["log_prob_samples"].shape == (CALIBRATION_DRAWS, 60)
    assert calibration["parameter"].values.tolist() == ["a", "b"]
    assert calibration.attrs == {"simulator_calls": 60, "failed": 0, "local": 0}
    predictive = checked.tree["posterior_predictive"].to_dataset()
    assert predictive["x"].shape == predictive["mean"].shape == (1, 50, 2)
    assert {"tarp", "sbc", "predictive", "prior_predictive", "failures"} <= names(checked)


def test_calibration_pairs_draws_with_their_simulation(checked):
    group = checked.tree["calibration"].to_dataset()
    x = np.repeat(group["x"].values, CALIBRATION_DRAWS, axis=0)
    flat = group["samples"].values.swapaxes(0, 1).reshape(-1, 2)
    expected = checked.learned.log_prob(flat, x).reshape(60, -1).T
    assert group["log_prob_samples"].values == pytest.approx(expected, abs=1e-3)
    correlation = np.corrcoef(group["samples"].mean("calibration_draw")[:, 1], group["theta"][:, 1])
    assert correlation[0, 1] > 0.5


def test_the_result_given_is_unchanged_and_its_draws_kept(npe, checked):
    assert "calibration" not in npe.tree.children
    assert np.array_equal(checked.samples(), npe.samples())


def test_seeds(npe, checked):
    again = sbiwb.check(npe, calibration=60, predictive=50)
    other = sbiwb.check(npe, calibration=60, predictive=50, seed=9)
    theta = [one.tree["calibration"]["theta"].values for one in (checked, again, other)]
    assert np.array_equal(theta[0], theta[1])
    assert not np.array_equal(theta[0], theta[2])
    assert again.verdicts == checked.verdicts


def test_held_out_simulations_were_not_trained_on(checked):
    held_out = checked.tree["calibration"]["theta"].values
    trained_on = checked.tree["training"]["theta"].values
    assert not np.isin(held_out, trained_on).any()


def test_nothing_is_simulated_unless_asked(npe):
    Line.calls = 0
    result = sbiwb.check(npe, predictive=None, information=None)
    assert Line.calls == 0
    assert "posterior_predictive" not in result.tree.children
    assert "tarp" not in names(result)


def test_an_exact_likelihood_needs_no_calibration(exact):
    result = sbiwb.check(exact, calibration=50, predictive=200)
    assert "calibration" not in result.tree.children
    assert result.tree["training"]["x"].shape == (1000, 2)
    passed = {v.name for v in result.verdicts if v.passed}
    assert {"predictive", "prior_predictive"} <= passed


def test_an_observation_that_contradicts_the_model_fails():
    far = sbiwb.infer(pose(x=(3.0, 0.0)), "exact+emcee", draws=400, ensembles=2)
    result = sbiwb.check(far, predictive=200)
    outcomes = {v.name: v.outcome for v in result.verdicts}
    assert outcomes["predictive"] is Outcome.FAIL
    assert outcomes["prior_predictive"] is Outcome.FAIL


def test_a_learned_likelihood_is_calibrated_too():
    nle = sbiwb.infer(
        pose(), "nle+emcee", budget=300, draws=128, ensembles=2, max_steps=400, **FLOW
    )
    result = sbiwb.check(nle, calibration=12, predictive=None)
    group = result.tree["calibration"].to_dataset()
    assert group["samples"].shape == (CALIBRATION_DRAWS, 12, 2)
    theta, x = group["theta"].values, group["x"].values
    expected = nle.learned.log_likelihood(theta, x) + nle.training_prior.log_prob(theta)
    assert np.array_equal(group["log_prob_theta"].values, expected)
    # The simulator's own likelihood is known and cheap: it judges better than what was learned.
    assert np.array_equal(
        group["log_likelihood_theta"].values, nle.problem.simulator.log_likelihood(theta, x)
    )
    assert group["log_likelihood_samples"].shape == (LIKELIHOOD_DRAWS, 12)


def test_failed_simulations_are_left_out_and_counted():
    npe = sbiwb.infer(pose(Failing()), "npe", budget=300, draws=200, **FLOW)
    checked = sbiwb.check(npe, calibration=60, predictive=None)
    group = checked.tree["calibration"].to_dataset()
    failed = group.attrs["failed"]
    (said,) = [v for v in checked.verdicts if v.name == "failures[calibration]"]
    assert said.outcome is Outcome.WARN
    assert said.message.startswith(f"{failed} of 60 simulations of the calibration failed")
    assert 0 < failed < 30
    assert group.sizes["simulation"] == 60 - failed
    assert np.all(np.isfinite(group["x"].values))


def test_a_loaded_result_is_checked_like_the_first(npe, checked, tmp_path):
    loaded = sbiwb.load(npe.save(tmp_path / "result.nc"), problem=pose())
    again = sbiwb.check(loaded, calibration=60, predictive=50)
    assert again.verdicts == checked.verdicts


def test_a_result_without_its_problem_is_refused(npe, tmp_path):
    loaded = sbiwb.load(npe.save(tmp_path / "result.nc"))
    with pytest.raises(DataError, match="pass the problem"):
        sbiwb.check(loaded)


@pytest.mark.parametrize("name", ["calibration", "predictive"])
@pytest.mark.parametrize("value", [0, -1, True])
def test_a_bad_number_is_refused(npe, name, value):
    with pytest.raises(UsageError, match=f"bad {name}; got {value}; expected a whole number > 0"):
        sbiwb.check(npe, **{name: value})


def test_a_bad_seed_or_executor_is_refused(npe):
    with pytest.raises(UsageError, match="bad seed"):
        sbiwb.check(npe, seed=-1)
    with pytest.raises(UsageError, match="nowhere"):
        sbiwb.check(npe, executor="nowhere")


# -- simulating at given points ---------------------------------------------------------------


def test_points_are_simulated_in_their_order():
    theta = PRIOR.sample(20, np.random.default_rng(0))
    made = simulate_at(Line(), theta, seed=1, execution=parse_execution(None))
    assert np.array_equal(made.theta, theta)
    # Six standard deviations of the noise.
    assert np.abs(made.x - theta).max() < 6 * NOISE
    again = simulate_at(Line(), theta, seed=1, execution=parse_execution(None))
    assert np.array_equal(made.x, again.x)
    other = simulate_at(Line(), theta, seed=2, execution=parse_execution(None))
    assert not np.array_equal(made.x, other.x)


def test_failures_at_points_are_kept():
    theta = np.array([[0.0, 0.0], [0.0, 2.0]])
    made = simulate_at(Failing(), theta, seed=1, execution=parse_execution(None))
    assert made.valid.tolist() == [True, False]
    assert made.counts() == {"ok": 1, "nan": 1}
