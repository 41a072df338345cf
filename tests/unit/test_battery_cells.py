"""The battery simulators: what they predict, how they fail, and what they refuse."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("pybamm")

import sbiwb
from sbiwb.errors import UsageError
from sbiwb.rng import stream
from sbiwb.simulators.battery import cell
from sbiwb.simulators.battery._pybamm import pybamm
from sbiwb.simulators.battery.dfn import DFN
from sbiwb.simulators.battery.spm import SPM
from sbiwb.testing import check_simulator

LONG = {"first": 100.0, "last": 2000.0, "number": 20}
FRACTIONS = {"eps_n": [0.5, 0.8], "eps_p": [0.5, 0.8]}


@pytest.fixture(scope="module")
def ending():
    """A 2C discharge of an SPM that ends at a time that depends on the active fractions."""
    return SPM(parameters=FRACTIONS, times=LONG, cutoff="rated")


def test_the_default_is_the_2c_benchmark():
    spm = SPM()
    assert spm.prior.names == ("j0_n", "D_p")
    assert spm.output.shape == (100,)
    assert spm.times[[0, -1]].tolist() == [10.0, 1350.0]
    x = spm.simulate(np.repeat([[1.0, 2.0]], 50, axis=0), stream(1, "x"))
    residual = x - spm.mean(np.array([[1.0, 2.0]]))
    # The standard deviation of 5,000 readings has a standard error of 1 %.
    assert residual.std() == pytest.approx(0.003, rel=0.05)


def test_the_end_of_a_test_is_a_mask(ending):
    theta = ending.prior.sample(40, stream(1, "theta"))
    voltage = ending.voltage(theta)
    x = ending.simulate(theta, stream(1, "x"))
    assert x.shape == (40, 2, 20)
    assert np.isfinite(x).all()
    running = x[:, 1] == 1
    assert 0.5 < running.mean() < 1
    assert np.all(x[:, 0][running] > 2.5)
    assert np.all(x[:, 0][~running] == 2.5)
    # Noise of 3 mV can move the end only where the model is that near the cut-off.
    assert np.array_equal(running, voltage > 2.5) or np.all(
        np.abs(voltage[running != (voltage > 2.5)] - 2.5) < 0.015
    )
    assert np.isfinite(ending.log_likelihood(theta, x)).all()
    assert voltage.min() == pytest.approx(2.5 - cell.MARGIN)
    # More active material lasts longer.
    ends = ending.simulate(np.array([[0.5, 0.5], [0.8, 0.8]]), stream(2, "x"))[:, 1].sum(axis=1)
    assert ends[0] < ends[1]


def test_a_test_that_ends_keeps_the_contract():
    check_simulator(
        SPM(
            parameters=FRACTIONS,
            times={"first": 100.0, "last": 2000.0, "number": 8},
            cutoff="rated",
            noise=[0.002, 0.02],
            discrepancy={"amplitude": [0.005, 0.05], "length": [100.0, 1000.0]},
        ),
        repeats=500,
    )


def test_the_likelihood_of_an_end_is_that_of_the_fractions_that_give_it(ending):
    # The planted fault: with the held readings taken as measured, the truth is not preferred.
    truth = np.array([[0.55, 0.7]])
    x = ending.simulate(truth, stream(3, "x"))[0]
    assert 0 < x[1].sum() < 20
    other = truth + np.array([0.15, 0.0])
    at_truth, at_other = ending.log_likelihood(np.concatenate([truth, other]), x)
    assert at_truth > at_other + 100
    naive = -0.5 * np.sum(((x[0] - ending.voltage(truth)[0]) / 0.003) ** 2)
    assert naive < at_truth - 1000


def test_rebuilt_from_json_it_is_the_same(ending):
    again = SPM(**json.loads(json.dumps(ending.options)))
    assert again.fingerprint() == ending.fingerprint()
    theta = ending.prior.sample(3, stream(1, "theta"))
    assert np.array_equal(again.voltage(theta), ending.voltage(theta))


def test_parameters_of_the_noise_are_not_solved_for():
    spm = SPM(noise=[0.001, 0.01], discrepancy={"amplitude": [0.001, 0.1], "length": [10, 1000]})
    assert spm.prior.names == ("j0_n", "D_p", "sigma", "delta", "length")
    solved = []
    voltages = spm.cell.voltages
    spm.cell.voltages = lambda values: solved.append(len(values)) or voltages(values)
    theta = np.repeat(spm.prior.sample(1, stream(1, "theta")), 5, axis=0)
    theta[:, 2:] *= 1 + 0.1 * np.arange(5)[:, np.newaxis]
    assert len(set(spm.log_likelihood(theta, np.full(100, 3.5)))) == 5
    assert solved == [1]


def test_a_solve_that_would_take_for_ever_is_given_up(monkeypatch):
    monkeypatch.setattr(cell, "STALLED_STEPS", 2)
    with pytest.raises(UsageError, match="cannot be solved with its parameters in the middle"):
        DFN(times=[1000.0, 1300.0])


def test_a_failed_solve_is_nan_with_a_reason(monkeypatch):
    spm = SPM(times=[10.0, 20.0])
    solve = spm.cell._solver.solve

    def fragile(*arguments, inputs, **keywords):
        if inputs["j0_n"] > 2:
            raise pybamm.SolverError("step size\n too small")
        return solve(*arguments, inputs=inputs, **keywords)

    monkeypatch.setattr(spm.cell._solver, "solve", fragile)
    theta = np.array([[1.0, 2.0], [3.0, 2.0], [1.5, 2.0], [3.0, 2.0]])
    x = spm.simulate(theta, stream(1, "x"))
    assert np.isnan(x).all(axis=1).tolist() == [False, True, False, True]
    assert spm.reasons == dict.fromkeys((1, 3), "SolverError: step size too small")
    value = spm.log_likelihood(theta, np.full(2, 3.5))
    assert np.isnan(value).tolist() == [False, True, False, True]
    result = sbiwb.infer(
        sbiwb.problem(spm, observation=spm.voltage(theta[:1])[0]), "exact+dynesty", nlive=50
    )
    (verdict,) = [v for v in result.verdicts if v.name == "failures"]
    assert "step size too small" in verdict.message
    assert spm.simulate(theta[:1], stream(1, "x")).shape == (1, 2)
    assert spm.reasons == {}


def test_a_pulse_relaxes_and_a_profile_is_followed():
    pulse = {"type": "pulse", "c_rate": 1.0, "rest": 30, "duration": 30, "relaxation": 100}
    spm = SPM(
        parameters={"R_contact": [0.0, 0.02]}, protocol=pulse, times=np.arange(160.0), soc=0.5
    )
    low, high = spm.voltage(np.array([[0.0], [0.01]]))
    assert np.ptp(low[:30]) < 1e-4  # at rest
    # Ohm's law, while 5 A flow: steps of the current are not smeared over readings.
    assert low[32:60] - high[32:60] == pytest.approx(0.05, abs=1e-6)
    assert np.delete(low - high, np.arange(30, 62)) == pytest.approx(0.0, abs=1e-6)
    assert np.all(np.diff(low[62:]) > 0)  # relaxation
    profile = {"type": "profile", "time": [0, 10, 20, 30], "current": [0, 5, -2.5, 0]}
    driven = SPM(parameters={"R_contact": [0.0, 0.02]}, protocol=profile, times=np.arange(1.0, 41))
    low, high = driven.voltage(np.array([[0.0], [0.01]]))
    current = np.interp(driven.times, profile["time"], profile["current"])
    assert low - high == pytest.approx(0.01 * current, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"parameters": {"Negative electrode thickness [m]": [8e-5, 9e-5]}}, "mesh depends on it"),
        ({"parameters": {"Positive particle radius [m]": [4e-6, 6e-6]}}, "cannot vary 'Positive"),
        ({"parameters": {"Cation transference number": [0.2, 0.3]}}, "has no effect"),
        (
            {"parameters": {"Negative electrode exchange-current density [A.m-2]": [0.2, 0.3]}},
            "is a function in Chen2020",
        ),
        (
            {"parameters": {"Negative electrode porosty": [0.2, 0.3]}},
            "did you mean 'Negative electrode porosity'",
        ),
        ({"parameter_set": "Chen2021"}, "did you mean 'Chen2020'"),
        ({"physics": {"thermal": "lumpy"}}, "no such physics"),
        ({"cutoff": 9.0}, "bad cutoff"),
        ({"cutoff": "low"}, "bad cutoff"),
        ({"soc": 1.5}, "bad soc"),
        ({"data": "lgm50_1C", "times": [1, 2]}, "their own protocol and times"),
        ({"data": "lgm50"}, "unknown measured curve"),
    ],
)
def test_what_cannot_be_is_one_clear_line(options, words):
    with pytest.raises(UsageError, match=words) as caught:
        SPM(**options)
    assert "\n" not in str(caught.value)


def test_measured_data_bring_their_protocol():
    problem = sbiwb.problem("battery.spm", data="lgm50_1C", parameters=FRACTIONS)
    assert problem.observation.x.shape == (2, 100)
    assert problem.observation.x[1].sum() == 99
    assert "PyBOP" in problem.observation.source
    assert problem.simulator.cutoff == 2.5


def test_pybamm_is_quiet_and_left_as_it_was(ending):
    logger = logging.getLogger(pybamm.logger.name)
    before = logger.level
    ending.voltage(np.array([[0.6, 0.6]]))
    assert logger.level == before


def test_a_first_import_neither_asks_nor_writes_nor_opens_a_connection(tmp_path):
    # As a user has it: not under pytest, where PyBaMM would behave by itself.
    code = (
        "import socket, sys, os\n"
        "def refuse(*_): raise SystemExit('network')\n"
        "socket.socket.connect = refuse\n"
        "from sbiwb.simulators.battery.spm import SPM\n"
        "import numpy as np\n"
        "SPM(times=[10.0, 20.0]).voltage(np.array([[1.0, 2.0]]))\n"
        "import pybamm\n"
        "assert pybamm.telemetry._posthog.disabled\n"
        "assert 'PYBAMM_DISABLE_TELEMETRY' not in os.environ\n"
    )
    hidden = {"PYBAMM_DISABLE_TELEMETRY", "CI", "GITHUB_ACTIONS"}
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment["XDG_CONFIG_HOME"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=240,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())
