"""How simulators travel to other processes."""

from __future__ import annotations

import threading

import pytest
from toy_simulators import TOY, Scaled, assert_equal, make, noisy

from sbiwb.core.fixed import FixedSimulator
from sbiwb.errors import SimulationError
from sbiwb.execute import simulate
from sbiwb.execute.shipping import pack, unpack


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
