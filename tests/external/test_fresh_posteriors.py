"""Posteriors of fresh observations are exact: on published ones they agree with the references."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import sbiwb
from sbiwb.core.fixed import FixedSimulator
from sbiwb.errors import InferenceError, UsageError
from sbiwb.registry import build_simulator
from sbiwb.simulators.benchmark.fresh import exact_posterior, fresh_problem
from sbiwb.simulators.benchmark.reference import reference_posterior

needs_data = pytest.mark.skipif(
    not (Path(os.environ.get("SBIWB_DATA", "")) / "benchmark").is_dir(),
    reason="needs the published reference posteriors: set SBIWB_DATA",
)
CASES = {
    "gaussian_linear_uniform": (2, 5000),
    "gaussian_mixture": (1, 5000),
    "two_moons": (4, 5000),
    "slcp": (5, 20_000),
}
LEVEL = 1e-4


def p_value(task, draws):
    """Smallest p-value of tests of the parameters and the density, times their number."""
    number, _ = CASES[task]
    simulator = build_simulator(f"benchmark.{task}")
    x = simulator.observation(f"num_observation_{number}").x
    reference = reference_posterior(task, number)
    density = [simulator.log_likelihood(theta, x) for theta in (draws, reference)]
    pairs = [*zip(draws.T, reference.T, strict=True), density]
    return len(pairs) * min(stats.ks_2samp(*pair).pvalue for pair in pairs)


@needs_data
@pytest.mark.parametrize("task", CASES)
def test_draws_agree_with_the_published_reference(task):
    number, particles = CASES[task]
    problem = sbiwb.problem(f"benchmark.{task}", observation=f"num_observation_{number}")
    draws = exact_posterior(problem, 2000, particles=particles, seed=1)
    assert len(np.unique(draws, axis=0)) > 1990  # copies of a particle have parted
    assert p_value(task, draws) > LEVEL


@needs_data
def test_noise_a_quarter_too_wide_is_caught(monkeypatch):
    problem = sbiwb.problem("benchmark.gaussian_linear_uniform", observation="num_observation_2")
    exact = problem.simulator.log_likelihood
    monkeypatch.setattr(
        type(problem.simulator), "log_likelihood", lambda _, theta, x: exact(theta, x) / 1.25**2
    )
    draws = exact_posterior(problem, 2000, particles=5000, seed=1)
    monkeypatch.undo()
    assert p_value("gaussian_linear_uniform", draws) < LEVEL


def test_fresh_observations_differ_by_seed_and_repeat():
    simulator = build_simulator("benchmark.two_moons")
    (one, theta), (same, _), (other, _) = (fresh_problem(simulator, seed) for seed in (1, 1, 2))
    assert one.describe() == same.describe() != other.describe()
    assert np.isfinite(simulator.log_likelihood(theta[np.newaxis], one.observation.x)[0])


def test_a_toy_of_known_posterior():
    simulator = build_simulator("benchmark.gaussian", dim=3, correlation=0.9)
    problem, _ = fresh_problem(simulator, 5)
    draws = exact_posterior(problem, 4000, particles=4000)
    mean, covariance = simulator.posterior(problem.observation.x)
    z = np.linalg.solve(np.linalg.cholesky(covariance), (draws - mean).T)
    for row in z:
        assert stats.kstest(row, stats.norm.cdf).pvalue > LEVEL


def test_what_cannot_be_sampled_is_refused():
    moons = sbiwb.problem("benchmark.two_moons", observation=np.array([-3.0, 0.0]))
    with pytest.raises(InferenceError, match="no prior draw can have produced the data"):
        exact_posterior(moons, 100, particles=200)
    with pytest.raises(UsageError, match="too few particles; got 50; expected at least 100"):
        exact_posterior(moons, 100, particles=50)
    prior = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(0, 1))])
    plain = sbiwb.problem(sbiwb.simulator(lambda theta: theta, prior), observation=[0.5])
    with pytest.raises(UsageError, match="offers no exact likelihood"):
        exact_posterior(plain)
    fixed = FixedSimulator(moons.simulator, {"theta1": 0.5})
    assert fresh_problem(fixed, 1)[0].prior.names == ("theta2",)
