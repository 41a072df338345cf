"""A problem joins a simulator, its prior and an observation, and refuses what does not fit."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sbiwb
from sbiwb import Observation, Parameter, Prior, Problem, Uniform
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.problem import make_problem
from sbiwb.errors import DataError, UsageError

PRIOR = Prior((Parameter("a", Uniform(0.0, 1.0)), Parameter("b", Uniform(2.0, 3.0))))


def add(theta, rng):
    return theta + rng.random(2)


SIMULATOR = sbiwb.simulator(add, PRIOR)


def test_an_array_becomes_an_observation():
    problem = make_problem(SIMULATOR, [1, 3])
    assert isinstance(problem, Problem)
    assert problem.observation.x.dtype == np.float64
    assert (problem.name, problem.prior) == ("add", PRIOR)


def test_an_observation_keeps_its_name_and_gets_float64():
    given = Observation([1, 3], name="run 7", source="run7.csv")
    problem = make_problem(SIMULATOR, given)
    assert problem.observation.x.dtype == np.float64
    assert (problem.observation.name, problem.observation.source) == ("run 7", "run7.csv")


def test_fixed_parameters_leave_the_prior():
    problem = make_problem(SIMULATOR, [1.0, 3.0], fixed={"a": 0.5})
    assert isinstance(problem.simulator, FixedSimulator)
    assert problem.prior.names == ("b",)


def test_nothing_fixed_leaves_the_simulator():
    assert make_problem(SIMULATOR, [1.0, 3.0], fixed={}).simulator is SIMULATOR


def test_the_description_is_plain_json_and_tells_problems_apart():
    problems = [
        make_problem(SIMULATOR, [1.0, 3.0]),
        make_problem(SIMULATOR, [1.0, 3.1]),
        make_problem(SIMULATOR, [1.0, 3.0], fixed={"a": 0.5}),
        make_problem(SIMULATOR, [1.0, 3.0], fixed={"a": 0.6}),
        make_problem(sbiwb.simulator(add, PRIOR, name="sum"), [1.0, 3.0]),
        make_problem(sbiwb.simulator(add, Prior(PRIOR.parameters[::-1])), [1.0, 3.0]),
    ]
    texts = [json.dumps(problem.describe(), sort_keys=True) for problem in problems]
    assert len(set(texts)) == len(problems)
    for problem, text in zip(problems, texts, strict=True):
        assert json.loads(text) == problem.describe()


def test_a_simulator_without_data_needs_an_observation():
    with pytest.raises(UsageError, match="'add' ships no data; pass observation=<array>"):
        make_problem(SIMULATOR)


@pytest.mark.parametrize("observation", [[1.0], [1.0, np.nan], Observation(np.zeros(3))])
def test_bad_observations_are_refused(observation):
    with pytest.raises(DataError, match="the observation has"):
        make_problem(SIMULATOR, observation)


def test_bad_fixed_names_are_refused():
    with pytest.raises(UsageError, match="unknown parameter to fix; got 'A'"):
        make_problem(SIMULATOR, [1.0, 3.0], fixed={"A": 0.5})


def test_functions_are_not_simulators():
    with pytest.raises(UsageError, match=r"not a simulator; got function.*sbiwb\.simulator"):
        make_problem(add, [1.0, 3.0])
