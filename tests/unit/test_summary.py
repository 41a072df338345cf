"""The table of a posterior's moments and intervals."""

from __future__ import annotations

import numpy as np
import pytest

from sbiwb.summary import summarise

NAMES = ("a", "b")
COLUMNS = ["mean", "sd", "median", "q16", "q84", "mcse", "ess", "rhat"]


def table(theta, *, independent=False, weights=None):
    return summarise(theta, NAMES, independent=independent, weights=weights)


def chains(n=1000, count=4):
    normal = np.random.default_rng(0).standard_normal((count, n, 2))
    return np.array([1.0, -5.0]) + np.array([2.0, 0.1]) * normal


def test_one_row_a_parameter():
    found = table(chains())
    assert list(found.index) == list(NAMES)
    assert list(found.columns) == COLUMNS
    # 4,000 draws: means to 1.6 % of a standard deviation, quantiles to 2.4 %, five errors allowed.
    for name, mean, sd in (("a", 1.0, 2.0), ("b", -5.0, 0.1)):
        row = found.loc[name]
        assert row["mean"] == pytest.approx(mean, abs=0.08 * sd)
        assert row["sd"] == pytest.approx(sd, rel=0.06)
        assert row["median"] == pytest.approx(mean, abs=0.12 * sd)
        assert row["q16"] == pytest.approx(mean - 0.994 * sd, abs=0.12 * sd)
        assert row["q84"] == pytest.approx(mean + 0.994 * sd, abs=0.12 * sd)
        assert row["ess"] == pytest.approx(4000, rel=0.3)
        assert row["mcse"] == pytest.approx(row["sd"] / np.sqrt(row["ess"]))
        assert row["rhat"] < 1.01


def test_correlated_chains_know_their_means_less_well():
    theta = np.repeat(chains(n=100), 10, axis=1)
    found = table(theta)
    assert np.all(found["ess"] < 800)
    assert np.all(found["mcse"] > 2 * found["sd"] / np.sqrt(4000))


def test_one_chain_has_no_rhat():
    found = table(chains(count=1))
    assert np.all(np.isnan(found["rhat"]))
    assert np.all(found["ess"] > 500)


def test_independent_draws_count_in_full():
    found = table(chains(count=1), independent=True)
    assert found["ess"].tolist() == [1000, 1000]
    assert np.all(np.isnan(found["rhat"]))


def test_weights_of_nested_sampling_are_heeded():
    found = table(chains(count=1), weights=250.0)
    assert found["ess"].tolist() == [250, 250]
    assert found["mcse"].to_numpy() == pytest.approx(found["sd"].to_numpy() / np.sqrt(250))


@pytest.mark.parametrize("theta", [np.ones((4, 100, 2)), np.ones((1, 1, 2)), chains(n=2, count=1)])
def test_degenerate_draws_give_a_table(theta):
    found = table(theta)
    assert found["mean"].to_numpy() == pytest.approx(theta.mean(axis=(0, 1)))
    assert np.all(np.isnan(found["rhat"]))
