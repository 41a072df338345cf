"""A Dask worker process of a local cluster."""

from __future__ import annotations

import asyncio
import logging
import sys

import dask
from distributed import Worker

from sbiwb.execute.child import die_with_parent

_CONFIG = {
    "distributed.worker.http.routes": [],
    # Dask looks at the stack 100 times a second, and 50 times at its loop: where every core
    # simulates, that is time taken from the simulations.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
}


def main() -> None:
    """Work for the scheduler that started this process, until it is gone."""
    lifeline, address = sys.argv[1:]
    die_with_parent(int(lifeline))
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(_CONFIG):
        asyncio.run(_work(address))


async def _work(address: str) -> None:
    async with Worker(
        address,
        nthreads=1,
        memory_limit=0,  # the guard limits memory; Dask would pause and spill
        dashboard=False,
        dashboard_address="127.0.0.1:0",
    ) as worker:
        await worker.finished()
