"""Emcee: hard posteriors, honest failure, options and book-keeping."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from toy_targets import flat, half, impossible, peak, target, two_peaks, unit_box

from sbiwb.core.distributions import LogUniform, Normal, Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.effective_size import ess, rhat
from sbiwb.errors import InferenceError, UsageError
from sbiwb.progress import QUIET
from sbiwb.samplers import _walking as module
from sbiwb.samplers.emcee import Emcee, EmceeOptions


def sample(given, seed=0, progress=QUIET, **options):
    return Emcee().sample(given, EmceeOptions(**options), seed, progress)


def check_moments(draws, mean, sd):
    """Means and standard deviations within 5 standard errors, by the effective size."""
    for k in range(draws.theta.shape[-1]):
        column = draws.theta[..., k]
        n = ess(column, "bulk")
        assert abs(column.mean() - mean[k]) < 5 * sd[k] / np.sqrt(n)
        assert abs(column.std() / sd[k] - 1) < 5 / np.sqrt(2 * n)


def test_a_posterior_in_a_hundred_millionth_of_the_prior():
    draws = sample(target(lambda theta, _: peak(theta, [0.3, 0.7], 1e-5)))[0]
    check_moments(draws, [0.3, 0.7], [1e-5, 1e-5])


def test_half_of_the_prior_impossible():
    draws = sample(target(half))[0]
    half_normal = 0.5 - 0.05 * np.sqrt(2 / np.pi), 0.05 * np.sqrt(1 - 2 / np.pi)
    check_moments(draws, [half_normal[0], 0.7], [half_normal[1], 0.05])
    assert draws.theta[..., 0].max() < 0.5


def test_a_thousandth_of_the_prior_possible():
    inside = target(
        lambda theta, _: np.where(np.all(np.abs(theta - 0.3) < 0.016, axis=1), 0, -np.inf)
    )
    check_moments(sample(inside)[0], [0.3, 0.3], [0.016 / np.sqrt(3)] * 2)


def test_a_posterior_piled_up_at_the_edge_of_the_prior():
    prior = Prior((Parameter("w0", Uniform(-3, 1)), Parameter("wa", Uniform(-3, 2))))
    edge = target(lambda theta, _: peak(theta[:, :1], 0.0, 0.1) - 20 * theta[:, 1], prior)
    check_moments(sample(edge)[0], [0.0, -2.95], [0.1, 0.05])


def test_a_posterior_that_is_the_prior():
    prior = Prior(
        (
            Parameter("u", Uniform(-1, 3)),
            Parameter("n", Normal(2, 0.5)),
            Parameter("l", LogUniform(1e-3, 10)),
        )
    )
    draws = sample(target(flat, prior))[0]
    theta = np.dstack([draws.theta[..., :2], np.log(draws.theta[..., 2])])
    low, high = np.log([1e-3, 10])
    check_moments(
        replace(draws, theta=theta),
        [1, 2, (low + high) / 2],
        [4 / np.sqrt(12), 0.5, (high - low) / np.sqrt(12)],
    )


def test_two_peaks_keep_their_weights():
    draws = sample(target(two_peaks))[0]
    in_first = (draws.theta[..., 0] < 0.5).astype(float)
    error = np.sqrt(0.25 * 0.75 / ess(in_first, "bulk"))
    assert abs(in_first.mean() - 0.25) < 5 * error
    assert rhat(draws.theta[..., 0]) < 1.01


def test_impossible_data_end_at_once_with_a_reason():
    began = time.process_time()
    with pytest.raises(InferenceError, match="0 prior draws of about 51200") as caught:
        sample(target(impossible))
    assert time.process_time() - began < 5
    assert "\n" not in str(caught.value)


def test_impossible_data_among_others_are_named():
    def second_impossible(theta, x):
        return np.where(x[:, 0] == 1, -np.inf, 0.0)

    with pytest.raises(InferenceError, match="for observation 1;"):
        sample(target(second_impossible, x=[[0.0], [1.0]]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_likelihood_that_is_no_number_is_an_error_without_noise(bad, capsys):
    calls = []

    def late(theta, _):
        calls.append(len(theta))
        return np.full(len(theta), bad) if len(calls) > 50 else np.zeros(len(theta))

    with pytest.raises(InferenceError, match=r"broke its contract; got (nan|inf) at theta = \["):
        sample(target(late))
    assert capsys.readouterr() == ("", "")


def test_an_error_of_the_likelihood_comes_through_without_noise(capsys):
    calls = []

    def late(theta, _):
        calls.append(len(theta))
        if len(calls) > 50:
            raise ZeroDivisionError("mine")
        return np.zeros(len(theta))

    with pytest.raises(ZeroDivisionError, match="mine"):
        sample(target(late))
    assert capsys.readouterr() == ("", "")


def test_a_chain_that_is_too_short_says_so():
    ring = target(
        lambda theta, _: -0.5 * ((np.hypot(*(theta.T - 0.5)) - 0.3) / 0.005) ** 2,
    )
    stats = sample(ring, max_steps=200, draws=1000)[0].stats
    assert stats["converged"] == 0
    assert stats["steps"] == 200
    assert stats["steps"] < 25 * stats["autocorrelation_time"]


def test_walkers_that_never_move_are_not_converged():
    # Every point of the prior is the only possible one: proposals are all refused.
    seen = []

    def first_only(theta, _):
        seen.append(len(theta))
        return np.where(len(seen) < 2, 0.0, -np.inf) * np.ones(len(theta))

    stats = sample(target(first_only), max_steps=100, draws=100)[0].stats
    assert stats["converged"] == 0
    assert stats["acceptance"] == 0
    assert 50 < stats["autocorrelation_time"] <= 100


def test_shapes_and_statistics():
    given = target(lambda theta, x: peak(theta, x, 0.1), x=[[0.4, 0.5], [0.6, 0.5], [0.5, 0.5]])
    every = sample(given, draws=1001, ensembles=3, walkers=20)
    assert len(every) == 3
    for draws in every:
        assert draws.theta.shape == (3, 334, 2)
        assert draws.log_prob.shape == (3, 334)
        assert not draws.independent
        assert not draws.normalised
        assert draws.stats["walkers"] == 20
        assert draws.stats["ensembles"] == 3
        assert draws.stats["converged"] == 1
        assert 0.3 < draws.stats["acceptance"] < 0.6
        assert draws.stats["steps"] >= 25 * draws.stats["autocorrelation_time"]
        assert draws.stats["burn_in"] >= 5 * draws.stats["autocorrelation_time"] - 1
        assert draws.cost.seconds > 0


def test_kept_draws_lie_an_autocorrelation_time_apart():
    draws = sample(target(lambda theta, _: peak(theta, 0.5, 0.1)), draws=8000)[0]
    kept = draws.stats["steps"] - draws.stats["burn_in"]
    spacing = kept * draws.stats["walkers"] * draws.stats["ensembles"] / 8000
    assert spacing >= 0.99 * draws.stats["autocorrelation_time"]


def test_likelihood_calls_are_counted_per_posterior():
    asked = np.zeros(2, dtype=int)

    def counting(theta, x):
        np.add.at(asked, x[:, 0].astype(int), 1)
        # The second posterior is a ring and takes longer.
        ring = -0.5 * ((np.hypot(*(theta.T - 0.5)) - 0.3) / 0.02) ** 2
        return np.where(x[:, 0] == 1, ring, peak(theta, 0.5, 0.1))

    every = sample(target(counting, x=[[0.0], [1.0]]), draws=200)
    assert [draws.cost.likelihood_calls for draws in every] == asked.tolist()
    assert asked[1] > 2 * asked[0]


def test_large_targets_are_walked_in_parts_and_stay_in_order(monkeypatch):
    monkeypatch.setattr(module, "WALKERS_AT_ONCE", 2 * 2 * 32)
    centres = np.linspace(0.2, 0.8, 5)
    given = target(lambda theta, x: peak(theta, x, 0.01), x=centres[:, np.newaxis])
    every = sample(given, draws=200, ensembles=2)
    means = np.array([draws.flat.mean(axis=0) for draws in every])
    assert means == pytest.approx(np.repeat(centres, 2).reshape(5, 2), abs=0.005)


class Recorder:
    """A progress that remembers."""

    def __init__(self):
        self.steps = []

    def task(self, description, total):
        self.description, self.total = description, total
        return nullcontext(self)

    def advance(self, steps=1.0):
        self.steps.append(steps)


def test_progress_reaches_its_end():
    progress = Recorder()
    sample(target(two_peaks, x=[[0.0], [1.0]]), progress=progress, draws=100)
    assert min(progress.steps) >= 0
    assert progress.description == "emcee"
    assert sum(progress.steps) == pytest.approx(progress.total) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"walkers": 33}, "got 33; expected an even number of at least 6 for 2 parameters"),
        ({"walkers": 4}, "got 4; expected an even number of at least 6 for 2 parameters"),
        ({"walkers": -8}, "bad number of walkers"),
        ({"draws": 100_000, "max_steps": 100}, "got 100000; expected at most 10240"),
    ],
)
def test_bad_options_are_refused_with_the_valid_range(options, said):
    with pytest.raises(UsageError, match=said):
        sample(target(flat), **options)


@pytest.mark.parametrize(
    "options",
    [{"draws": 0}, {"ensembles": 1}, {"max_steps": 10}, {"walkers": "many"}, {"nlive": 5}],
)
def test_nonsense_options_are_refused(options):
    with pytest.raises(ValidationError):
        EmceeOptions(**options)


def test_more_parameters_take_more_walkers():
    assert EmceeOptions().walkers_for(2) == 32
    assert EmceeOptions().walkers_for(20) == 80
    assert sample(target(flat, unit_box(9)), draws=50)[0].stats["walkers"] == 36
