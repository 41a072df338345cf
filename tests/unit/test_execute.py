"""Simulating in this process: streams, blocks, statuses and what ends a run."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

import sbiwb
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.simulations import Simulations, Status
from sbiwb.core.simulator import Output, Simulator
from sbiwb.errors import SimulationError, StoreError, UsageError
from sbiwb.execute import Execution, default_block_size, parse_execution, simulate, split
from sbiwb.execute.outcome import simulate_row
from sbiwb.execute.points import simulate_at
from sbiwb.execute.shipping import pack, unpack
from sbiwb.progress import Progress
from sbiwb.store import StoreWarning

PRIOR = sbiwb.Prior(
    [sbiwb.Parameter("a", sbiwb.Uniform(0, 1)), sbiwb.Parameter("b", sbiwb.Normal(0, 1))]
)


def noisy(theta, rng):
    return theta.sum(axis=1, keepdims=True) + rng.normal(size=(len(theta), 3))


def make(function, *, batched=True, shape=(3,), **options):
    return sbiwb.simulator(function, PRIOR, batched=batched, output=Output(shape), **options)


TOY = make(noisy)


class Scaled(Simulator):
    """A class simulator, as the adapters are."""

    name, version, prior, output = "toy.scaled", "1", PRIOR, Output((2,))

    def __init__(self, scale: float = 1.0) -> None:
        self.options = {"scale": scale}
        self.scale = scale
        self.built = threading.Lock()  # like a compiled model, it cannot be pickled

    def simulate(self, theta, rng):
        return self.scale * theta + rng.normal(size=theta.shape)


def assert_equal(a: Simulations, b: Simulations) -> None:
    for name in ("theta", "x", "status"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.reasons == b.reasons


class Counted:
    """A batched function that counts the rows it was asked for."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, theta, rng):
        self.rows.append(len(theta))
        return noisy(theta, rng)


# -- streams and blocks -----------------------------------------------------------------------


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
    assert default_block_size((13,), guarded=True) == 20
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


# -- statuses ---------------------------------------------------------------------------------


def spoil(where, how):
    """Return a batched function that spoils the rows with theta[0] below `where`."""

    def function(theta, rng):
        x = noisy(theta, rng)
        return how(x, theta[:, 0] < where)

    return function


def raise_for(x, bad):
    if bad.any():
        raise ValueError(f"no solution in {object()!r}")
    return x


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_counted_and_blanked(value):
    def how(x, bad):
        x[bad, 1] = value
        return x

    found = simulate(make(spoil(0.2, how)), PRIOR, 1000, seed=1)
    bad = found.theta[:, 0] < 0.2
    np.testing.assert_array_equal(found.status == Status.NAN, bad)
    assert np.isnan(found.x[bad]).all()
    assert np.isfinite(found.x[~bad]).all()
    assert (
        found.reasons[int(np.flatnonzero(bad)[0])] == "1 of 3 values not finite, first at index 1"
    )


def test_one_bad_row_costs_one_row():
    found = simulate(make(spoil(0.1, raise_for)), PRIOR, 1000, seed=1)
    bad = found.theta[:, 0] < 0.1
    np.testing.assert_array_equal(found.status == Status.ERROR, bad)
    assert np.isfinite(found.x[~bad]).all()
    text = found.reasons[int(np.flatnonzero(bad)[0])]
    assert text == "ValueError: no solution in <object object at 0x…>"
    assert_equal(found, simulate(make(spoil(0.1, raise_for)), PRIOR, 1000, seed=1))


def test_sys_exit_and_lack_of_memory_in_a_cheap_simulator_are_statuses():
    def function(theta):
        if theta[0] < 0.1:
            raise SystemExit(3)
        if theta[0] < 0.2:
            raise MemoryError("1 TiB")
        return np.ones(3)

    found = simulate(make(function, batched=False), PRIOR, 200, seed=1)
    assert set(found.reasons.values()) == {"called sys.exit(3)", "out of memory: 1 TiB"}
    assert set(found.counts()) == {"ok", "died"}


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda _: np.ones(4), r"got shape \(1, 4\) instead of \(1, 3\)"),
        (lambda _: np.array(["a", "b", "c"]), "<U1 data instead of numbers"),
        (lambda _: np.array([None, 1, 2]), "object data"),
        (lambda _: np.ones(3) * 1j, "complex128 data"),
    ],
)
def test_output_of_the_wrong_kind_at_the_start_ends_the_run(output, message):
    wrong = make(output, batched=False, name="wrong")
    with pytest.raises(SimulationError, match=rf"'wrong' does not return what.*{message}"):
        simulate(wrong, PRIOR, 100, seed=1)


def test_output_that_is_no_array_at_all_ends_the_run():
    class Ragged(Scaled):
        def simulate(self, *_):
            return [[1.0, 2.0], [3.0]]

    with pytest.raises(SimulationError, match=r"got no array: ValueError: .*inhomogeneous"):
        simulate(Ragged(), PRIOR, 100, seed=1)


