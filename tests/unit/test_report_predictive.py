"""The figure of the predictive check: which rows of the data it shows, and what it calls them."""

from __future__ import annotations

import numpy as np
import pytest
from fabricated_results import gaussian_draws, toy_result

from sbiwb.comparison.groups import Group
from sbiwb.core.distributions import Uniform
from sbiwb.core.function import simulator
from sbiwb.core.observation import Observation
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.problem import make_problem
from sbiwb.core.simulator import Output
from sbiwb.diagnostics.predictive import predictive
from sbiwb.report.plots.predictive import predictive_plot
from sbiwb.testing import ContractError, check_simulator

PRIOR = Prior((Parameter("a", Uniform(-10, 10)),))


@pytest.fixture
def words(monkeypatch):
    """What is written along the axis of a figure."""

    def written(figure, _):
        axes = figure.axes[0]
        return [axes.get_xlabel(), *(label.get_text() for label in axes.get_xticklabels())]

    monkeypatch.setattr("sbiwb.report.plots.predictive.svg", written)


def axis(rows, mask, names=(), columns=60):
    """The axis of the figure for readings in a first row and, in a second, what `mask` draws."""
    rng = np.random.default_rng(1)
    x = np.stack([rng.standard_normal((301, columns)), mask(rng, (301, columns))], axis=1)
    built = simulator(
        lambda _: x[0],
        PRIOR,
        name="two_rows",
        output=Output((2, columns), rows=rows, names=names),
    )
    built.version = "1"
    problem = make_problem(built, Observation(x[0], "made", "up"))
    verdict = predictive(x[0], x[1:], names=built.output.entries or None)
    result = toy_result(theta=gaussian_draws(1)[:, :1], problem=problem, verdicts=(verdict,))
    return predictive_plot(Group("toy", {"exact+emcee": result}, ("exact+emcee",)))


def ones(rng, shape):
    return (rng.random(shape) < 0.9).astype(float)


@pytest.mark.usefixtures("words")
def test_rows_of_yes_and_no_are_left_out_and_named():
    text = axis(("voltage", "mask"), ones)
    assert "entry of voltage (without mask: yes or no)" in text
    assert "60" not in text


@pytest.mark.usefixtures("words")
def test_rows_of_numbers_stay():
    text = axis(("voltage", "current"), lambda rng, shape: rng.standard_normal(shape))
    assert "entry of voltage, current" in text
    assert "100" in text


@pytest.mark.usefixtures("words")
def test_data_without_names_of_rows_are_numbered():
    assert "entry of the data" in axis((), ones)


@pytest.mark.usefixtures("words")
def test_few_entries_are_named():
    text = axis(("U", "on"), ones, names=("first", "second"), columns=2)
    assert "U first" in text
    assert "on first" not in text


def test_entries_of_named_rows_have_names_in_messages():
    assert Output((2, 2), rows=("U", "I")).entries == ("U 0", "U 1", "I 0", "I 1")
    assert Output((2, 2)).entries == ()
    assert Output((2,), names=("a", "b")).entries == ("a", "b")


def test_a_wrong_number_of_rows_is_noticed():
    built = simulator(
        lambda _, rng: rng.standard_normal((2, 3)),
        PRIOR,
        name="rows",
        output=Output((2, 3), rows=("one",)),
    )
    with pytest.raises(ContractError, match="wrong number of rows; got 1"):
        check_simulator(built)
