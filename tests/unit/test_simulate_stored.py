"""Simulating with a store: what is there is not made again, whatever happened."""

from __future__ import annotations

import os

import pytest
from toy_simulators import PRIOR, TOY, Counted, Scaled, assert_equal, make, raise_for, spoil

from sbiwb.errors import StoreError
from sbiwb.execute import simulate
from sbiwb.store import StoreWarning


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
