"""Batches of simulations: immutable, countable, sliceable, joinable."""

from __future__ import annotations

import numpy as np
import pytest

from sbiwb import Simulations
from sbiwb.core.simulations import Status, concatenate
from sbiwb.errors import DataError


def batch(n=5, shift=0.0):
    theta = np.arange(2.0 * n).reshape(n, 2) + shift
    x = np.arange(3.0 * n).reshape(n, 3) + shift
    status = np.zeros(n, np.int8)
    status[1], status[3] = Status.ERROR, Status.NAN
    x[[1, 3]] = np.nan
    return Simulations(theta, x, status, {1: "ValueError: no", 3: "NaN"})


def test_lengths_and_counts():
    simulations = batch()
    assert len(simulations) == 5
    assert simulations.valid.tolist() == [True, False, True, False, True]
    assert simulations.failure_fraction == pytest.approx(0.4)
    assert simulations.counts() == {"ok": 3, "nan": 1, "error": 1}


def test_statuses_are_what_stores_hold():
    # Numbers on disk: they must never change.
    assert {s.name: s.value for s in Status} == {
        "OK": 0, "NAN": 1, "ERROR": 2, "SHAPE": 3, "TIMEOUT": 4, "DIED": 5,
    }  # fmt: skip


def test_arrays_are_read_only_but_not_the_callers():
    theta = np.zeros((2, 1))
    simulations = Simulations(theta, np.zeros((2, 1)), np.zeros(2, np.int8))
    for array in (simulations.theta, simulations.x, simulations.status):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    theta[0] = 1.0


def test_lengths_must_agree():
    with pytest.raises(DataError, match="differ in length; got 2, 3, 2"):
        Simulations(np.zeros((2, 1)), np.zeros((3, 1)), np.zeros(2, np.int8))


def test_select_by_mask_renumbers_the_reasons():
    chosen = batch().select(np.array([False, True, True, True, False]))
    assert chosen.theta[:, 0].tolist() == [2.0, 4.0, 6.0]
    assert chosen.reasons == {0: "ValueError: no", 2: "NaN"}
    assert chosen.counts() == {"ok": 1, "nan": 1, "error": 1}


def test_select_by_slice():
    chosen = batch().select(slice(3, None))
    assert chosen.x[1].tolist() == [12.0, 13.0, 14.0]
    assert chosen.reasons == {0: "NaN"}


def test_select_valid_has_no_reasons():
    simulations = batch()
    good = simulations.select(simulations.valid)
    assert len(good) == 3
    assert good.reasons == {}
    assert good.failure_fraction == 0.0


def test_concatenate_keeps_order_and_moves_reasons():
    joined = concatenate([batch(), batch(shift=100.0)])
    assert len(joined) == 10
    assert joined.theta[5].tolist() == [100.0, 101.0]
    assert joined.reasons == {1: "ValueError: no", 3: "NaN", 6: "ValueError: no", 8: "NaN"}
    one = concatenate([batch()])
    assert np.array_equal(one.x, batch().x, equal_nan=True)


def test_nothing_cannot_be_joined():
    with pytest.raises(DataError, match="no simulations to join"):
        concatenate([])


def test_an_empty_batch():
    empty = batch().select(slice(0, 0))
    assert len(empty) == 0
    assert empty.failure_fraction == 0.0
    assert empty.counts() == {}