def test_output_of_the_wrong_shape_later_is_a_status():
    first_bad = simulate(TOY, PRIOR, 11, seed=2).theta[10, 0]

    def function(row):
        return np.ones(2 if row[0] == first_bad else 3)

    found = simulate(make(function, batched=False), PRIOR, 100, seed=2)
    assert found.counts() == {"ok": 99, "shape": 1}
    assert found.reasons == {10: "shape (1, 2) instead of (1, 3)"}


def test_whole_numbers_become_floats():
    found = simulate(make(lambda theta, rng: rng.poisson(5, (len(theta), 3))), PRIOR, 10, seed=1)
    assert found.x.dtype == np.float64


def test_a_simulator_may_write_into_its_theta():
    def function(theta, rng):
        theta *= 0
        return noisy(theta, rng)

    assert simulate(make(function), PRIOR, 10, seed=1).theta.all()


def test_a_run_ends_when_too_many_simulations_fail():
    often = make(spoil(0.7, raise_for), name="often")
    with pytest.raises(SimulationError) as caught:
        simulate(often, PRIOR, 5000, seed=1, execution={"block_size": 100})
    # After 100 simulations, not 5,000.
    assert "'often' fails too often; got 67 of 100 simulations failed" in str(caught.value)
    assert "the first with: ValueError: no solution" in str(caught.value)
    patient = Execution(max_failure_fraction=0.9)
    assert simulate(often, PRIOR, 500, seed=1, execution=patient).failure_fraction > 0.6


def test_few_simulations_are_judged_at_the_end():
    with pytest.raises(SimulationError, match="of 30 simulations failed"):
        simulate(make(spoil(0.8, raise_for)), PRIOR, 30, seed=1, execution={"block_size": 10})


# -- with a store -----------------------------------------------------------------------------


def test_a_store_changes_nothing_and_spares_every_finished_block(tmp_path):
    counted = Counted()
    simulator = make(counted, name="counted")
    stored = simulate(simulator, PRIOR, 2500, seed=1, store=tmp_path)
    assert_equal(stored, simulate(TOY, PRIOR, 2500, seed=1))
    counted.rows.clear()
    assert_equal(simulate(simulator, PRIOR, 2500, seed=1, store=tmp_path), stored)
    assert counted.rows == []
    grown = simulate(simulator, PRIOR, 3200, seed=1, store=tmp_path)
    assert counted.rows == [1000, 200]  # the partial block and the new one
    assert_equal(grown, simulate(TOY, PRIOR, 3200, seed=1))
    counted.rows.clear()
    simulate(simulator, PRIOR, 1000, seed=1, store=tmp_path)
    assert counted.rows == []


def test_other_simulations_are_kept_apart(tmp_path):
    for simulator, proposal, seed, execution in (
        (TOY, PRIOR, 1, None),
        (TOY, PRIOR, 2, None),
        (TOY, PRIOR.restrict([0, 0], [0.5, 1]), 1, None),
        (Scaled(), PRIOR, 1, None),
        (Scaled(2.0), PRIOR, 1, None),
        (TOY, PRIOR, 1, {"block_size": 10}),
    ):
        options = {"seed": seed, "execution": execution}
        fresh = simulate(simulator, proposal, 40, **options)
        for _ in range(2):
            assert_equal(simulate(simulator, proposal, 40, **options, store=tmp_path), fresh)
    assert len(list(tmp_path.iterdir())) == 6


def test_missing_and_damaged_blocks_alone_are_simulated_again(tmp_path):
    counted = Counted()
    simulator, small = make(counted, name="counted"), {"block_size": 100}
    first = simulate(simulator, PRIOR, 500, seed=1, execution=small, store=tmp_path)
    shards = sorted(tmp_path.rglob("*.h5"))
    before = [shard.read_bytes() for shard in shards]
    shards[1].unlink()
    shards[3].write_bytes(before[3][:-700])
    counted.rows.clear()
    with pytest.warns(StoreWarning, match="block-000003-00100"):
        again = simulate(simulator, PRIOR, 500, seed=1, execution=small, store=tmp_path)
    assert counted.rows == [100, 100]
    assert_equal(again, first)
    assert [shard.read_bytes() for shard in shards] == before


def test_a_full_disk_keeps_what_was_finished(tmp_path, monkeypatch):
    counted = Counted()
    simulator, small = make(counted, name="counted"), {"block_size": 100}
    real, calls = os.link, []

    def fills_up(*arguments):
        calls.append(arguments)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        real(*arguments)

    monkeypatch.setattr(os, "link", fills_up)
    with pytest.raises(StoreError, match="No space left"):
        simulate(simulator, PRIOR, 500, seed=1, execution=small, store=tmp_path)
    monkeypatch.undo()
    counted.rows.clear()
    assert len(simulate(simulator, PRIOR, 500, seed=1, execution=small, store=tmp_path)) == 500
    assert counted.rows == [100, 100, 100]  # two blocks and meta.json went through


