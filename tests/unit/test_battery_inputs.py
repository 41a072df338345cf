"""Options of the battery simulators: parameters, protocols, times and measured curves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sbiwb.core.distributions import LogUniform, Uniform
from sbiwb.errors import DataError, UsageError
from sbiwb.simulators.battery.inputs import READY, as_option, read_inputs, short_name
from sbiwb.simulators.battery.measured import CURVES, measured
from sbiwb.simulators.battery.protocols import SWITCHING, read_protocol, read_times

EXCHANGE = "Negative electrode exchange-current density [A.m-2]"
POROSITY = "Negative electrode porosity"


def test_ready_parameters_have_the_ranges_of_the_benchmark():
    exchange, diffusivity = read_inputs(["j0_n", "D_p"])
    assert (exchange.low, exchange.high, exchange.multiplies) == (0.5, 4.0, True)
    assert (diffusivity.low, diffusivity.high, diffusivity.multiplies) == (1.0, 10.0, True)
    assert exchange.parameter.unit == ""
    assert isinstance(exchange.parameter.distribution, Uniform)


def test_any_name_of_pybamm_gets_a_short_one():
    inputs = read_inputs(
        {
            POROSITY: [0.2, 0.3],
            "Contact resistance [Ohm]": [0.0, 0.02],
            EXCHANGE: {"range": [0.5, 2], "multiplies": True, "name": "k_n", "log": True},
        }
    )
    assert [i.name for i in inputs] == ["porosity_n", "R_contact", "k_n"] or [
        i.name for i in inputs
    ] == [short_name(POROSITY), "R_contact", "k_n"]
    assert inputs[1].parameter.unit == "Ohm"
    assert isinstance(inputs[2].parameter.distribution, LogUniform)
    assert read_inputs(json.loads(json.dumps(as_option(inputs)))) == inputs


def test_short_names_are_identifiers_and_differ():
    names = [
        "Negative electrode porosity",
        "Positive electrode porosity",
        "Separator porosity",
        "Maximum concentration in negative electrode [mol.m-3]",
        "Initial concentration in positive electrode [mol.m-3]",
        "Electrolyte conductivity [S.m-1]",
        "Ambient temperature [K]",
    ]
    short = [short_name(name) for name in names]
    assert len(set(short)) == len(short)
    assert all(name.isidentifier() for name in short)


@pytest.mark.parametrize("ready", READY.values(), ids=READY)
def test_every_ready_input_is_rebuilt_from_its_option(ready):
    assert read_inputs(json.loads(json.dumps(as_option([ready])))) == (ready,)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({}, "bad parameters"),
        ("j0_n", "ready names are j0_n"),
        ({"j0n": [1, 2]}, "did you mean 'j0_n'"),
        ({"j0_n": [1]}, "bad range of 'j0_n'; got \\[1\\]"),
        ({"j0_n": [1, "2"]}, "bad range"),
        ({"j0_n": {"rang": [1, 2]}}, "did you mean 'range'"),
        ({"j0_n": {"log": "yes"}}, "bad log"),
        ({POROSITY: {"range": [0.2, 0.3], "name": "a b"}}, "bad short name"),
        ({POROSITY: None}, "bad range"),
        ({"j0_n": None, EXCHANGE: {"range": [1, 2], "name": "k"}}, "the same parameter twice"),
        ({"j0_n": None, POROSITY: {"range": [0, 1], "name": "j0_n"}}, "the same short name twice"),
    ],
)
def test_bad_parameters_are_named(option, words):
    with pytest.raises(UsageError, match=words):
        read_inputs(option)


def test_a_pulse_is_a_rest_a_step_and_a_rest():
    option = {"type": "pulse", "c_rate": 2, "rest": 10, "duration": 30, "relaxation": 60}
    pulse = read_protocol(option)
    at = np.array([0, 9.9, 10 + SWITCHING, 39.9, 40 + SWITCHING, 99])
    assert np.interp(at, pulse.time, pulse.amperes(5.0)).tolist() == [0, 0, 10, 10, 0, 0]
    steps = read_protocol({"type": "steps", "c_rates": [0, 2, 0], "durations": [10, 30, 60]})
    assert np.array_equal(steps.time, pulse.time)
    assert np.array_equal(steps.current, pulse.current)
    assert read_protocol(json.loads(json.dumps(pulse.option))).option == pulse.option


def test_a_profile_is_read_from_a_file_and_keeps_its_numbers(tmp_path):
    file = tmp_path / "drive.csv"
    file.write_text("# a drive\ntime_s,current_A\n0,0\n1,2.5\n2,-1\n")
    profile = read_protocol({"type": "profile", "file": str(file)})
    assert profile.amperes(5.0).tolist() == [0.0, 2.5, -1.0]
    file.unlink()
    assert read_protocol(profile.option).time.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("2C", "bad protocol"),
        ({}, "unknown type of protocol"),
        ({"type": "constantcurrent"}, "did you mean 'constant_current'"),
        ({"type": "constant_current"}, "lacks keys; expected c_rate"),
        ({"type": "constant_current", "c_rate": 1, "rest": 3}, "unknown key"),
        ({"type": "constant_current", "c_rate": "1C"}, "bad c_rate"),
        ({"type": "steps", "c_rates": [1, 2], "durations": [1]}, "bad steps"),
        ({"type": "steps", "c_rates": [1, 2], "durations": [1, -1]}, "bad steps"),
        ({"type": "profile"}, "either a file or arrays"),
        ({"type": "profile", "time": [1, 2], "current": [1, 2]}, "bad times"),
        ({"type": "profile", "time": [0, 2], "current": [1]}, "bad times"),
        ({"type": "profile", "time": [0, float("nan")], "current": [1, 1]}, "finite"),
    ],
)
def test_bad_protocols_are_named(option, words):
    with pytest.raises(UsageError, match=words):
        read_protocol(option)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("time,current_A\n0,1\n", "lacks the column 'time_s'"),
        ("time_s,current_A\n0,one\n", "not a number"),
        ("time_s,current_A\n0\n", "not a number"),
        ("time_s,current_A\n0,inf\n", "infinite"),
        ("time_s,current_A\n", "holds no numbers"),
    ],
)
def test_bad_profiles_are_named(text, words, tmp_path):
    file = tmp_path / "drive.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DataError, match=words):
        read_protocol({"type": "profile", "file": str(file)})


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ([1.0], "bad times"),
        ([2.0, 1.0], "bad times"),
        ([-1.0, 1.0], "bad times"),
        ({"first": 0, "last": 9}, "times lack keys; expected number"),
        ({"first": 0, "last": 9, "number": 2.5}, "bad number of times"),
        ({"first": 0, "last": 9, "num": 3}, "did you mean 'number'"),
    ],
)
def test_bad_times_are_named(option, words):
    with pytest.raises(UsageError, match=words):
        read_times(option)


@pytest.mark.parametrize("name", CURVES)
def test_measured_curves_end_with_the_reading_that_reached_the_cutoff(name):
    curve = measured(name)
    assert 90 <= len(curve.time) <= 110
    assert np.all(np.diff(curve.time) > 0)
    assert np.all(curve.voltage[:-1] > 2.5)
    assert 2.49 < curve.voltage[-1] < 2.5
    assert curve.x[:, -1].tolist() == [2.5, 0.0]
    rate = {"lgm50_1C": 1.0, "lgm50_0p5C": 0.5, "lgm50_0p1C": 0.1}[name]
    assert curve.current == pytest.approx(5.0 * rate, rel=1e-3)


def test_an_unknown_curve_is_named():
    with pytest.raises(UsageError, match="did you mean 'lgm50_1C'"):
        measured("lgm50_1c")
