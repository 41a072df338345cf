"""Simulating at given parameters, for predictive checks."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulations import Simulations
from sbiwb.core.simulator import Simulator
from sbiwb.execute.block import simulate_batch, simulate_rows
from sbiwb.execute.execution import Execution
from sbiwb.execute.guard import Guard
from sbiwb.execute.shipping import pack
from sbiwb.execute.threads import one_thread


def simulate_at(
    simulator: Simulator, theta: Array, *, seed: int, execution: Execution
) -> Simulations:
    """Simulate each row of theta (n, d), in this process or its guard; failures are kept."""
    theta = np.array(theta, dtype=np.float64)
    if not execution.guards(simulator.costly):
        with one_thread():
            return simulate_batch(simulator, theta, seed, 0)
    limits: dict[str, Any] = {"timeout": execution.timeout, "memory": execution.memory}
    with closing(Guard(pack(simulator), simulator.output.shape, **limits)) as guard:
        return simulate_rows(guard.simulate_row, simulator.output.shape, theta, seed, 0)
