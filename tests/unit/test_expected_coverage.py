"""Expected coverage of densest regions: words and degenerate input; rates are in statistical."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import sbiwb
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics._pooled import ellipsoid_distances, pools
from sbiwb.diagnostics.expected_coverage import check
from sbiwb.errors import DataError, UsageError
from sbiwb.testing.diagnostic import exact_result

SD = np.sqrt(0.5)


def calibration(width=1.0, n=300, draws=100, d=3, seed=4):
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((n, d))
    x = theta + rng.standard_normal((n, d))
    return theta, x / 2 + SD * width * rng.standard_normal((draws, n, d)), x


def densities(theta, samples, x):
    """Of the exact posterior, up to a constant."""
    return {
        "log_prob_theta": -np.sum((theta - x / 2) ** 2, axis=-1),
        "log_prob_samples": -np.sum((samples - x / 2) ** 2, axis=-1),
    }


@pytest.mark.parametrize("known", [True, False])
def test_an_exact_posterior_passes_with_its_curve_in_the_band(known):
    theta, samples, x = calibration()
    given = densities(theta, samples, x) if known else {}
    verdict = sbiwb.expected_coverage(theta, samples, **given)
    assert verdict.passed
    assert ("regions of highest density" in verdict.message) is known
    curve = {name: np.array(column) for name, column in verdict.curve.items()}
    assert list(curve) == ["alpha", "ecp", "low", "high"]
    assert np.all((curve["low"] <= curve["ecp"]) & (curve["ecp"] <= curve["high"]))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("width", "word"), [(0.7, "narrow"), (1.4, "wide")])
def test_a_wrong_width_fails_and_coverage_is_on_the_right_side(known, width, word):
    theta, samples, x = calibration(width)
    given = densities(theta, samples, x) if known else {}
    verdict = sbiwb.expected_coverage(theta, samples, **given)
    assert verdict.outcome is Outcome.FAIL
    assert f"too {word}" in verdict.message
    middle = len(verdict.curve["alpha"]) // 2
    assert (verdict.curve["ecp"][middle] < verdict.curve["alpha"][middle]) == (width < 1)


def test_the_curve_is_the_coverage_of_the_known_gaussian():
    # Draws too narrow by 0.7: a region of credibility alpha holds chi2(d) < 0.49 quantile.
    theta, samples, x = calibration(0.7, n=4000, draws=99)
    curve = sbiwb.expected_coverage(theta, samples, **densities(theta, samples, x)).curve
    expected = stats.chi2.cdf(0.49 * stats.chi2.ppf(curve["alpha"], 3), 3)
    # Four standard errors of a share of 4,000, and half a rank of 99 draws.
    np.testing.assert_allclose(curve["ecp"], expected, atol=4 * 0.5 / np.sqrt(4000) + 0.005)


def test_densities_of_the_prior_of_a_sharp_model_are_caught():
    theta, _, x = calibration(n=500)
    samples = np.random.default_rng(1).standard_normal((100, 500, 3))
    given = densities(theta, samples, x)
    verdict = sbiwb.expected_coverage(theta, samples, **given)
    assert verdict.outcome is Outcome.FAIL
    assert "hold the truth in" in verdict.message


def test_fewer_densities_than_draws_are_taken_as_those_of_the_first():
    theta, samples, x = calibration(0.7)
    given = densities(theta, samples, x)
    given["log_prob_samples"] = given["log_prob_samples"][:30]
    assert sbiwb.expected_coverage(theta, samples, **given).outcome is Outcome.FAIL
    given["log_prob_samples"] = given["log_prob_samples"][:10]
    with pytest.raises(DataError, match="of the first 20 draws or more"):
        sbiwb.expected_coverage(theta, samples, **given)
    with pytest.raises(UsageError, match="or not at all"):
        sbiwb.expected_coverage(theta, samples, log_prob_theta=given["log_prob_theta"])


@pytest.mark.parametrize(("d", "draws"), [(1, 20), (3, 100), (50, 30)])
def test_truth_and_draws_enter_ellipsoids_alike(d, draws):
    rng = np.random.default_rng(1)
    theta, samples = rng.standard_normal((40, d)), rng.standard_normal((draws, 40, d))
    truth, of_draws = ellipsoid_distances(theta, samples)
    # Swapping the truth with a draw swaps their distances and changes no other.
    swapped = samples.copy()
    swapped[7] = theta
    again, of_swapped = ellipsoid_distances(samples[7], swapped)
    np.testing.assert_allclose(again, of_draws[7], rtol=1e-9)
    np.testing.assert_allclose(of_swapped[7], truth, rtol=1e-9)
    np.testing.assert_allclose(np.delete(of_swapped, 7, 0), np.delete(of_draws, 7, 0), rtol=1e-9)


def test_pools_are_standardised_whatever_their_units():
    theta, samples, _ = calibration(n=60)
    (which, z), *_ = pools(theta * 1e-21 + 1.0, samples * 1e-21 + 1.0)
    assert np.all(np.isfinite(z))
    (_, z), *_ = pools(theta * 2.0**-70, samples * 2.0**-70)
    np.testing.assert_allclose(z.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=1), 1, rtol=1e-9)
    assert (which.start, z.shape) == (0, (60, 101, 3))


def test_degenerate_sets_are_never_passed():
    theta, samples, _ = calibration()
    for few in ({"n": 10}, {"draws": 1}):
        assert sbiwb.expected_coverage(*calibration(**few)[:2]).outcome is Outcome.UNKNOWN
    assert sbiwb.expected_coverage(theta, samples * np.nan).outcome is Outcome.FAIL
    flat = sbiwb.expected_coverage(np.zeros_like(theta), np.zeros_like(samples))
    assert flat.outcome is Outcome.UNKNOWN
    copies = np.broadcast_to(theta, samples.shape)
    assert not sbiwb.expected_coverage(theta, copies).passed
    tied = sbiwb.expected_coverage(
        theta, samples, log_prob_theta=np.zeros(300), log_prob_samples=np.zeros((100, 300))
    )
    assert tied.outcome is Outcome.UNKNOWN
    assert "ties with the truth" in tied.message


def test_check_uses_the_recorded_densities():
    result = exact_result(seed=2)
    (verdict,) = check(result)
    assert "regions of highest density" in verdict.message
