"""Guarded simulators may crash, hang, exit or eat memory: each becomes a status of one row."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import sbiwb
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.simulations import Status
from sbiwb.core.simulator import Output, Simulator
from sbiwb.errors import SimulationError
from sbiwb.execute import simulate
from sbiwb.execute.guard import Guard
from sbiwb.execute.outcome import simulate_row
from sbiwb.execute.shipping import pack

PRIOR = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(0, 1))])


def make(function, **options):
    return sbiwb.simulator(
        function, PRIOR, output=Output((2,)), **{"name": "toy", "costly": True, **options}
    )


def fate(theta, rng):
    """What happens is written in theta."""
    match round(theta[0] * 10):
        case 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        case 2:
            time.sleep(60)
        case 3:
            return np.zeros(2**40)
        case 4:
            sys.exit("no licence")
        case 5:
            raise ValueError("no convergence")
        case 6:
            return np.array([np.nan, 1.0])
        case 7:
            return np.zeros(3)
        case 8:
            os._exit(7)
        case 9:
            os.closerange(3, 100)
    return rng.normal(size=2)


def test_every_fate_becomes_a_status_and_the_next_row_is_well():
    with closing(Guard(pack(make(fate)), (2,), timeout=2.0, memory=8.0)) as guard:
        rows = {k: guard.simulate_row(np.array([k / 10]), 1, 0, k) for k in range(10)}
        alone = simulate_row(make(fate), np.array([0.0]), 1, 0, 99)
        after = guard.simulate_row(np.array([0.0]), 1, 0, 99)
    assert {k: (row.status, row.reason) for k, row in rows.items()} == {
        0: (Status.OK, ""),
        1: (Status.DIED, "killed by SIGSEGV"),
        2: (Status.TIMEOUT, "no answer within 2 s"),
        3: (Status.DIED, rows[3].reason),
        4: (Status.DIED, "called sys.exit('no licence')"),
        5: (Status.ERROR, "ValueError: no convergence"),
        6: (Status.NAN, "1 of 2 values not finite, first at index 0"),
        7: (Status.SHAPE, "shape (1, 3) instead of (1, 2)"),
        8: (Status.DIED, "ended with exit status 7"),
        9: (Status.DIED, "ended with exit status 1"),
    }
    assert rows[3].reason.startswith("out of memory: Unable to allocate 8.00 TiB")
    np.testing.assert_array_equal(after.x, alone.x)  # the same stream as anywhere else


def test_memory_is_limited():
    def greedy(theta, rng):
        room = np.empty(2**28 if theta[0] < 0.5 else 2)  # 2 GiB asked for, little of it used
        room[:2] = 1.0
        return room[:2]

    free = simulate(make(greedy), PRIOR, 5, seed=2)
    held = simulate(make(greedy), PRIOR, 5, seed=2, execution={"memory": 1.5})
    assert free.counts() == {"ok": 5}
    np.testing.assert_array_equal(held.status == Status.DIED, held.theta[:, 0] < 0.5)
    assert held.counts() == {"ok": 3, "died": 2}


def test_a_row_that_died_is_tried_once_more_with_the_same_stream(tmp_path):
    def unlucky(theta, rng):
        marker = tmp_path / f"{theta[0]}"
        if theta[0] < 0.1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return rng.normal(size=2)

    first = simulate(make(unlucky), PRIOR, 30, seed=1)
    assert list(tmp_path.iterdir())
    assert first.counts() == {"ok": 30}
    second = simulate(make(unlucky), PRIOR, 30, seed=1)  # nothing dies this time
    np.testing.assert_array_equal(first.x, second.x)


def test_a_time_limit_guards_a_cheap_simulator_too():
    def slow_at_times(theta, rng):
        if theta[0] < 0.1:
            time.sleep(60)
        return rng.normal(size=2)

    cheap = make(slow_at_times, costly=False)
    found = simulate(cheap, PRIOR, 40, seed=1, execution={"timeout": 1.5})
    np.testing.assert_array_equal(found.status == Status.TIMEOUT, found.theta[:, 0] < 0.1)
    assert found.counts() == {"ok": 37, "timeout": 3}


def test_guarded_rows_do_not_depend_on_their_block():
    short = simulate(make(fate), PRIOR.restrict([0.96], [1.0]), 25, seed=1)
    long = simulate(make(fate), PRIOR.restrict([0.96], [1.0]), 47, seed=1)
    np.testing.assert_array_equal(long.x[:25], short.x)


class Sums(Simulator):
    name, version, prior, output, costly = "toy.sums", "1", PRIOR, Output((2,)), True

    def __init__(self, words: str = "") -> None:
        self.options = {"words": words}
        if words and "sbiwb.execute.guarded" in sys.modules:
            if words == "abort":
                os.abort()
            raise ValueError(words)

    def simulate(self, theta, _):
        return theta + np.arange(2.0)


def test_a_simulator_that_cannot_be_built_in_the_guard_ends_the_run():
    with pytest.raises(SimulationError, match=r"cannot be built.*ValueError: no mesh found"):
        simulate(Sums("no mesh found"), PRIOR, 10, seed=1)
    with pytest.raises(SimulationError, match=r"cannot be built.*killed by SIGABRT"):
        simulate(Sums("abort"), PRIOR, 10, seed=1)


def test_the_guard_rebuilds_simulators_with_fixed_parameters():
    both = sbiwb.Prior((*PRIOR.parameters, sbiwb.Parameter("b", sbiwb.Uniform(0, 1))))
    inner = sbiwb.simulator(lambda theta: theta, both, costly=True)
    fixed = FixedSimulator(inner, {"b": 0.25})
    assert (simulate(fixed, fixed.prior, 5, seed=1).x[:, 1] == 0.25).all()


# -- nothing is left running ------------------------------------------------------------------


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int]) -> None:
    end = time.monotonic() + 10
    while any(map(alive, pids)):
        assert time.monotonic() < end, "processes were left running"
        time.sleep(0.05)


def launcher(folder: Path):
    """A simulator that starts a program of its own and hangs in it."""

    def function(theta):
        program = subprocess.Popen(["sleep", "300"])
        (folder / "pids").write_text(f"{os.getpid()} {program.pid}")
        (folder / "pids").rename(folder / "started")
        program.wait()
        return theta

    return make(function)


def test_a_hanging_simulator_is_killed_with_what_it_started(tmp_path):
    found = simulate(
        launcher(tmp_path),
        PRIOR,
        1,
        seed=1,
        execution={"timeout": 1.0, "max_failure_fraction": 1.0},
    )
    assert found.counts() == {"timeout": 1}
    wait_until_gone([int(pid) for pid in (tmp_path / "started").read_text().split()])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_guard_does_not_outlive_its_parent(tmp_path, number):
    code = textwrap.dedent(
        f"""
        from test_guard import *
        simulate(launcher(Path({str(tmp_path)!r})), PRIOR, 1, seed=1)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True
    )
    with parent:
        while not (tmp_path / "started").exists():
            assert parent.poll() is None, parent.stderr.read()
            time.sleep(0.05)
        pids = [int(pid) for pid in (tmp_path / "started").read_text().split()]
        assert all(map(alive, pids))
        parent.send_signal(number)
        assert ("KeyboardInterrupt" in parent.stderr.read()) == (number != signal.SIGKILL)
    wait_until_gone(pids)
