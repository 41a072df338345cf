"""The first Ctrl-C or SIGTERM finishes what is at work, the second stops at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import sbiwb
from sbiwb.core.draws import Draws
from sbiwb.interruption import finishing, terminable
from sbiwb.result import make_result

PROBLEM = sbiwb.problem("cosmology.bao", data="desi_dr2", model="lcdm")
RESULT = make_result(
    PROBLEM,
    Draws(np.array([[[0.3, 101.5]]])),
    method="made up",
    seed=1,
    provenance={"box": [[0.0, 1.0]] * 2},
)
SIGNALS = [signal.SIGINT, signal.SIGTERM]


def send(number):
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers():
    """Every test leaves the handlers as they were."""
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


def interrupted(*numbers):
    """What is done of a body that gets these signals, one after the other."""
    done = []
    try:
        with finishing("a block"):
            for number in numbers:
                send(number)
                done.append(number)
            done.append("the rest")
    except KeyboardInterrupt:
        return [*done, "interrupted"]
    return done


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_waits_and_says_so(capsys, number):
    assert interrupted(number) == [number, "the rest", "interrupted"]
    assert capsys.readouterr().err == "sbiwb: finishing a block; once more stops at once\n"


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_does_not_wait(number):
    assert interrupted(signal.SIGINT, number) == [signal.SIGINT, "interrupted"]


def test_nothing_happens_where_nothing_is_sent(capsys):
    assert interrupted() == ["the rest"]
    assert capsys.readouterr().err == ""


def test_the_callers_handler_is_called_in_the_end():
    events = []
    before = signal.signal(signal.SIGTERM, lambda *_: events.append("theirs"))
    try:
        with terminable(), finishing("a block"):
            send(signal.SIGTERM)
            events.append("finished")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert events == ["finished", "theirs"]


def test_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with finishing("a block"):
            send(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_sigterm_is_an_interruption():
    with pytest.raises(KeyboardInterrupt), terminable():
        signal.raise_signal(signal.SIGTERM)


def test_other_threads_leave_signals_alone():
    seen = []

    def body():
        with terminable(), finishing("a block"):
            seen.append([signal.getsignal(number) for number in SIGNALS])

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [[signal.getsignal(number) for number in SIGNALS]]


@pytest.mark.parametrize(
    ("module", "step", "call"),
    [
        ("inference", "_draw", lambda: sbiwb.infer(PROBLEM, "exact+emcee")),
        ("checking", "_predict", lambda: sbiwb.check(RESULT, predictive=10)),
    ],
)
def test_sigterm_interrupts_inference_and_checks(monkeypatch, module, step, call):
    monkeypatch.setattr(f"sbiwb.{module}.{step}", lambda *_: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        call()


# A script that simulates three blocks into a store; each waits for a file.
SCRIPT = """
import signal, sys, time
from pathlib import Path
import sbiwb

signal.signal(signal.SIGINT, signal.default_int_handler)
prior = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(0, 1))])
def slow(theta, rng):
    Path("started").touch()
    while not Path("go").exists():
        time.sleep(0.02)
    return theta
simulator = sbiwb.simulator(slow, prior, batched=True, output=sbiwb.Output((1,)))
sbiwb.simulate(simulator, prior, 30, seed=1, execution={"block_size": 10}, store="store")
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_script_finishes_its_block_unless_it_is_told_twice(tmp_path, number, times):
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "started").exists():
        assert script.poll() is None, script.stderr.read()
        time.sleep(0.02)
    script.send_signal(number)
    assert script.stderr.readline() == (
        "sbiwb: finishing 10 simulations; once more stops at once\n"
    )
    if times == 2:
        script.send_signal(number)
    else:
        (tmp_path / "go").touch()
    _, err = script.communicate(timeout=60)
    assert err.splitlines()[-1] == "KeyboardInterrupt"
    # Python ends itself by SIGINT, which a shell reports as 130.
    assert script.returncode == -signal.SIGINT
    assert len(list(tmp_path.rglob("*.h5"))) == (1 if times == 1 else 0)
