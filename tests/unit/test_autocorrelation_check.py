"""Chains judged by their autocorrelation: known times, planted faults, nothing passed unseen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.autocorrelation import autocorrelation, check
from sbiwb.errors import DataError
from sbiwb.testing.diagnostic import exact_result


def chains(memory, length=4000, seed=1):
    """Four chains x_t = memory x_{t−1} + noise, whose time is (1 + memory)/(1 − memory)."""
    noise = np.random.default_rng(seed).normal(size=(4, length + 200, 2))
    return lfilter([1.0], [1.0, -memory], noise, axis=1)[:, 200:]


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_the_time_is_that_of_its_formula(memory):
    verdict = autocorrelation(chains(memory), names=["a", "b"])
    time = (1 + memory) / (1 - memory)
    # Sokal 1996: relative error √(2 (2 M + 1)/n) with a window M of five times; four of them.
    error = np.sqrt(2 * (10 * time + 1) / (4 * 4000))
    assert verdict.curve["time"] == pytest.approx([time] * 2, rel=4 * error)
    assert verdict.passed


def test_long_memory_warns_and_then_fails():
    assert autocorrelation(chains(0.98)).outcome is Outcome.WARN  # 4000 draws, a time of 99
    assert autocorrelation(chains(0.999)).outcome is Outcome.FAIL


def test_chains_that_stay_apart_are_seen():
    stuck = chains(0.0)
    stuck[2:, :, 1] += 20.0
    verdict = autocorrelation(stuck, names=["a", "b"])
    assert verdict.outcome is Outcome.FAIL
    assert "'b'" in verdict.message


@pytest.mark.parametrize(
    "draws", [np.zeros((4, 500, 2)), np.full((4, 500, 2), np.nan), chains(0.0)[:, :10]]
)
def test_degenerate_chains_are_no_pass(draws):
    assert autocorrelation(draws).outcome is Outcome.UNKNOWN


def test_wrong_input_is_refused():
    with pytest.raises(DataError):
        autocorrelation(np.zeros((100, 2)))
    with pytest.raises(DataError):
        autocorrelation(chains(0.0), names=["a"])


def test_independent_draws_are_not_asked():
    assert check(exact_result(seed=1)) == []
