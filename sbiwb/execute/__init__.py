"""Making simulations: in this process, in guard processes, on local workers or on a cluster.

Blocks of rows own the random streams, workers do not: what comes out depends on the simulator, the
proposal, the seed, the number of simulations and the block size, never on where it was computed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from sbiwb.core.simulations import Simulations
from sbiwb.core.simulator import Simulator
from sbiwb.errors import UsageError
from sbiwb.execute.cluster import running as running
from sbiwb.execute.execution import Execution as Execution
from sbiwb.execute.execution import parse_execution as parse_execution
from sbiwb.execute.job import BlockSize, Job, make_inline
from sbiwb.execute.proposal import Proposal as Proposal
from sbiwb.execute.remote import make_remote
from sbiwb.execute.shipping import pack
from sbiwb.execute.tally import Tally
from sbiwb.interruption import terminable
from sbiwb.progress import QUIET, Progress
from sbiwb.rng import check_seed
from sbiwb.store import open_store

_ROWS, _GUARDED_ROWS = 1000, 10
_BLOCK_BYTES = 2**26


@terminable()
def simulate(
    simulator: Simulator,
    proposal: Proposal,
    n: int,
    *,
    seed: int,
    execution: str | Mapping[str, Any] | Execution | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress = QUIET,
) -> Simulations:
    """Draw n parameter vectors from a proposal and simulate each.

    With a store, Ctrl-C and SIGTERM wait for the block at work in this process; a second one does
    not.  Either ends in a `KeyboardInterrupt`.

    Parameters
    ----------
    simulator : Simulator
    proposal : Proposal
        Usually ``simulator.prior``, or a restriction of it.
    n : int
        Number of simulations.
    seed : int
        Root seed, 0 ≤ seed < 2⁶³.
    execution : str, mapping or Execution, optional
        Where to run, and the limits; ``inline`` by default.
    store : path, optional
        Folder that keeps finished blocks: what is there is not simulated again.
    progress : Progress, optional

    Returns
    -------
    Simulations
        n rows, failed ones included.

    Raises
    ------
    SimulationError
        If the simulator breaks its contract, fails too often, or cannot be sent to a worker.
    StoreError
        If the disk refuses, or the store contradicts itself.
    UsageError
        If an argument is not valid.

    Examples
    --------
    >>> import sbiwb
    >>> prior = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(0, 1))])
    >>> simulator = sbiwb.simulator(lambda theta, rng: theta + rng.normal(size=1), prior)
    >>> len(sbiwb.simulate(simulator, prior, 5, seed=1))
    5
    """
    execution = parse_execution(execution)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise UsageError("bad number of simulations", got=repr(n), expected="a whole number > 0")
    shape = simulator.output.shape
    guarded = execution.guards(simulator.costly)
    size = execution.block_size or default_block_size(shape, guarded=guarded)
    limits = {"timeout": execution.timeout, "memory": execution.memory}
    identity = {
        "simulator": simulator.fingerprint(),
        "parameters": proposal.names,
        "proposal": proposal.key,
        "seed": check_seed(seed),
        "block_size": size,
        "streams": "row" if guarded else "block",
    }
    opened = None if store is None else open_store(store, identity, limits)
    job = Job(proposal, shape, seed, guarded, **limits, store=opened)

    result = _Collected(int(n), proposal.dim, simulator, execution, size)
    missing = []
    with progress.task(f"Simulating {simulator.name}", n) as task:
        for block, rows in split(int(n), size):
            stored = None if opened is None else opened.read(block, rows)
            if stored is None:
                missing.append((block, rows))
            else:
                result.add(block, stored)
                task.advance(rows)
        with closing(_make(job, simulator, execution, missing)) as arriving:
            for block, made in arriving:
                result.add(block, made)
                task.advance(len(made))
    return result.finish()


def split(n: int, size: int) -> list[BlockSize]:
    """Number and rows of each block of n simulations; the last may be partial."""
    return [(b, min(size, n - b * size)) for b in range(-(-n // size))]


def default_block_size(shape: tuple[int, ...], *, guarded: bool) -> int:
    """Rows of a block: few where each is dear, and never much more than 64 MiB of x."""
    row_bytes = 8 * max(1, math.prod(shape))
    return max(1, min(_GUARDED_ROWS if guarded else _ROWS, _BLOCK_BYTES // row_bytes))


def _make(
    job: Job, simulator: Simulator, execution: Execution, blocks: Sequence[BlockSize]
) -> Generator[tuple[int, Simulations]]:
    """Make blocks where the execution says; nothing is started for none."""
    if not blocks:
        return
    if execution.cluster == "inline":
        yield from make_inline(job, simulator, blocks)
        return
    packed = pack(simulator)  # before a cluster is started in vain
    with running(execution) as there:
        yield from make_remote(job, packed, blocks, there.cluster)


class _Collected:
    """Blocks put together, in whatever order they arrive."""

    def __init__(
        self, n: int, dim: int, simulator: Simulator, execution: Execution, size: int
    ) -> None:
        self._size = size
        self._theta = np.empty((n, dim))
        self._x = np.empty((n, *simulator.output.shape))
        self._status = np.empty(n, dtype=np.int8)
        self._reasons: dict[int, str] = {}
        self._tally = Tally(simulator, execution.max_failure_fraction)
        self._waiting: dict[int, Simulations] = {}
        self._next = 0

    def add(self, block: int, simulations: Simulations) -> None:
        """Take a block, and count all that are now complete from the first on."""
        self._waiting[block] = simulations
        while (next_one := self._waiting.pop(self._next, None)) is not None:
            self._tally.add(next_one)
            start = self._next * self._size
            rows = slice(start, start + len(next_one))
            self._theta[rows], self._x[rows] = next_one.theta, next_one.x
            self._status[rows] = next_one.status
            self._reasons |= {start + row: text for row, text in next_one.reasons.items()}
            self._next += 1

    def finish(self) -> Simulations:
        """All rows, once every block was added."""
        self._tally.check()
        return Simulations(self._theta, self._x, self._status, self._reasons)
