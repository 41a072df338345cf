"""Runs that are interrupted or killed keep what is finished and leave no process behind."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_runs import COMMAND, LINE, journal, mtimes, recipe, results_changed

import sbiwb
from sbiwb.safe_yaml import write_yaml


@contextlib.contextmanager
def started(project, fault, **keys):
    """Start `sbiwb run` on a task that ends and one that does not; wait until that one is alone."""
    problems = {"good": {}, "bad": {"fault": fault, "note": str(project / "pid")}}
    Path("mine.yaml").write_text(write_yaml(recipe(problems, **keys)))
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "run", "mine.yaml", "--out", "out"],
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 120
    try:
        # The worker is ahead of the journal, which is written to the disk at every step.
        while not (project / "pid").exists() or "running" not in states():
            assert time.monotonic() < end
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        yield process, int((project / "pid").read_text())
    finally:
        # A test that fails leaves no process for the next one to stumble over.
        process.kill()
        process.communicate()


def states():
    """State of the task that does not end, as the journal has it."""
    return [t["state"] for t in journal()["tasks"].values() if t["problem"] == "bad"]


def ends_soon(pid):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.05)
                continue
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interruptions_keep_what_is_finished_and_leave_no_process(project, number):
    with started(project, "hang") as (process, worker):
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert ends_soon(worker)
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 130
        assert err.splitlines() == ["sbiwb: interrupted; what is finished is kept"]
        assert journal()["status"] == "interrupted"
    good, bad = journal()["tasks"].values()
    assert good["state"] == "done"
    assert bad["state"] == ("running" if number == signal.SIGKILL else "waiting")
    before = mtimes("out")
    (project / "code" / "line.py").write_text(LINE.replace("time.sleep(600)", "pass", 1))
    sbiwb.run("mine.yaml", out="out")
    assert journal()["status"] == "done"
    assert good["file"] not in results_changed(before)


def test_a_worker_finishes_the_block_at_work(project):
    methods = ["exact+grid", {"method": "linear+grid", "budget": 30, "problems": ["bad"]}]
    executor = {"block_size": 10}
    with started(project, "slow", methods=methods, executor=executor) as (process, worker):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.splitlines() == ["sbiwb: interrupted; what is finished is kept"]
        assert ends_soon(worker)
    shards = [path.name for path in Path("out/simulations").rglob("*.h5")]
    assert shards == ["block-000000-00010.h5"]


def test_a_second_interruption_stops_at_once(project):
    with started(project, "refuse to stop") as (process, worker):
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        assert process.poll() is None  # the worker has some seconds to end well
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        process.communicate(timeout=60)
        assert time.monotonic() - began < 5
        assert process.returncode == 130
        assert ends_soon(worker)
