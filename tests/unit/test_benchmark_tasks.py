"""The benchmark tasks are the published ones: constants, observations, likelihoods, posteriors."""

from __future__ import annotations

import hashlib
import os
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import sbiwb
from sbiwb.datasets import dataset
from sbiwb.errors import DataError, UsageError
from sbiwb.registry import build_simulator
from sbiwb.rng import stream
from sbiwb.simulators.benchmark import _bernoulli
from sbiwb.simulators.benchmark._distractors import published_distractors
from sbiwb.simulators.benchmark.reference import (
    TASKS,
    published_c2st,
    reference_posterior,
    true_parameters,
)

needs_data = pytest.mark.skipif(
    not (Path(os.environ.get("SBIWB_DATA", "")) / "benchmark").is_dir(),
    reason="needs the published files: set SBIWB_DATA",
)


def published(path):
    return Path(os.environ["SBIWB_DATA"], "benchmark", path)


def simulate(task, theta, n=20_000):
    return task.simulate(np.tile(theta, (n, 1)), stream(0, "x"))


# -- what was published ---------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_five_observations_come_with_the_package(task):
    simulator = build_simulator(f"benchmark.{task}")
    assert simulator.observation_names == tuple(f"num_observation_{k}" for k in range(1, 6))
    seen = [sbiwb.problem(simulator, observation=name) for name in simulator.observation_names]
    assert len({problem.observation.sha256 for problem in seen}) == 5
    assert sbiwb.problem(simulator).observation.name == "num_observation_1"


@needs_data
@pytest.mark.parametrize("task", TASKS)
def test_observations_and_parameters_are_those_of_the_published_files(task):
    folder = {"slcp_distractors": "slcp", "bernoulli_glm_raw": "bernoulli_glm"}.get(task, task)
    file = {"slcp_distractors": "observation_distractors", "bernoulli_glm_raw": "observation_raw"}
    for number in range(1, 6):
        at = published(f"{folder}/num_observation_{number}")
        x = np.loadtxt(at / f"{file.get(task, 'observation')}.csv", delimiter=",", skiprows=1)
        theta = np.loadtxt(at / "true_parameters.csv", delimiter=",", skiprows=1)
        simulator = build_simulator(f"benchmark.{task}")
        assert np.array_equal(simulator.observation(f"num_observation_{number}").x, x)
        assert np.array_equal(true_parameters(task, number), theta)
        assert np.isfinite(simulator.prior.log_prob(theta[np.newaxis])[0])
        assert np.isfinite(simulator.log_likelihood(theta[np.newaxis], x)[0])


@needs_data
def test_reference_posteriors_are_ten_thousand_draws_inside_the_prior():
    for task in TASKS:
        prior = build_simulator(f"benchmark.{task}").prior
        draws = reference_posterior(task, 3)
        assert draws.shape == (10_000, prior.dim)
        assert np.all(np.isfinite(prior.log_prob(draws)))
    assert np.array_equal(draws, reference_posterior(f"benchmark.{task}", 3))


def test_reference_posteriors_are_asked_for_by_valid_names():
    with pytest.raises(
        UsageError, match=r"unknown task; got 'two_moon';.*did you mean 'two_moons'"
    ):
        reference_posterior("two_moon", 1)
    with pytest.raises(UsageError, match="no such observation; got 6; expected 1 to 5"):
        reference_posterior("two_moons", 6)


def test_tasks_need_no_reference_files(monkeypatch, tmp_path):
    monkeypatch.setenv("SBIWB_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.os_cache", lambda _project: tmp_path / "cache")
    monkeypatch.setattr("pooch.retrieve", lambda *_a, **_k: (_ for _ in ()).throw(OSError("off")))
    assert sbiwb.problem("benchmark.two_moons").observation.x.shape == (2,)
    with pytest.raises(DataError, match=r"cannot download two_moons/num_observation_1"):
        reference_posterior("two_moons", 1)


def test_published_scores():
    scores = published_c2st("two_moons", 1000)
    assert len(scores) == 8
    assert round(scores["NPE"][1], 3) == 0.725  # table of the paper's results
    assert scores["NPE"][0].shape == (5,)
    with pytest.raises(UsageError, match="no published scores; got 500"):
        published_c2st("two_moons", 500)


