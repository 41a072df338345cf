"""Blocks on a Dask scheduler: each worker makes whole blocks and commits them itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError as FutureCancelled
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sbiwb.core.simulations import Simulations
from sbiwb.core.simulator import Simulator
from sbiwb.errors import SimulationError, StoreError, UsageError
from sbiwb.execute.guard import Guard
from sbiwb.execute.job import BlockSize, Job
from sbiwb.execute.shipping import unpack
from sbiwb.execute.threads import one_thread
from sbiwb.store import Store

if TYPE_CHECKING:
    from distributed import Client

_LARGE = 10 * 2**20
_ANSWER_SECONDS = 30.0
_SIGHT_SECONDS = 60.0  # network file systems may show a new file late


def make_remote(
    job: Job, packed: bytes, blocks: Sequence[BlockSize], address: str
) -> Iterator[tuple[int, Simulations]]:
    """Make blocks on the workers of the scheduler at `address`, in any order.

    `packed` is the simulator as `sbiwb.execute.shipping.pack` describes it.
    A block whose worker is lost is given to another one, with the same streams.

    Raises
    ------
    SimulationError
        If the simulator cannot be sent, the scheduler does not answer, or a block ends one worker
        after the other.
    StoreError
        If workers cannot write the store, or write another one.
    """
    from distributed import CancelledError, KilledWorker, as_completed

    if len(packed) > _LARGE:
        raise SimulationError(
            "the simulator drags too much data along",
            got=f"{len(packed) / 2**20:.0f} MiB with every block",
            expected=f"at most {_LARGE // 2**20} MiB",
            remedy="load the data in the __init__ of a sbiwb.Simulator class",
        )
    with _client(address) as client:
        futures = {
            client.submit(run_block, job, packed, block, rows, pure=False): (block, rows)
            for block, rows in blocks
        }
        try:
            for future in as_completed(futures, loop=client.loop):
                block, rows = futures.pop(future)
                made = future.result()
                if job.store is not None:
                    made = _stored(job.store, block, rows)
                yield block, made
        except KilledWorker as error:
            raise SimulationError(
                "the simulator ends the worker processes",
                got=error,
                remedy="make it costly=True: a guard process then takes the blow",
            ) from error
        except (CancelledError, FutureCancelled, OSError) as error:
            raise SimulationError("the Dask scheduler was lost", got=error or address) from error
        finally:
            client.cancel(list(futures))


def run_block(job: Job, packed: bytes, block: int, rows: int) -> Simulations | None:
    """Make one block in a worker; the block itself is returned only if there is no store."""
    with _one_at_a_time:
        made = job.make(_engine(job, packed), block, rows)
    return None if job.store is not None else made


# Simulators need not be safe for threads, and a guard serves one caller.
_one_at_a_time = threading.Lock()
_kept: dict[tuple[Any, ...], Simulator | Guard] = {}
_cleanup = ExitStack()


def _engine(job: Job, packed: bytes) -> Simulator | Guard:
    """The simulator or its guard, kept from one block to the next."""
    key = packed, job.guarded, job.timeout, job.memory
    if key not in _kept:
        _kept.clear()
        _cleanup.close()
        if job.guarded:
            _kept[key] = _cleanup.enter_context(closing(job.guard(packed)))
        else:
            _kept[key] = unpack(packed)
            _cleanup.enter_context(one_thread())
    return _kept[key]


def _stored(store: Store, block: int, rows: int) -> Simulations:
    """Read what a worker committed."""
    end = time.monotonic() + _SIGHT_SECONDS
    while (stored := store.read(block, rows)) is None:
        if time.monotonic() > end:
            raise StoreError(
                "a worker stored a block that is not to be seen here",
                got=store.path(block, rows),
                remedy="the store must be a folder that all workers share",
            )
        time.sleep(0.5)
    return stored


@contextmanager
def _client(address: str) -> Iterator[Client]:
    from distributed import Client

    path = address.removeprefix("scheduler-file:")
    if path != address and not Path(path).is_file():
        raise UsageError("no such scheduler file", got=path)
    where = {"address": address} if path == address else {"scheduler_file": path}
    try:
        client = Client(**where, timeout=_ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SimulationError(
            f"no Dask scheduler answers at {path}", got=error, remedy="is it running?"
        ) from error
    with client:
        yield client
