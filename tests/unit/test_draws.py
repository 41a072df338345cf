"""Draws, their cost, and the options that methods take."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from sbiwb.core.draws import Cost, Draws
from sbiwb.core.options import Options
from sbiwb.errors import InferenceError


def test_flat_joins_the_chains_in_order():
    theta = np.arange(12.0).reshape(2, 3, 2)
    assert np.array_equal(Draws(theta).flat, theta.reshape(6, 2))


@pytest.mark.parametrize("shape", [(3,), (3, 2), (1, 2, 3, 4)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(InferenceError, match="wrong shape"):
        Draws(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_draws_that_are_not_finite_are_refused(bad):
    theta = np.zeros((1, 4, 2))
    theta[0, 2, 1] = bad
    with pytest.raises(InferenceError, match="not finite"):
        Draws(theta)


def test_costs_add_up():
    total = Cost(10, 5, 1.5) + Cost(likelihood_calls=3, seconds=0.5)
    assert total == Cost(10, 8, 2.0)


def test_with_cost_changes_nothing_else():
    draws = Draws(np.zeros((1, 4, 2)), log_evidence=-1.0, stats={"acceptance": 0.3})
    costly = draws.with_cost(Cost(seconds=2.0))
    assert costly.cost == Cost(seconds=2.0)
    assert costly.theta is draws.theta
    assert (costly.log_evidence, costly.stats) == (-1.0, {"acceptance": 0.3})
    assert draws.cost == Cost()


def test_options_refuse_unknown_names_and_changes():
    class MyOptions(Options):
        walkers: int = 8

    assert MyOptions(walkers=16).walkers == 16
    with pytest.raises(ValidationError, match="walker"):
        MyOptions(walker=16)
    with pytest.raises(ValidationError, match="walkers"):
        MyOptions(walkers="many")
    with pytest.raises(ValidationError, match="frozen"):
        MyOptions().walkers = 4