def test_blocks_finished_before_an_interruption_stay(tmp_path):
    counted = Counted()

    def function(theta, rng):
        if len(counted.rows) == 3:
            counted.rows.append(0)
            raise KeyboardInterrupt
        return counted(theta, rng)

    simulator, small = make(function), {"block_size": 100}
    with pytest.raises(KeyboardInterrupt):
        simulate(simulator, PRIOR, 500, seed=1, execution=small, store=tmp_path)
    assert len(list(tmp_path.rglob("*.h5"))) == 3
    simulate(simulator, PRIOR, 500, seed=1, execution=small, store=tmp_path)
    assert counted.rows == [100, 100, 100, 0, 100, 100]


def test_failures_are_stored_with_their_reasons(tmp_path):
    failing = make(spoil(0.1, raise_for))
    first = simulate(failing, PRIOR, 300, seed=1, store=tmp_path)
    assert first.reasons
    assert_equal(simulate(failing, PRIOR, 300, seed=1, store=tmp_path), first)


# -- arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "10"])
def test_the_number_of_simulations_is_checked(n):
    with pytest.raises(UsageError, match="bad number of simulations"):
        simulate(TOY, PRIOR, n, seed=1)


def test_one_simulation_works():
    assert len(simulate(TOY, PRIOR, 1, seed=1)) == 1


def test_an_execution_is_one_line_of_a_recipe():
    assert parse_execution(None) == Execution()
    assert parse_execution("local").cluster == "local"
    assert parse_execution({"cluster": "local", "workers": 4}) == Execution("local", workers=4)
    given_ = Execution(timeout=3)
    assert parse_execution(given_) is given_
    for address in ("tcp://10.0.0.1:8786", "tls://node:8786", "scheduler-file:/shared/s.json"):
        assert parse_execution(address).cluster == address


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("lokal", "unknown cluster; got 'lokal'; .* did you mean 'local'"),
        ("tcp://", "unknown cluster"),
        ("my.module:Cluster", "unknown cluster"),
        (4, "bad executor; got 4"),
        ({"worker": 4}, "unknown executor option; got 'worker'; .* did you mean 'workers'"),
        ({"cluster": "local", "workers": 0}, "workers; got 0; expected a whole number > 0"),
        ({"cluster": "local", "workers": "4"}, "workers; got '4'"),
        ({"workers": 4}, "'inline' does not start workers"),
        ({"timeout": -1}, "timeout; got -1; expected a number > 0"),
        ({"timeout": float("nan")}, "timeout; got nan"),
        ({"memory": True}, "memory; got True"),
        ({"block_size": 2.5}, "block_size; got 2.5"),
        ({"max_failure_fraction": 1.5}, "max_failure_fraction; got 1.5"),
        ({"cluster": "local", "queue": "long"}, "queue is for cluster: slurm"),
        ({"cluster": "slurm", "walltime": "soon"}, "walltime; got 'soon'"),
    ],
)
def test_a_bad_execution_is_refused_with_what_to_type(value, message):
    with pytest.raises(UsageError, match=message):
        parse_execution(value)


def test_walltimes_survive_yaml():
    assert Execution("slurm", walltime=5400).walltime == "01:30:00"  # YAML's unquoted 1:30:00
    assert Execution("slurm", walltime="26:00:05").walltime == "26:00:05"


# -- how simulators travel --------------------------------------------------------------------


@pytest.mark.parametrize(
    "simulator",
    [
        TOY,
        Scaled(2.0),
        FixedSimulator(Scaled(2.0), {"b": 0.5}),
        FixedSimulator(TOY, {"a": 0.5}),
        make(lambda theta, rng: noisy(theta, rng), name="closure", costly=True),
    ],
    ids=lambda simulator: f"{type(simulator).__name__}-{simulator.name}",
)
def test_a_simulator_arrives_as_it_was(simulator):
    arrived = unpack(pack(simulator))
    here = simulate(simulator, simulator.prior, 30, seed=1, execution={"block_size": 10})
    there = simulate(arrived, simulator.prior, 30, seed=1, execution={"block_size": 10})
    assert_equal(here, there)
    assert arrived.costly == simulator.costly


def test_what_cannot_travel_is_named():
    lock = threading.Lock()

    def function(theta, rng):
        with lock:
            return noisy(theta, rng)

    with pytest.raises(SimulationError, match=r"'function' cannot be sent.*got lock: TypeError"):
        pack(make(function))
    with pytest.raises(SimulationError, match=r"'toy\.scaled' cannot be sent.*got scale: "):
        pack(Scaled(threading.Lock()))


def test_a_simulator_that_its_options_do_not_rebuild_is_refused():
    other = Scaled(2.0)
    other.version = "2"
    with pytest.raises(SimulationError, match="another version of the simulator"):
        unpack(pack(other))
    strange = Scaled(2.0)
    strange.options = {"zoom": 2.0}
    with pytest.raises(SimulationError, match=r"cannot be rebuilt.*zoom"):
        unpack(pack(strange))


def test_an_execution_can_be_pointed_to_a_running_scheduler():
    execution = Execution("slurm", workers=8, queue="long", cores=4, timeout=3.0)
    assert execution.at("tcp://10.0.0.1:1") == replace(Execution("tcp://10.0.0.1:1"), timeout=3.0)
