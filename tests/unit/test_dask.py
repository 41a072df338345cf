"""Simulating on Dask: the same bytes as anywhere else, whatever happens to the workers."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from distributed.security import Security

import sbiwb
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.simulator import Output, Simulator
from sbiwb.errors import SimulationError, StoreError, UsageError
from sbiwb.execute import Execution, running, simulate
from sbiwb.execute.shipping import pack

PRIOR = sbiwb.Prior(
    [sbiwb.Parameter("a", sbiwb.Uniform(0, 1)), sbiwb.Parameter("b", sbiwb.Normal(0, 1))]
)


class Correlated(Simulator):
    """Noise through a matrix product: the place where threads would change the rounding."""

    name, version, prior, output = "toy.correlated", "1", PRIOR, Output((64,))

    def __init__(self, seed: int = 0) -> None:
        self.options = {"seed": seed}
        self.matrix = np.random.default_rng(seed).normal(size=(64, 64))

    def simulate(self, theta, rng):
        x = theta.sum(axis=1, keepdims=True) + rng.normal(size=(len(theta), 64)) @ self.matrix
        x[theta[:, 0] < 0.01] = np.nan
        return x


def guarded(theta, rng):
    if theta[0] < 0.1:
        raise ValueError("no convergence")
    return theta.sum() + rng.normal(size=3)


COSTLY = sbiwb.simulator(guarded, PRIOR, output=Output((3,)), costly=True)
SMALL = 50


def assert_equal(a, b):
    for name in ("theta", "x", "status"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.reasons == b.reasons


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.h5")}


@pytest.fixture(scope="module")
def cluster():
    """Two workers for all tests of this module."""
    with running(Execution("local", workers=2, block_size=SMALL)) as execution:
        yield execution


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Simulations and shards made in this process."""
    made = {}
    for simulator, n in ((Correlated(), 1230), (COSTLY, 130)):
        folder = tmp_path_factory.mktemp("inline")
        whole = simulate(simulator, PRIOR, n, seed=1, store=folder, execution={"block_size": SMALL})
        made[simulator.name] = simulator, n, whole, shards(folder)
    return made


@pytest.mark.parametrize("name", ["toy.correlated", "guarded"])
def test_dask_makes_the_same_simulations_and_shards(cluster, undisturbed, tmp_path, name):
    simulator, n, whole, files = undisturbed[name]
    assert_equal(simulate(simulator, PRIOR, n, seed=1, execution=cluster), whole)
    stored = simulate(simulator, PRIOR, n, seed=1, execution=cluster, store=tmp_path)
    assert_equal(stored, whole)
    assert shards(tmp_path) == files


@pytest.mark.parametrize("workers", [1, 4])
def test_the_number_of_workers_changes_nothing(undisturbed, tmp_path, workers):
    with running(Execution("local", workers=workers, block_size=SMALL)) as execution:
        for simulator, n, whole, files in undisturbed.values():
            assert_equal(simulate(simulator, PRIOR, n, seed=1, execution=execution), whole)
            folder = tmp_path / simulator.name
            simulate(simulator, PRIOR, n, seed=1, execution=execution, store=folder)
            assert shards(folder) == files


def test_an_execution_starts_its_own_workers():
    fixed = FixedSimulator(Correlated(3), {"b": 0.5})
    there = simulate(fixed, fixed.prior, 120, seed=2, execution={"cluster": "local", "workers": 1})
    assert_equal(there, simulate(fixed, fixed.prior, 120, seed=2))


def test_workers_repeat_no_finished_block(cluster, tmp_path):
    log = tmp_path / "log"

    def logged(theta, rng):
        with log.open("a") as file:
            file.write(f"{len(theta)}\n")
        return theta + rng.normal(size=theta.shape)

    simulator = sbiwb.simulator(logged, PRIOR, batched=True, output=Output((2,)))
    first = simulate(simulator, PRIOR, 130, seed=1, execution=cluster, store=tmp_path / "store")
    log.unlink()
    grown = simulate(simulator, PRIOR, 160, seed=1, execution=cluster, store=tmp_path / "store")
    assert sorted(map(int, log.read_text().split())) == [10, 50]
    np.testing.assert_array_equal(grown.x[:100], first.x[:100])


