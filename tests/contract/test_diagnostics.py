"""Every registered diagnostic keeps its contract, and every clause catches one that breaks it."""

from __future__ import annotations

import math
import random
from types import ModuleType

import numpy as np
import pytest

from sbiwb import Verdict, registry
from sbiwb.core.verdict import Outcome
from sbiwb.testing import ContractError, check_diagnostic
from sbiwb.testing.diagnostic import exact_result


def spread(result):
    """A sound diagnostic: the standard deviation of the first parameter, if it can be had."""
    draws = result.posterior["a"].values
    if draws.size < 100 or draws.std() == 0 or "calibration" not in result.tree.children:
        return [Verdict("spread", Outcome.UNKNOWN, "cannot tell: too few draws")]
    if not np.isfinite(result.tree["calibration"]["samples"].values).all():
        return [Verdict("spread", Outcome.UNKNOWN, "cannot tell: no calibration")]
    curve = {"u": [0.0, 1.0], "low": [0.0, 0.5]}
    return [Verdict("spread", Outcome.PASS, "wide enough", draws.std(), 0.1, 0.5, curve)]


def saying(**changes):
    """`spread`, with its verdict on a whole result changed."""

    def check(result):
        (verdict,) = spread(result)
        if not verdict.passed:
            return [verdict]
        return [Verdict(**{**verdict.to_dict(), **changes})]

    return check


def changing(result):
    result.tree.attrs["seen"] = 1
    return spread(result)


def changing_numbers(result):
    result.tree["posterior"]["a"].values[0, 0] = 0.0
    return spread(result)


def remembering():
    calls = []

    def check(result):
        calls.append(result)
        return saying(statistic=float(len(calls)))(result)

    return check


def drawing(generator):
    def check(result):
        generator()
        return spread(result)

    return check


def raising(result):
    raise KeyError("calibration")


def raising_unchecked(result):
    result.tree["calibration"]
    return spread(result)


def passing(result):
    return [Verdict("spread", Outcome.PASS, "fine")]


def passing_if(condition):
    """`spread`, but a pass wherever the condition holds for the calibration draws, if any."""

    def check(result):
        group = result.tree.children.get("calibration")
        return (passing if group and condition(group["samples"].values) else spread)(result)

    return check


FAULTS = {
    "is neither a name, a module nor a function": lambda: 3,
    "diagnostic 'mine': has no function check(result)": lambda: ModuleType("theirs.mine"),
    "check raised KeyError": lambda: raising,
    "check raised": lambda: raising_unchecked,
    "check changed the result": lambda: changing,
    "changed the result": lambda: changing_numbers,
    "global random state; got numpy.random": lambda: drawing(np.random.random),
    "global random state; got random": lambda: drawing(random.random),
    "does not return a list of verdicts; got NoneType": lambda: lambda _: None,
    "does not return a list of verdicts": lambda: lambda _: ["fine"],
    "two verdicts have one name": lambda: lambda result: spread(result) * 2,
    "has no name": lambda: saying(name=" "),
    "has no message": lambda: saying(message=""),
    "the message is longer than a line": lambda: saying(message="a\nb"),
    "statistic is not finite": lambda: saying(statistic=math.nan),
    "threshold is not finite": lambda: saying(threshold=math.inf),
    "p_value is not a probability; got 1.5": lambda: saying(p_value=1.5),
    "columns differ in length": lambda: saying(curve={"u": [0.0, 1.0], "low": [0.0]}),
    "the curve is not finite": lambda: saying(curve={"u": [0.0, math.nan]}),
    "the same result gives other verdicts": remembering,
    "passes a result of one draw and ten simulations": lambda: passing,
    "passes a result of NaN": lambda: passing_if(lambda draws: np.isnan(draws).any()),
    "passes a result in which nothing varies": lambda: passing_if(lambda draws: np.all(draws == 0)),
}


@pytest.mark.parametrize("clause", FAULTS)
def test_a_broken_clause_is_caught_and_named(clause):
    with pytest.raises(ContractError) as caught:
        check_diagnostic(FAULTS[clause]())
    assert clause in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sound_diagnostic_passes_as_a_function_and_as_a_module():
    check_diagnostic(spread)
    module = ModuleType("theirs.spread")
    module.check = spread
    check_diagnostic(module, seed=3)


@pytest.mark.parametrize("name", registry.names("diagnostics"))
def test_every_registered_diagnostic_keeps_the_contract(name):
    check_diagnostic(name)


def test_the_first_checks_are_registered_and_judge_a_whole_result():
    result = exact_result(seed=3)
    for name in ("tarp", "sbc", "predictive", "prior_predictive"):
        verdicts = registry.diagnostic(name)(result)
        assert verdicts
        assert all(verdict.passed for verdict in verdicts)
        assert all(verdict.name.partition("[")[0] == name for verdict in verdicts)
