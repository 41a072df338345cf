"""Ranks of products of two parameters."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.correlations import check
from sbiwb.testing.diagnostic import exact_result

NAMES = ["a", "b", "c"]


def calibration(truth=0.0, drawn=0.0, n=300, draws=60, seed=11):
    """Posteriors around 10 x, correlated in the first two of three parameters."""
    rng = np.random.default_rng(seed)
    x = 10 * rng.standard_normal((n, 3))

    def gaussian(rho, *shape):
        z = rng.standard_normal((*shape, n, 3))
        z[..., 1] = rho * z[..., 0] + np.sqrt(1 - rho**2) * z[..., 1]
        return x + z

    return gaussian(truth), gaussian(drawn, draws)


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_right_correlations_pass(rho):
    verdict = sbiwb.correlations(*calibration(rho, rho), names=NAMES)
    assert verdict.passed
    curve = {name: np.array(column) for name, column in verdict.curve.items()}
    assert list(curve) == ["u", "difference", "low", "high"]
    assert np.all((curve["low"] <= curve["difference"]) & (curve["difference"] <= curve["high"]))


@pytest.mark.parametrize(("truth", "drawn"), [(0.8, 0.0), (0.0, 0.8), (0.5, -0.5)])
def test_wrong_ones_fail_and_are_told_where_ranks_of_parameters_see_nothing(truth, drawn):
    theta, samples = calibration(truth, drawn)
    verdict = sbiwb.correlations(theta, samples, names=NAMES)
    assert verdict.outcome is Outcome.FAIL
    assert "'a' and 'b' are correlated by" in verdict.message
    numbers = [float(w) for w in verdict.message.replace(",", "").split() if w[-1].isdigit()]
    # Standard error of a correlation of 300: 0.06.
    assert numbers[:2] == pytest.approx([truth, drawn], abs=0.2)
    assert all(v.p_value > 1e-3 for v in sbiwb.sbc(theta, samples))


def test_many_parameters_cost_fewer_draws(monkeypatch):
    monkeypatch.setattr("sbiwb.diagnostics.correlations._MOST", 1)
    verdict = sbiwb.correlations(*calibration(0.8), names=NAMES)
    assert verdict.outcome is Outcome.FAIL
    assert "of 50 draws" in sbiwb.correlations(*calibration(), names=NAMES).message


def test_what_cannot_be_told():
    theta, samples = calibration(0.8)
    assert sbiwb.correlations(theta[:, :1], samples[..., :1]).outcome is Outcome.UNKNOWN
    assert sbiwb.correlations(theta[:10], samples[:, :10]).outcome is Outcome.UNKNOWN
    assert sbiwb.correlations(theta, samples[:1]).outcome is Outcome.UNKNOWN
    assert sbiwb.correlations(theta, samples * np.nan).outcome is Outcome.FAIL
    assert not sbiwb.correlations(theta, np.broadcast_to(theta, samples.shape)).passed
    theta[:, 1] = samples[..., 1] = 3.0
    verdict = sbiwb.correlations(theta, samples, names=NAMES)
    assert verdict.outcome is Outcome.UNKNOWN
    assert "constant and left out: 'b'" in verdict.message
    counts = np.round(theta), np.round(samples)
    assert "ties with the truth" in sbiwb.correlations(*counts, names=NAMES).message


def test_check_reads_the_calibration_group():
    (verdict,) = check(exact_result(seed=2))
    assert verdict.name == "correlations"
    assert verdict.passed