def test_a_lost_worker_costs_nothing(cluster, tmp_path):
    """A worker that dies in the middle of a block is replaced, its block made by another."""

    def deadly(theta, rng):
        marker = tmp_path / f"{theta[0, 0]}"
        if theta[0, 0] < 0.605 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return theta + rng.normal(size=theta.shape)

    simulator = sbiwb.simulator(deadly, PRIOR, batched=True, output=Output((2,)))
    survived = simulate(simulator, PRIOR, 400, seed=1, execution=cluster)
    assert len(list(tmp_path.iterdir())) == 3  # blocks 3, 4 and 6 ended a worker each
    assert_equal(survived, simulate(simulator, PRIOR, 400, seed=1, execution={"block_size": SMALL}))


def test_a_block_that_always_kills_its_worker_ends_the_run(cluster):
    def deadly(theta):
        os.kill(os.getpid(), signal.SIGKILL)
        return theta

    simulator = sbiwb.simulator(deadly, PRIOR, batched=True, output=Output((2,)))
    with pytest.raises(SimulationError, match=r"ends the worker processes.*costly=True"):
        simulate(simulator, PRIOR, 10, seed=1, execution=cluster)


def test_errors_of_workers_arrive_as_they_are(cluster, tmp_path):
    wrong = sbiwb.simulator(lambda _: np.ones(3), PRIOR, output=Output((2,)), name="wrong")
    with pytest.raises(SimulationError, match="'wrong' does not return what it promises"):
        simulate(wrong, PRIOR, 500, seed=1, execution=cluster)
    mixed = Correlated()
    mixed.version = "2"
    with pytest.raises(SimulationError, match="another version of the simulator"):
        simulate(mixed, PRIOR, 100, seed=1, execution=cluster)
    folder = tmp_path / "store"
    simulate(Correlated(), PRIOR, 50, seed=1, execution=cluster, store=folder)
    for path in folder.iterdir():
        (path / "journal.jsonl").unlink()
        (path / "journal.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"cannot use .*journal\.jsonl"):
        simulate(Correlated(), PRIOR, 100, seed=1, execution=cluster, store=folder)


def test_what_cannot_be_sent_is_found_before_anything_starts():
    lock = threading.Lock()

    def function(theta):
        with lock:
            return theta

    unsendable = sbiwb.simulator(function, PRIOR)
    with pytest.raises(SimulationError, match="cannot be sent to another process; got lock"):
        simulate(unsendable, PRIOR, 10, seed=1, execution="tcp://127.0.0.1:9")
    ballast = np.zeros(2**21)
    heavy = sbiwb.simulator(lambda theta: theta + ballast[0], PRIOR)
    assert len(pack(heavy)) > 2**24
    with pytest.raises(SimulationError, match="drags too much data along; got 16 MiB"):
        simulate(heavy, PRIOR, 10, seed=1, execution="tcp://127.0.0.1:9")


def test_a_scheduler_that_is_not_there_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr("sbiwb.execute.remote._ANSWER_SECONDS", 0.5)
    with pytest.raises(SimulationError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        simulate(Correlated(), PRIOR, 10, seed=1, execution="tcp://127.0.0.1:9")
    with pytest.raises(UsageError, match="no such scheduler file"):
        simulate(Correlated(), PRIOR, 10, seed=1, execution=f"scheduler-file:{tmp_path}/s.json")


def test_a_scheduler_file_is_an_address_too(cluster, tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text(f'{{"address": "{cluster.cluster}"}}')
    there = simulate(Correlated(), PRIOR, 20, seed=1, execution=f"scheduler-file:{file}")
    assert_equal(there, simulate(Correlated(), PRIOR, 20, seed=1))


def test_slurm_without_its_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(UsageError, match=r"pip install 'sbiwb\[hpc\]'"):
        simulate(Correlated(), PRIOR, 10, seed=1, execution="slurm")


def test_slurm_jobs_are_asked_for_as_the_recipe_says(monkeypatch, tmp_path):
    """Only the request is tested: there is no Slurm here."""
    asked = {}
    temporary = Security(
        tls_ca_file="ca\n", tls_client_key="client key\n", tls_client_cert="client cert\n"
    )

    class SLURMCluster:
        scheduler_address = "tls://10.0.0.1:8786"

        def __init__(self, **options):
            asked.update(options)

        def __enter__(self):
            asked["client"] = Security().get_tls_config_for_role("client")
            asked["mode"] = Path(asked["shared_temp_directory"]).stat().st_mode & 0o777
            return self

        def __exit__(self, *_):
            asked["closed"] = True

        def adapt(self, minimum, maximum):
            asked["workers"] = minimum, maximum

    monkeypatch.setitem(sys.modules, "dask_jobqueue", type(sys)("dask_jobqueue"))
    monkeypatch.setattr(sys.modules["dask_jobqueue"], "SLURMCluster", SLURMCluster, raising=False)
    monkeypatch.setattr(Security, "temporary", lambda: temporary)
    monkeypatch.setenv("HOME", str(tmp_path))
    request = {"cluster": "slurm", "workers": 8, "queue": "long", "walltime": "02:00:00"}
    with running(Execution(**request, cores=4, job_memory=16)) as execution:
        assert execution.cluster == SLURMCluster.scheduler_address
    assert asked["closed"]
    assert asked["workers"] == (8, 8)
    assert (asked["cores"], asked["processes"], asked["memory"]) == (4, 4, "16GiB")
    assert (asked["queue"], asked["walltime"]) == ("long", "02:00:00")
    assert asked["worker_extra_args"] == ["--lifetime", "6480s"]
    assert "export OMP_NUM_THREADS=1" in asked["job_script_prologue"]
    # Workers are reached over a network: nobody else may give them orders.
    assert asked["security"] is temporary
    assert asked["client"]["key"] == "client key\n"
    assert asked["mode"] == 0o700
    assert list(tmp_path.iterdir()) == []  # no key is left behind


SCRIPT = """
import os, sys, time
from pathlib import Path
import sbiwb
folder = Path(sys.argv[1])
prior = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(0, 1))])
def function(theta):
    (folder / f"pid-{os.getpid()}-{os.getppid()}").touch()
    time.sleep(float(sys.argv[2]))
    return theta
simulator = sbiwb.simulator(function, prior, output=sbiwb.Output((1,)), costly=True)
execution = {"cluster": "local", "workers": 2, "block_size": 2}
print(len(sbiwb.simulate(simulator, prior, 8, seed=1, execution=execution)))
"""


def test_a_script_needs_no_main_guard(tmp_path):
    """Workers do not import the script, so it is run once."""
    (tmp_path / "script.py").write_text(SCRIPT.replace("sys.argv[2]", "'0.01'"))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    assert done.stdout == "8\n"
    assert done.stderr == ""


def test_dask_is_silent_until_its_cluster_has_closed(capfd, monkeypatch):
    import distributed

    logger, said = logging.getLogger("distributed.batched"), []

    class Talkative(distributed.LocalCluster):
        def __exit__(self, *arguments):
            super().__exit__(*arguments)
            said.append(logger.isEnabledFor(logging.ERROR))
            logger.info("Batched Comm Closed")

    monkeypatch.setattr(distributed, "LocalCluster", Talkative)
    before = logging.getLogger("distributed").level
    with running(Execution("local")):
        pass
    assert said == [False]
    assert capfd.readouterr().err == ""
    assert logging.getLogger("distributed").level == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(tmp_path, number):
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path), "300"], stderr=subprocess.PIPE, text=True
    )
    with parent:
        while len(found := list(tmp_path.glob("pid-*"))) < 2:
            assert parent.poll() is None, parent.stderr.read()
            time.sleep(0.05)
        parent.send_signal(number)
        message = parent.stderr.read()
    assert ("KeyboardInterrupt" in message) == (number == signal.SIGINT)
    pids = [int(pid) for path in found for pid in path.name.split("-")[1:]]
    assert len(set(pids)) == 4
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < end, "processes were left running"
        time.sleep(0.05)
