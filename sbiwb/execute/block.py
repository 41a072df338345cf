"""One block of simulations, wherever it runs.

Blocks own streams, workers do not: what a block holds depends on the seed, its number and its
length only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulations import Simulations, Status
from sbiwb.core.simulator import Simulator
from sbiwb.execute.outcome import (
    Row,
    call,
    finiteness_faults,
    simulate_row,
    with_reasons,
)
from sbiwb.execute.proposal import Proposal
from sbiwb.rng import stream

RowCall = Callable[[Array, int, int, int], Row]
"""Simulates theta (d,), given seed, block and row."""


def block_theta(proposal: Proposal, seed: int, block: int, rows: int) -> Array:
    """Draw the parameters of a block; shape (rows, d)."""
    return proposal.sample(rows, stream(seed, "theta", block))


def simulate_batch(simulator: Simulator, theta: Array, seed: int, block: int) -> Simulations:
    """Simulate a block in one call in this process.

    If the call fails as a whole, the block is replayed row by row, each with its own stream, so
    that a bad row costs one row.
    """
    try:
        x = call(simulator, theta, seed, "simulate", block)
    except (Exception, SystemExit):
        # Not lost: the replay meets the same failure and keeps its text.
        return simulate_rows(
            lambda *arguments: simulate_row(simulator, *arguments),
            simulator.output.shape,
            theta,
            seed,
            block,
        )
    faults = with_reasons(finiteness_faults(x), simulator)
    status = np.full(len(theta), Status.OK, dtype=np.int8)
    failed = list(faults)
    status[failed], x[failed] = Status.NAN, np.nan
    return Simulations(theta, x, status, faults)


def simulate_rows(
    row_call: RowCall, shape: tuple[int, ...], theta: Array, seed: int, block: int
) -> Simulations:
    """Simulate a block row by row through `row_call`; x has the given shape per row."""
    x = np.full((len(theta), *shape), np.nan)
    status = np.empty(len(theta), dtype=np.int8)
    reasons = {}
    for row, point in enumerate(theta):
        outcome = row_call(point, seed, block, row)
        status[row] = outcome.status
        if outcome.x is None:
            reasons[row] = outcome.reason
        else:
            x[row] = outcome.x
    return Simulations(theta, x, status, reasons)
