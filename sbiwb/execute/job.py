"""What all blocks of one set of simulations share, and how one of them is made."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass

from sbiwb.core.simulations import Simulations
from sbiwb.core.simulator import Simulator
from sbiwb.execute.block import block_theta, simulate_batch, simulate_rows
from sbiwb.execute.guard import Guard
from sbiwb.execute.proposal import Proposal
from sbiwb.execute.shipping import pack
from sbiwb.execute.threads import one_thread
from sbiwb.interruption import finishing
from sbiwb.store import Store

BlockSize = tuple[int, int]
"""Number of a block and its rows."""


@dataclass(frozen=True)
class Job:
    """A set of simulations, to be made block by block.

    Parameters
    ----------
    proposal : Proposal
        Where theta is drawn from.
    shape : tuple of int
        Shape of one datum.
    seed : int
        Root seed.
    guarded : bool
        Whether rows are simulated one by one in a guard process.
    timeout, memory : float, optional
        Limits of the guard, see `Execution`.
    store : Store, optional
        Where whoever makes a block commits it.
    """

    proposal: Proposal
    shape: tuple[int, ...]
    seed: int
    guarded: bool
    timeout: float | None
    memory: float | None
    store: Store | None

    def guard(self, packed: bytes) -> Guard:
        """Return a guard for the simulator that `pack` described."""
        return Guard(packed, self.shape, self.timeout, self.memory)

    def make(self, engine: Simulator | Guard, block: int, rows: int) -> Simulations:
        """Simulate a block with the simulator or its guard, and commit it."""
        start = time.perf_counter()
        theta = block_theta(self.proposal, self.seed, block, rows)
        if isinstance(engine, Guard):
            made = simulate_rows(engine.simulate_row, self.shape, theta, self.seed, block)
        else:
            made = simulate_batch(engine, theta, self.seed, block)
        if self.store is None or self.store.commit(block, made, time.perf_counter() - start):
            return made
        # Another writer was first.  It made the same, unless the simulator draws on something
        # else than its stream: then what is stored is what counts.
        standing = self.store.read(block, rows)
        return made if standing is None else standing


def make_inline(
    job: Job, simulator: Simulator, blocks: Sequence[BlockSize]
) -> Iterator[tuple[int, Simulations]]:
    """Make blocks in this process, or in one guard process, in order.

    If they are stored, an interruption waits for the block at work.
    """
    with ExitStack() as stack:
        engine: Simulator | Guard = simulator
        if job.guarded:
            engine = stack.enter_context(closing(job.guard(pack(simulator))))
        else:
            stack.enter_context(one_thread())
        for block, rows in blocks:
            with finishing(f"{rows} simulations") if job.store is not None else nullcontext():
                made = job.make(engine, block, rows)
            yield block, made
