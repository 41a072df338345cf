"""Simulators that fail: each row gets a status, and failing too often ends the run."""

from __future__ import annotations

import numpy as np
import pytest
from toy_simulators import PRIOR, TOY, Scaled, assert_equal, make, noisy, raise_for, spoil

from sbiwb.core.simulations import Status
from sbiwb.errors import SimulationError
from sbiwb.execute import Execution, simulate


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
    expected = r"expected numbers of shape \(n, 3\) for n parameter vectors"
    with pytest.raises(
        SimulationError, match=rf"'wrong' does not return what.*{message}.*{expected}"
    ):
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
