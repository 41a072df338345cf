"""Plain functions as simulators: how they are called, judged at the trial call, and hashed."""

from __future__ import annotations

import functools
import math
import subprocess
import sys

import numpy as np
import pytest

import sbiwb
from sbiwb import Output, Parameter, Prior, Uniform
from sbiwb.core.simulator import KnownLikelihood, KnownMean, Simulator, TorchLikelihood
from sbiwb.core.source import source_hash
from sbiwb.errors import SimulationError, UsageError
from sbiwb.rng import stream

PRIOR = Prior((Parameter("a", Uniform(0.0, 1.0)), Parameter("b", Uniform(2.0, 3.0))))
THETA = PRIOR.sample(5, stream(0, "theta"))

# -- calling --------------------------------------------------------------------------------


def test_one_vector_at_a_time_with_rng():
    simulator = sbiwb.simulator(lambda theta, rng: theta + rng.random(2), PRIOR, name="noisy")
    assert isinstance(simulator, Simulator)
    assert (simulator.name, simulator.output.shape) == ("noisy", (2,))
    x = simulator.simulate(THETA, stream(1, "x"))
    rng = stream(1, "x")
    assert np.array_equal(x, np.stack([theta + rng.random(2) for theta in THETA]))


def test_without_rng():
    simulator = sbiwb.simulator(lambda theta: [theta[0], theta[1], 1], PRIOR)
    assert simulator.simulate(THETA, stream(0, "x")).shape == (5, 3)


def test_scalar_data():
    simulator = sbiwb.simulator(lambda theta: theta.sum(), PRIOR)
    assert simulator.output.shape == ()
    assert simulator.simulate(THETA, stream(0, "x")) == pytest.approx(THETA.sum(axis=1))


def test_image_data():
    simulator = sbiwb.simulator(lambda _, rng: rng.random((4, 3)), PRIOR)
    assert simulator.output.shape == (4, 3)
    assert simulator.simulate(THETA, stream(0, "x")).shape == (5, 4, 3)


def test_batched():
    def line(theta, rng):
        assert theta.ndim == 2
        return theta @ np.array([[1.0, 2.0, 3.0]] * 2) + rng.random((len(theta), 3))

    simulator = sbiwb.simulator(line, PRIOR, batched=True)
    assert (simulator.name, simulator.output.shape) == ("line", (3,))
    assert simulator.simulate(THETA, stream(0, "x")).shape == (5, 3)
    assert simulator.simulate(THETA[:1], stream(0, "x")).shape == (1, 3)


@pytest.mark.parametrize(
    "function",
    [
        lambda theta, rng: theta * 0 + rng.random(),
        lambda theta, rng=None: theta * 0 + rng.random(),
        lambda theta, generator, factor=1: theta * 0 + factor * generator.random(),
    ],
)
def test_rng_is_passed_to_functions_that_take_it(function):
    assert np.all(sbiwb.simulator(function, PRIOR).simulate(THETA, stream(0, "x")) > 0)


@pytest.mark.parametrize(
    "function", [lambda theta, factor=2: factor * theta, lambda theta, **_: 2 * theta, np.exp2]
)
def test_rng_is_not_passed_to_functions_that_do_not(function):
    x = sbiwb.simulator(function, PRIOR).simulate(THETA, stream(0, "x"))
    assert np.array_equal(x, np.exp2(THETA) if function is np.exp2 else 2 * THETA)


def test_a_given_output_saves_the_trial_call():
    def fragile(theta):
        raise RuntimeError("not now")

    simulator = sbiwb.simulator(fragile, PRIOR, output=Output((2,), unit="V"), costly=True)
    assert simulator.output.unit == "V"
    assert simulator.costly


# -- what is refused ------------------------------------------------------------------------


def test_raising_functions_are_refused_with_their_reason():
    def broken(theta):
        raise ValueError("singular\nmatrix")

    with pytest.raises(SimulationError) as caught:
        sbiwb.simulator(broken, PRIOR)
    assert str(caught.value).startswith(
        "the trial call of simulator 'broken' raised ValueError; got singular matrix; fix"
    )
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(
    ("value", "kind"), [("text", "<U4"), (None, "object"), (1j, "complex128"), ({}, "object")]
)
def test_data_that_are_not_numbers_are_refused(value, kind):
    with pytest.raises(SimulationError, match=f"returned {kind} data"):
        sbiwb.simulator(lambda _: value, PRIOR)


def test_ragged_data_are_refused():
    with pytest.raises(SimulationError, match="raised ValueError"):
        sbiwb.simulator(lambda _: [[1.0], [1.0, 2.0]], PRIOR)


