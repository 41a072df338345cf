"""The check that the observation lies where simulations do."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.prior_predictive import check, prior_predictive
from sbiwb.errors import DataError
from sbiwb.testing.diagnostic import exact_result


def surface(n=1000, m=13, noise=0.01, seed=1):
    """Data of two parameters on a bent surface in m dimensions, spanning a decade, with noise."""
    rng = np.random.default_rng(seed)
    size, bend = np.exp(rng.uniform(0, 2.3, (n, 1))), rng.uniform(0.5, 2, (n, 1))
    mean = size * np.linspace(0.3, 2, m) ** bend
    return mean * (1 + noise * rng.standard_normal((n, m)))


def test_a_simulation_passes():
    data = surface()
    verdict = prior_predictive(data[0], data[1:])
    assert verdict.name == "prior_predictive"
    assert verdict.passed
    assert {"observed", "median", "low68", "high95"} <= set(verdict.curve)


def test_data_beyond_the_range_fail_and_the_entry_is_named():
    data = surface()
    names = [f"point {k}" for k in range(13)]
    verdict = prior_predictive(1000 * data[0], data[1:], names=names)
    assert verdict.outcome is Outcome.FAIL
    assert "lies outside what the simulator produces: 'point " in verdict.message
    assert "above the mean of simulated data" in verdict.message


def test_data_off_the_surface_fail_though_every_entry_is_in_range():
    data = surface()
    seen = np.median(data, axis=0)
    seen[6] *= 1.3
    verdict = prior_predictive(seen, data)
    assert verdict.outcome is Outcome.FAIL
    assert "entry 6 lies" in verdict.message
    assert "where its other entries put it" in verdict.message
    assert verdict.curve["tail"][6] > 0.3, "the entry by itself is not strange"


def test_a_hole_in_the_middle_is_outside():
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 2 * np.pi, 1000)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.02 * rng.standard_normal((1000, 2))
    verdict = prior_predictive(np.zeros(2), ring)
    assert verdict.outcome is Outcome.FAIL
    assert "no entry stands out alone" in verdict.message


def test_zeros_where_nothing_is_near_zero_fail():
    data = 5 + np.random.default_rng(1).standard_normal((500, 8)) * 0.5
    assert prior_predictive(np.zeros(8), data).outcome is Outcome.FAIL


def test_degenerate_data_cannot_be_told():
    data = surface(n=99)
    assert prior_predictive(1000 * data[0], data).outcome is Outcome.UNKNOWN
    assert prior_predictive(np.ones(3), np.ones((200, 3))).outcome is Outcome.UNKNOWN
    verdict = prior_predictive(np.full(3, 2.0), np.ones((200, 3)))
    assert verdict.outcome is Outcome.FAIL
    assert "entry 0 is 1 in all of them and 2 in it" in verdict.message


def test_copies_of_one_simulation_are_handled():
    data = np.repeat(surface(n=20), 20, axis=0)
    assert prior_predictive(data[0], data[1:]).passed
    assert prior_predictive(1000 * data[0], data).outcome is Outcome.FAIL


def test_mostly_empty_counts_are_handled():
    counts = np.random.default_rng(1).poisson(0.05, size=(500, 30))
    assert prior_predictive(counts[0], counts[1:]).passed
    assert prior_predictive(np.full(30, 3), counts).outcome is Outcome.FAIL


def test_wrong_shapes_and_nan_get_one_clear_line():
    data = surface()
    with pytest.raises(DataError, match="wrong shape"):
        prior_predictive(data[0, :5], data)
    with pytest.raises(DataError, match="NaN"):
        prior_predictive(np.full(13, np.nan), data)


def test_failed_simulations_are_told():
    data = surface()
    data[3:6] = np.nan
    assert "3 of 999 simulated data are not finite" in prior_predictive(data[0], data[1:]).message


def test_check_reads_the_training_group():
    result = exact_result(seed=2)
    (verdict,) = check(result)
    x = result.tree["training"]["x"].values
    assert verdict == prior_predictive(result.problem.observation.x, x)


def test_long_data_are_judged_in_seconds_of_one_core():
    # Measured 0.6 s on one core.
    rng = np.random.default_rng(1)
    data = rng.standard_normal((1000, 5)) @ rng.standard_normal((5, 3000))
    data += 0.1 * rng.standard_normal(data.shape)
    start = time.process_time()
    assert prior_predictive(data[0], data[1:]).outcome is not Outcome.FAIL
    assert time.process_time() - start < 10
