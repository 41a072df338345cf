"""Power scaling: as ArviZ, and the conflicts it must see."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr

import sbiwb
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.sensitivity import check, sensitivity
from sbiwb.errors import DataError
from sbiwb.testing.diagnostic import exact_result

N = 2000


def normal(prior_mean, prior_sd, seen=5.0, seed=1):
    """Exact draws under a normal prior and a reading with unit noise; their log densities."""
    variance = 1 / (1 / prior_sd**2 + 1)
    mean = variance * (prior_mean / prior_sd**2 + seen)
    a = mean + np.sqrt(variance) * np.random.default_rng(seed).normal(size=N)
    return a[:, np.newaxis], -0.5 * ((a - prior_mean) / prior_sd) ** 2, -0.5 * (a - seen) ** 2


def test_numbers_are_those_of_arviz():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it imports
        from arviz_stats import psense

    draws, prior, likelihood = normal(0.0, 1.0)
    groups = {"posterior": draws[:, 0], "log_prior": prior, "log_likelihood": likelihood}
    coords = {"chain": [0], "draw": np.arange(N)}
    tree = xr.DataTree.from_dict(
        {g: xr.Dataset({"a": (("chain", "draw"), v[None])}, coords) for g, v in groups.items()}
    )
    verdict = sensitivity(draws, prior, likelihood)
    for column in ("prior", "likelihood"):
        expected = float(psense(tree, group=column)["a"])
        assert verdict.curve[column][0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("mean", "sd", "outcome", "text"),
    [
        (0.0, 10.0, Outcome.PASS, "hardly matters"),
        (0.0, 1.0, Outcome.WARN, "contradict each other"),
        (0.0, 0.05, Outcome.WARN, ""),
    ],
)
def test_conflicts_are_seen(mean, sd, outcome, text):
    verdict = sensitivity(*normal(mean, sd), names=["a"])
    assert verdict.outcome is outcome
    assert text in verdict.message


def test_a_prior_that_decides_alone_is_seen():
    rng = np.random.default_rng(2)
    a = rng.normal(size=N)
    verdict = sensitivity(a[:, np.newaxis], -0.5 * a**2, 1e-3 * a, names=["a"])
    assert verdict.outcome is Outcome.WARN
    assert verdict.message.startswith("the prior decides on 'a'")


def test_a_flat_prior_passes():
    draws, _, likelihood = normal(0.0, 1e6)
    verdict = sensitivity(draws, np.full(N, -3.0), likelihood)
    assert verdict.passed
    assert "flat" in verdict.message


@pytest.mark.parametrize(
    ("draws", "prior"),
    [
        (np.zeros((N, 1)), np.zeros(N)),
        (np.full((N, 1), np.nan), np.zeros(N)),
        (np.ones((10, 1)), np.zeros(10)),
        (np.random.default_rng(3).normal(size=(N, 1)), np.full(N, -np.inf)),
    ],
)
def test_degenerate_input_is_no_pass(draws, prior):
    assert sensitivity(draws, prior, np.zeros(len(draws))).outcome is Outcome.UNKNOWN


def test_draws_that_repeat_are_no_pass():
    """A posterior of three points, as a grid or few weights leave it, has no tail to smooth."""
    points = np.repeat([0.0, 0.1, 0.2], 300)
    verdict = sensitivity(points[:, np.newaxis], -0.5 * points**2, -50 * (points - 0.1) ** 2)
    assert verdict.outcome is Outcome.UNKNOWN
    assert "3 distinct draws are too few" in verdict.message


def test_wrong_shapes_are_refused():
    with pytest.raises(DataError):
        sensitivity(np.zeros((N, 1)), np.zeros(5), np.zeros(N))
    with pytest.raises(DataError):
        sensitivity(np.zeros((N, 1)), np.zeros(N), np.zeros(N), names=["a", "b"])


def test_results_are_judged_where_draws_have_a_density():
    (verdict,) = check(exact_result(seed=1))
    # A prior of unit width at 0 and readings at 0.4 and −0.3: no contradiction.
    assert verdict.outcome in (Outcome.PASS, Outcome.WARN)
    assert verdict.statistic < 0.1
    assert check(sbiwb.Result(exact_result(seed=1).tree)) == []