def test_files_of_the_package_have_their_recorded_hashes():
    for name in ("benchmark.observations", "benchmark.published_c2st"):
        assert [file.state() for file in dataset(name).files] == ["good"] * len(dataset(name).files)


# -- definitions ----------------------------------------------------------------------------


def test_moons_are_where_the_definition_puts_them():
    task = build_simulator("benchmark.two_moons")
    theta = np.array([0.3, -0.7])
    ring = simulate(task, theta) - [0.25 - abs(-0.4) / np.sqrt(2), -1.0 / np.sqrt(2)]
    assert stats.kstest(np.hypot(*ring.T), stats.norm(0.1, 0.01).cdf).pvalue > 1e-4
    angle = np.arctan2(ring[:, 1], ring[:, 0])
    assert stats.kstest(angle, stats.uniform(-np.pi / 2, np.pi).cdf).pvalue > 1e-4


def test_moons_integrate_to_one_and_end_at_the_edge():
    task = build_simulator("benchmark.two_moons")
    theta = np.array([[0.3, 0.2]])
    centre = task.mean(theta)[0] - [0.2 / np.pi, 0.0]
    side = np.linspace(-0.2, 0.2, 801)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2) + centre
    density = np.exp(task.log_likelihood(np.repeat(theta, len(grid), axis=0), grid))
    # A mid-point rule over an edge is wrong by up to half a row of cells, here 0.3 %.
    assert abs(density.sum() * (side[1] - side[0]) ** 2 - 1) < 5e-3
    assert task.log_likelihood(theta, centre - [1e-3, 0.1]) == -np.inf


def test_slcp_is_four_points_of_a_correlated_normal():
    task = build_simulator("benchmark.slcp")
    theta = np.array([[0.7, -2.9, -1.3, 0.8, 0.6]])
    covariance = np.array([[1.69**2, 0], [0, 0.64**2]])
    covariance[0, 1] = covariance[1, 0] = np.tanh(0.6) * 1.69 * 0.64
    normal = stats.multivariate_normal([0.7, -2.9], covariance + 1e-6 * np.eye(2))
    x = simulate(task, theta[0])
    expected = normal.logpdf(x[:5].reshape(5, 4, 2)).sum(axis=1)
    assert np.allclose(task.log_likelihood(np.repeat(theta, 5, axis=0), x[:5]), expected)
    # Every entry of the covariance of n draws is uncertain by less than 2 σ²/√n.
    error = np.cov(x.reshape(-1, 2).T) - covariance
    assert np.abs(error).max() < 5 * 2 * 1.69**2 / np.sqrt(80_000)


@needs_data
def test_distractors_and_their_order_are_the_published_ones():
    noise = published_distractors()
    file = published("slcp/gmm.torch").read_bytes()
    # The last numbers of the file are the factors; nothing in it is run.
    factors = np.frombuffer(file[-noise.scale.nbytes :]).reshape(noise.scale.shape)
    assert np.allclose(np.tril(factors), noise.scale, rtol=1e-12)
    start = file.index(noise.location[-1].tobytes()) - noise.location[:-1].nbytes
    location = np.frombuffer(file[start : start + noise.location.nbytes])
    assert np.allclose(location.reshape(noise.location.shape), noise.location, rtol=1e-12)
    assert noise.order.tobytes() in published("slcp/permutation_idx.torch").read_bytes()


def test_distractors_hide_the_points_of_slcp():
    plain, hidden = (build_simulator(f"benchmark.{n}") for n in ("slcp", "slcp_distractors"))
    order = published_distractors().order
    for name in plain.observation_names:
        x = hidden.observation(name).x
        points = np.empty(100)
        points[order] = x
        assert np.array_equal(points[:8], plain.observation(name).x)
        theta = plain.prior.sample(20, stream(1, "theta"))
        gain = hidden.log_likelihood(theta, x) - plain.log_likelihood(theta, points[:8])
        assert np.allclose(gain, gain[0], rtol=0, atol=1e-5)


