"""Simulating in this process: streams, blocks and what is handed on."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits
from toy_simulators import PRIOR, TOY, Counted, assert_equal, make, noisy

from sbiwb.errors import UsageError
from sbiwb.execute import Execution, default_block_size, simulate, split
from sbiwb.execute.outcome import simulate_row
from sbiwb.execute.points import simulate_at
from sbiwb.progress import Progress


def test_what_comes_out_depends_on_seed_and_number_only():
    first = simulate(TOY, PRIOR, 2500, seed=3)
    assert_equal(first, simulate(TOY, PRIOR, 2500, seed=3))
    assert not np.array_equal(first.x, simulate(TOY, PRIOR, 2500, seed=4).x)
    assert first.counts() == {"ok": 2500}
    assert len(np.unique(first.theta[:, 0])) == 2500  # no stream was used twice
    longer = simulate(TOY, PRIOR, 3000, seed=3)
    np.testing.assert_array_equal(longer.x[:2000], first.x[:2000])
    np.testing.assert_array_equal(longer.theta[:2500], first.theta)


def test_theta_is_drawn_from_the_proposal():
    proposal = PRIOR.restrict([0.5, 0.0], [0.6, 1.0])
    assert np.all(np.abs(simulate(TOY, proposal, 500, seed=1).theta[:, 0] - 0.55) <= 0.05)


def test_cheap_simulators_are_called_once_a_block():
    counted = Counted()
    simulate(make(counted, name="counted"), PRIOR, 2300, seed=1)
    assert counted.rows == [1000, 1000, 300]


def test_global_generators_are_seeded_and_given_back():
    def old_style_function(theta):
        return theta[:, :1] + np.random.normal(size=(len(theta), 3))  # noqa: NPY002

    old_style = make(old_style_function)
    before = repr(np.random.get_state())  # noqa: NPY002
    first = simulate(old_style, PRIOR, 50, seed=1)
    assert repr(np.random.get_state()) == before  # noqa: NPY002
    assert_equal(first, simulate(old_style, PRIOR, 50, seed=1))


@settings(derandomize=True, deadline=None)
@given(n=st.integers(1, 10_000), size=st.integers(1, 1500))
def test_blocks_cover_every_row_once(n, size):
    blocks = split(n, size)
    assert [b for b, _ in blocks] == list(range(len(blocks)))
    assert sum(rows for _, rows in blocks) == n
    assert all(rows == size for _, rows in blocks[:-1])


def test_blocks_are_small_where_rows_are_dear_or_large():
    assert default_block_size((13,), guarded=False) == 1000
    assert default_block_size((40, 50), guarded=False) == 1000
    assert default_block_size((1000, 1000), guarded=False) == 8
    assert default_block_size((13,), guarded=True) == 10
    assert default_block_size((10_000, 10_000), guarded=True) == 1


def test_numerical_libraries_are_held_to_one_thread():
    seen = []

    def function(theta, rng):
        seen.extend(pool["num_threads"] for pool in threadpool_info())
        return noisy(theta, rng)

    with threadpool_limits(2):
        before = [pool["num_threads"] for pool in threadpool_info()]
        simulate(make(function), PRIOR, 10, seed=1)
        assert [pool["num_threads"] for pool in threadpool_info()] == before
    assert 2 in before
    assert set(seen) == {1}


def test_given_points_are_simulated_alike_in_this_process_and_in_the_guard():
    theta = PRIOR.sample(30, np.random.default_rng(1))
    here = simulate_at(TOY, theta, seed=1, execution=Execution())
    np.testing.assert_array_equal(here.theta, theta)
    assert here.counts() == {"ok": 30}
    single = make(noisy, costly=True)
    there = simulate_at(single, theta, seed=1, execution=Execution(timeout=10))
    assert there.counts() == {"ok": 30}
    assert not np.array_equal(there.x, here.x)  # each row has its own stream there
    np.testing.assert_array_equal(there.x[3], simulate_row(single, theta[3], 1, 0, 3).x)


class Bar(Progress):
    """Notes how far the task came."""

    def __init__(self) -> None:
        self.done, self.total = 0.0, 0.0

    @contextmanager
    def task(self, _, total):
        self.done, self.total = 0.0, total
        yield self

    def advance(self, steps=1.0):
        self.done += steps


def test_progress_reaches_its_total_with_stored_blocks_and_without(tmp_path):
    bar = Bar()
    for n in (500, 730):
        simulate(TOY, PRIOR, n, seed=1, execution={"block_size": 100}, store=tmp_path, progress=bar)
        assert bar.done == bar.total == n


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "10"])
def test_the_number_of_simulations_is_checked(n):
    with pytest.raises(UsageError, match="bad number of simulations"):
        simulate(TOY, PRIOR, n, seed=1)


def test_one_simulation_works():
    assert len(simulate(TOY, PRIOR, 1, seed=1)) == 1
