"""A simulator's own observations are chosen by name, and share their simulations."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import Observation, Output, Parameter, Prior, Simulator, Uniform
from sbiwb.config import parse_recipe
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.problem import make_problem
from sbiwb.errors import UsageError
from sbiwb.pipeline.plan import build_problem


class Runs(Simulator):
    """Two numbers, measured twice."""

    name, version, options, output = "toy.runs", "1", {}, Output((2,))
    prior = Prior((Parameter("a", Uniform(0.0, 1.0)), Parameter("b", Uniform(0.0, 1.0))))
    observation_names = ("first", "second")

    def simulate(self, theta, rng):
        return theta + rng.random(theta.shape)

    def observation(self, name):
        return Observation(np.full(2, 1.0 + self.observation_names.index(name)), name=name)


def test_a_name_chooses_the_observation():
    assert make_problem(Runs(), "second").observation.x.tolist() == [2.0, 2.0]
    assert make_problem(FixedSimulator(Runs(), {"a": 0.5}), "second").observation.name == "second"


def test_the_first_is_the_default():
    assert make_problem(Runs()).observation.name == "first"


def test_simulations_serve_all_observations():
    first, second = (make_problem(Runs(), name) for name in Runs.observation_names)
    assert first.simulator.fingerprint() == second.simulator.fingerprint()
    assert first.describe() != second.describe()


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        make_problem(Runs(), "secnd")
    assert str(caught.value) == (
        "simulator 'toy.runs' ships no observation of this name; got 'secnd'; expected one of "
        "first, second, or a .npy, .csv or .txt file; did you mean 'second'?"
    )


def test_a_simulator_without_names_expects_a_file():
    with pytest.raises(UsageError, match=r"got 'seen.dat'; expected a .npy, .csv or .txt file$"):
        sbiwb.problem("cosmology.bao", observation="seen.dat")


def test_a_file_is_read_even_where_names_exist(tmp_path):
    path = tmp_path / "first.csv"
    path.write_text("7, 8\n")
    assert make_problem(Runs(), str(path)).observation.x.tolist() == [7.0, 8.0]


def test_a_recipe_names_them_too(tmp_path, monkeypatch):
    monkeypatch.setattr("sbiwb.registry.build_simulator", lambda _name, **_options: Runs())
    content = {
        "problems": {"a": {"simulator": "toy.runs", "observation": "second"}},
        "methods": ["npe"],
    }
    section = parse_recipe(content, folder=tmp_path).problems["a"]
    assert section.observation == "second"
    assert build_problem(section).observation.name == "second"
