"""Slice sampling: one update by hand, hard posteriors, and walkers that cannot move."""

from __future__ import annotations

import emcee
import numpy as np
import pytest
from scipy import stats
from toy_targets import half, impossible, peak, target, two_peaks

from sbiwb.effective_size import ess
from sbiwb.errors import InferenceError
from sbiwb.progress import QUIET
from sbiwb.samplers._slices import Slice, slice_along, slices
from sbiwb.samplers.slice import EnsembleSlice, SliceOptions


def sample(given, seed=0, **options):
    return EnsembleSlice().sample(given, SliceOptions(**options), seed, QUIET)


def normal(rows, at):
    return np.asarray(-0.5 * (at + 0.7 * rows) ** 2)


def test_an_update_leaves_a_density_as_it_is():
    # Lines through walkers that are already distributed as they should be, at place z of a normal.
    random = np.random.RandomState(3)
    z = random.standard_normal(20_000)
    at, value = slice_along(
        lambda rows, at: -0.5 * (z[rows] + at) ** 2, -0.5 * z**2, np.arange(len(z)), random
    )
    assert stats.kstest(z + at, "norm").pvalue > 1e-3
    assert value == pytest.approx(-0.5 * (z + at) ** 2)
    # It forgets where it was, as the best of random walks (0.7) does not.
    assert stats.spearmanr(z, z + at).statistic < 0.3


def test_lines_that_do_not_move_are_not_asked():
    asked = []

    def log_prob(rows, at):
        asked.extend(rows.tolist())
        return normal(rows, at)

    start = normal(np.arange(5), np.zeros(5))
    at, value = slice_along(log_prob, start, np.array([1, 3]), np.random.RandomState(0))
    assert set(asked) == {1, 3}
    assert np.all(at[[0, 2, 4]] == 0)
    assert np.array_equal(value[[0, 2, 4]], start[[0, 2, 4]])


def test_a_walker_on_a_spike_stays_instead_of_hanging():
    random = np.random.RandomState(0)
    at, value = slice_along(
        lambda _, at: np.where(at == 0, 0.0, -np.inf), np.zeros(1), np.arange(1), random
    )
    assert at[0] == value[0] == 0


def test_walkers_on_top_of_each_other_stay():
    coords = np.column_stack([np.full(8, 0.3), np.zeros(8)])
    sampler = emcee.EnsembleSampler(
        8, 2, lambda p: -(p[:, 0] ** 2), moves=Slice(8, 1.0), vectorize=True
    )
    sampler.run_mcmc(coords, 5, skip_initial_state_check=True)
    assert np.all(sampler.get_chain()[..., 0] == 0.3)


def test_shares_of_the_moves_sum_to_one():
    assert sum(share for _, share in slices(8, 3)) == pytest.approx(1)


def test_two_modes_are_both_found_in_their_shares():
    draws = sample(target(two_peaks), draws=2000, max_steps=500)[0]
    # Walkers change between them: every ensemble has a quarter of its draws on the left.
    left = np.mean(draws.theta[..., 0] < 0.5, axis=1)
    assert left == pytest.approx(np.full(4, 0.25), abs=0.15)


def test_half_of_the_prior_impossible():
    draws = sample(target(half))[0]
    assert draws.theta[..., 0].max() < 0.5
    for k, (mean, sd) in enumerate([(0.5 - 0.05 * np.sqrt(2 / np.pi), 0.0301), (0.7, 0.05)]):
        column = draws.theta[..., k]
        assert abs(column.mean() - mean) < 5 * sd / np.sqrt(ess(column, "bulk"))


def test_a_posterior_that_is_nowhere_ends_with_a_reason():
    with pytest.raises(InferenceError, match="zero almost everywhere in the prior"):
        sample(target(impossible))


def test_draws_depend_on_the_seed_and_nothing_else():
    given = target(lambda theta, _: peak(theta, 0.5, 0.1))
    first, again, other = (sample(given, seed, draws=400)[0] for seed in (1, 1, 2))
    assert np.array_equal(first.theta, again.theta)
    assert not np.array_equal(first.theta, other.theta)
