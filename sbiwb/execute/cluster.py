"""Dask clusters that live as long as they are needed."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sbiwb.errors import SimulationError, UsageError
from sbiwb.execute.child import Child
from sbiwb.execute.execution import Execution, walltime_seconds
from sbiwb.execute.threads import ONE_THREAD

_START_SECONDS = 120
_GLANCE = 0.2  # seconds between looks at the workers
_CONFIG = {
    "distributed.scheduler.allowed-failures": 3,  # at 0 an innocent neighbour fails too
    "distributed.scheduler.http.routes": [],  # nothing to serve but the simulations
    "distributed.admin.low-level-log-length": 0,
    "distributed.admin.tick.interval": "500ms",
}


@contextmanager
def running(execution: Execution) -> Iterator[Execution]:
    """Start the cluster that `execution` asks for; yield an execution that points to it.

    Simulating several times within shares one cluster.  Executions that start nothing are yielded
    as they are.

    Raises
    ------
    SimulationError
        If no worker starts.
    UsageError
        If ``slurm`` is asked for without the extra ``hpc``.
    """
    if execution.cluster == "local":
        with _local_cluster(execution.workers) as address:
            yield execution.at(address)
    elif execution.cluster == "slurm":
        with _slurm_cluster(execution) as address:
            yield execution.at(address)
    else:
        yield execution


@contextmanager
def _local_cluster(workers: int) -> Iterator[str]:
    import dask
    from distributed import Client, LocalCluster

    with (
        _quiet("distributed"),
        dask.config.set(_CONFIG),
        LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        _local_workers(cluster.scheduler_address, workers),
    ):
        with Client(cluster, set_as_default=False) as client:
            try:
                client.wait_for_workers(1, timeout=_START_SECONDS)
            except TimeoutError as error:
                raise SimulationError("no local worker process starts", got=error) from error
        yield cluster.scheduler_address


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Hear nothing of a logger until the body is done.

    `LocalCluster` speaks again while it closes, of connections that end because it does.
    """
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _local_workers(address: str, number: int) -> Iterator[None]:
    """Keep `number` worker processes alive; Dask hands the blocks of a dead one to another."""
    children: list[Child] = []
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(_GLANCE):
            for i, child in enumerate(children):
                if not child.running:
                    child.kill()
                    children[i] = Child("sbiwb.execute.worker", [address])

    keeper = threading.Thread(target=keep, name="sbiwb-workers", daemon=True)
    try:
        children += [Child("sbiwb.execute.worker", [address]) for _ in range(number)]
        keeper.start()
        yield
    finally:
        stop.set()
        if keeper.is_alive():
            keeper.join()
        for child in children:
            child.kill()


@contextmanager
def _slurm_cluster(execution: Execution) -> Iterator[str]:
    """A scheduler here and workers in jobs, encrypted with keys made for this run alone."""
    import dask
    from distributed.security import Security

    try:
        from dask_jobqueue import SLURMCluster

        security = Security.temporary()
    except ImportError as error:
        raise UsageError(
            "cluster: slurm needs dask-jobqueue and cryptography",
            got=error,
            remedy="pip install 'sbiwb[hpc]'",
        ) from error
    # `running` yields an address only: clients find their key in Dask's configuration.
    keys = {
        "distributed.comm.tls.ca-file": security.tls_ca_file,
        "distributed.comm.tls.client.key": security.tls_client_key,
        "distributed.comm.tls.client.cert": security.tls_client_cert,
    }
    with (
        # Private, and where nodes can read it: the keys of the workers.
        tempfile.TemporaryDirectory(prefix=".sbiwb-slurm-", dir=Path.home()) as folder,
        dask.config.set({**_CONFIG, **keys}),
        SLURMCluster(
            **_slurm_options(execution), security=security, shared_temp_directory=folder
        ) as cluster,
    ):
        cluster.adapt(minimum=execution.workers, maximum=execution.workers)
        yield cluster.scheduler_address


def _slurm_options(execution: Execution) -> dict[str, Any]:
    cores = execution.cores or 1
    options: dict[str, Any] = {
        "cores": cores,
        "processes": cores,
        "memory": f"{execution.job_memory or 4:g}GiB",
        "queue": execution.queue,
        "account": execution.account,
        "walltime": execution.walltime,
        "job_script_prologue": [f"export {name}={value}" for name, value in ONE_THREAD.items()],
        "scheduler_options": {"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    }
    if execution.walltime is not None:
        # A worker that leaves before Slurm kills it has not failed: others take over its blocks.
        lifetime = int(0.9 * walltime_seconds(execution.walltime))
        options["worker_extra_args"] = ["--lifetime", f"{lifetime}s"]
    return options