def test_the_density_of_distractors_is_that_of_a_student_mixture():
    noise = published_distractors()
    x = noise.draw(3, stream(2, "noise"))
    shape = [factor @ factor.T for factor in noise.scale]
    # scipy inverts the shape, whose condition reaches the square of the factors' 1e18: only the
    # first three dimensions, which are a Student distribution too, can be compared.
    small = type(noise)(noise.location[:, :3], noise.scale[:, :3, :3], noise.order)
    expected = np.mean(
        [
            stats.multivariate_t(m[:3], s[:3, :3], df=2).pdf(x[:, :3])
            for m, s in zip(noise.location, shape, strict=True)
        ],
        axis=0,
    )
    assert np.allclose(np.exp(small.log_density(x[:, :3])), expected, rtol=1e-6)


def test_draws_of_distractors_are_spread_like_their_density():
    noise = published_distractors()
    x = noise.draw(20_000, stream(3, "noise"))[:, 0]
    # The first coordinate of a component is Student with two degrees of freedom.
    scale = np.abs(noise.scale[:, 0, 0])
    cdf = stats.t(2, noise.location[:, 0], scale).cdf
    assert stats.kstest(x, lambda at: cdf(np.asarray(at)[:, np.newaxis]).mean(axis=1)).pvalue > 1e-4


def test_the_mixture_is_wide_or_narrow_in_both_coordinates_together():
    task = build_simulator("benchmark.gaussian_mixture")
    z = np.abs(simulate(task, np.array([3.0, -4.0])) - [3.0, -4.0])
    far = z > 0.5  # five standard deviations of the narrow part
    expected = 0.5 * 2 * stats.norm.sf(0.5)
    error = np.sqrt(expected / len(z))
    assert abs(far[:, 0].mean() - expected) < 5 * error
    # Independent choices for the two coordinates would give the square of this.
    assert abs((far[:, 0] & far[:, 1]).mean() - 0.5 * (2 * stats.norm.sf(0.5)) ** 2) < 5 * error


@needs_data
def test_the_stimulus_is_the_published_one():
    file = published("bernoulli_glm/design_matrix.pt").read_bytes()
    assert _bernoulli.design().astype("<f4").tobytes() in file


def test_spikes_have_the_published_sufficient_statistics():
    raw, short = (build_simulator(f"benchmark.bernoulli_glm{n}") for n in ("_raw", ""))
    theta = raw.prior.sample(20, stream(4, "theta"))
    for name in raw.observation_names:
        spikes, statistics = raw.observation(name).x, short.observation(name).x
        assert np.allclose(spikes @ _bernoulli.design(), statistics, rtol=0, atol=1e-4)
        both = raw.log_likelihood(theta, spikes), short.log_likelihood(theta, statistics)
        assert np.allclose(*both, rtol=0, atol=1e-3)  # the published statistics are float32
        probability = raw.mean(theta)
        expected = stats.bernoulli.logpmf(spikes, probability).sum(axis=1)
        assert np.allclose(both[0], expected, rtol=1e-9)


def test_the_filter_s_prior_has_the_published_precision():
    prior = _bernoulli.prior()
    size = 9
    difference = np.diag(np.ones(size)) + np.diag(-np.ones(size - 1), -1)
    root = difference @ difference + np.diag(np.arange(size) / size) ** 0.5
    precision = np.zeros((10, 10))
    precision[0, 0] = 0.5
    precision[1:, 1:] = root.T @ root
    theta = prior.sample(30, stream(5, "theta"))
    expected = stats.multivariate_normal(np.zeros(10), np.linalg.inv(precision)).logpdf(theta)
    assert np.allclose(prior.log_prob(theta), expected, rtol=1e-9)


def test_the_observation_is_no_part_of_what_simulations_depend_on():
    one, two = (sbiwb.problem("benchmark.slcp", observation=f"num_observation_{k}") for k in (1, 2))
    assert one.simulator.fingerprint() == two.simulator.fingerprint()
    digest = hashlib.sha256(repr(one.describe()).encode()).hexdigest()
    assert digest != hashlib.sha256(repr(two.describe()).encode()).hexdigest()


# -- the page --------------------------------------------------------------------------------


@needs_data
def test_the_figure_of_the_page_can_be_made(tmp_path):
    script = Path(__file__).parents[2] / "docs/examples/benchmark_tasks.py"
    runpy.run_path(str(script))["main"](tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 20_000