@pytest.mark.parametrize("function", [lambda _: 1.0, lambda _: np.zeros((3, 2))])
def test_batched_functions_must_return_a_row_per_row(function):
    with pytest.raises(SimulationError, match=r"returned the wrong shape.*drop batched=True"):
        sbiwb.simulator(function, PRIOR, batched=True)


def test_arguments_are_checked():
    with pytest.raises(UsageError, match="needs a function; got int"):
        sbiwb.simulator(3, PRIOR)
    with pytest.raises(UsageError, match="needs a prior; got list"):
        sbiwb.simulator(np.sum, [0, 1])


# -- capabilities ---------------------------------------------------------------------------


def test_a_function_has_a_likelihood_only_if_given():
    plain = sbiwb.simulator(lambda theta: theta, PRIOR)
    known = sbiwb.simulator(
        lambda theta: theta, PRIOR, log_likelihood=lambda theta, x: -((x - theta) ** 2).sum(axis=1)
    )
    assert not isinstance(plain, KnownLikelihood)
    assert isinstance(known, KnownLikelihood)
    assert not isinstance(known, (TorchLikelihood, KnownMean))
    x = np.array([0.5, 2.5])
    shared = known.log_likelihood(THETA, x)
    assert shared.shape == (5,)
    assert np.array_equal(shared, known.log_likelihood(THETA, np.tile(x, (5, 1))))


# -- identity -------------------------------------------------------------------------------

FACTOR = 2.0
TABLE = np.arange(3.0)


def helper(theta):
    return theta + 1


def uses_globals(theta):
    return helper(theta) * FACTOR + TABLE[0]


def recursive(theta, depth=3):
    return theta if depth == 0 else recursive(theta, depth - 1)


def captured(value):
    def inner(theta):
        return theta * value

    return inner


class Model:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, theta):
        return self.factor * theta

    def method(self, theta):
        return self.factor * theta


def test_the_version_follows_what_the_function_holds():
    different = [
        lambda theta: theta,
        lambda theta: theta * 1,
        captured(1.0),
        captured(2.0),
        captured(np.zeros(3)),
        captured(np.ones(3)),
        captured([1, [2, 3]]),
        captured([1, [2, 4]]),
        captured({"a": 1}),
        captured({"a": 2}),
        captured("1.0"),
        captured(np.sin),
        captured(np.cos),
        captured(math.sin),
        functools.partial(captured(1.0), 1),
        functools.partial(captured(1.0), 2),
        functools.partial(captured(1.0), theta=2),
        Model(1.0),
        Model(2.0),
        Model(1.0).method,
        Model(2.0).method,
        np.sin,
        np.cos,
        uses_globals,
        recursive,
    ]
    assert len({source_hash(function) for function in different}) == len(different)


def test_the_version_is_that_of_equal_functions():
    for make in (lambda: captured(1.5), lambda: Model([1, 2]), lambda: captured((1, 1, (2,)))):
        assert source_hash(make()) == source_hash(make())


def test_the_version_follows_globals_and_helpers(monkeypatch):
    before = source_hash(uses_globals)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    with_factor = source_hash(uses_globals)
    monkeypatch.setitem(globals(), "TABLE", np.ones(3))
    with_table = source_hash(uses_globals)
    monkeypatch.setitem(globals(), "helper", captured(2.0))
    with_helper = source_hash(uses_globals)
    assert len({before, with_factor, with_table, with_helper}) == 4
    monkeypatch.undo()
    assert source_hash(uses_globals) == before


def test_a_variable_that_is_not_set_yet_does_no_harm():
    def outer():
        version = source_hash(lambda theta: theta + later)
        later = 1
        return version, later

    assert len(outer()[0]) == 12


def test_the_version_does_not_depend_on_the_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\n"
        "from sbiwb.core.source import source_hash\n"
        "SIGMA = np.array([0.1, 0.2])\n"
        "def noise(rng): return SIGMA * rng.random(2)\n"
        "def fn(theta, rng): return [t + noise(rng) for t in theta]\n"
        "print(source_hash(fn), source_hash(lambda t: [noise(t), {1, 2}]))\n"
    )
    runs = [
        subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].split()) == 2


def test_functions_without_source_have_a_version():
    one, other = {}, {}
    exec("def fn(theta): return theta + 1", one)
    exec("def fn(theta): return theta + 2", other)
    assert source_hash(one["fn"]) != source_hash(other["fn"])


def test_fingerprint_holds_what_stored_simulations_depend_on():
    simulator = sbiwb.simulator(uses_globals, PRIOR)
    assert simulator.fingerprint() == {
        "simulator": "uses_globals",
        "version": source_hash(uses_globals),
        "options": {"batched": False},
        "shape": [2],
    }
    assert simulator.default_observation() is None
