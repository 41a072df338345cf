"""TARP: shapes, words and degenerate input; its error rates are in tests/statistical."""

from __future__ import annotations

import time

import numpy as np
import pytest

import sbiwb
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.tarp import check
from sbiwb.errors import DataError, UsageError
from sbiwb.testing.diagnostic import exact_result

SD = np.sqrt(0.5)


def calibration(width=1.0, shift=0.0, n=300, draws=100, d=2, seed=1):
    """Theta ~ N(0, 1), x = theta + N(0, 1); draws from the posterior N(x / 2, 1 / 2), misfitted."""
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((n, d))
    x = theta + rng.standard_normal((n, d))
    samples = x / 2 + SD * (width * rng.standard_normal((draws, n, d)) + shift)
    return theta, samples, x


def test_an_exact_posterior_passes_with_its_curve_in_the_band():
    verdict = sbiwb.tarp(*calibration())
    assert verdict.name == "tarp"
    assert verdict.passed
    assert verdict.statistic < verdict.threshold
    alpha, ecp, low, high = (np.array(verdict.curve[k]) for k in ("alpha", "ecp", "low", "high"))
    assert alpha[0] == ecp[0] == 0
    assert alpha[-1] == ecp[-1] == 1
    assert np.all(np.diff(alpha) > 0)
    assert np.all(np.diff(ecp) >= 0)
    assert np.all((low <= ecp) & (ecp <= high))
    assert np.all((low <= alpha) & (alpha <= high))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"width": 0.6}, "too narrow: true values of 'theta_"),
        ({"width": 1.6}, "too wide: true values of 'theta_"),
        ({"shift": 0.5}, "biased: the true 'theta_"),
        ({"shift": 0.5}, "below the mean of the draws"),
        ({"shift": -0.5}, "above the mean of the draws"),
        ({"width": 0.0}, "no width"),
    ],
)
def test_a_failure_says_what_is_wrong(fault, words):
    verdict = sbiwb.tarp(*calibration(**fault))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.statistic > verdict.threshold
    assert words in verdict.message


def test_the_size_of_a_fault_is_told():
    message = sbiwb.tarp(*calibration(width=0.5, n=2000)).message
    factor = float(message.partition("scatter ")[2].split()[0])
    assert factor == pytest.approx(2.0, rel=0.1)


def test_the_parameter_at_fault_is_named():
    theta, samples, x = calibration()
    samples[..., 1] += 0.5
    assert "'tilt'" in sbiwb.tarp(theta, samples, x, names=["height", "tilt"]).message


def test_the_prior_is_caught_only_with_x_and_a_pass_without_it_says_so():
    theta, _, x = calibration()
    prior = np.random.default_rng(2).standard_normal((100, *theta.shape))
    verdict = sbiwb.tarp(theta, prior, x)
    assert verdict.outcome is Outcome.FAIL
    assert "neglects data" in verdict.message
    blind = sbiwb.tarp(theta, prior)
    assert blind.passed
    assert "without x, a posterior that ignores the data would pass too" in blind.message


def test_wrong_correlations_are_not_called_neglect_of_data():
    theta, samples, x = calibration(n=500)
    rng = np.random.default_rng(3)
    turned = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], size=len(theta))
    verdict = sbiwb.tarp(x / 2 + SD * turned, samples, x)
    assert verdict.outcome is Outcome.FAIL
    assert "wrong shape" in verdict.message


def test_the_result_depends_on_the_seed_and_on_nothing_else():
    arrays = calibration()
    copies = [a.copy() for a in arrays]
    first, again = sbiwb.tarp(*arrays, seed=5), sbiwb.tarp(*arrays, seed=5)
    assert first == again
    assert sbiwb.tarp(*arrays, seed=6).p_value != first.p_value
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_units_do_not_matter():
    theta, samples, x = calibration(width=0.85)
    # Powers of two scale without rounding, so that nothing at all may change.
    units = np.array([2.0**-70, 2.0**40])
    scaled = sbiwb.tarp(theta * units, samples * units, x * 2.0**-70)
    assert scaled.p_value == sbiwb.tarp(theta, samples, x).p_value


def test_data_of_any_shape_and_type_are_taken():
    theta, samples, x = calibration()
    image = np.repeat(x[:, :, np.newaxis], 3, axis=2)
    assert sbiwb.tarp(theta.tolist(), samples.astype(np.float32), image).passed
    assert sbiwb.tarp(theta, samples, np.zeros(len(theta))).passed
    assert sbiwb.tarp(theta[:, :1], samples[..., :1], x[:, 0]).passed


def test_given_references_and_named_rules():
    theta, samples, x = calibration(shift=0.5)
    side = np.tile([50.0, 50.0], (len(theta), 1))
    verdict = sbiwb.tarp(theta, samples, references=side)
    assert verdict.outcome is Outcome.FAIL
    assert sbiwb.tarp(theta, samples, x, references="far").outcome is Outcome.FAIL
    assert sbiwb.tarp(theta, samples, x, references="predicted").outcome is not Outcome.FAIL
    assert sbiwb.tarp(theta, samples, references="random").p_value > verdict.p_value


def test_references_are_standardised_with_the_samples():
    theta, samples, _ = calibration()
    points = np.random.default_rng(4).standard_normal(theta.shape)
    verdict = sbiwb.tarp(theta, samples, references=points)
    moved = sbiwb.tarp(theta * 8 + 4, samples * 8 + 4, references=points * 8 + 4)
    np.testing.assert_allclose(moved.curve["ecp"], verdict.curve["ecp"], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples": np.zeros((300, 100, 2))}, r"pass samples.transpose\(1, 0, 2\)"),
        ({"samples": np.zeros((100, 300, 3))}, "samples have the wrong shape"),
        ({"theta": np.zeros(300)}, "theta has the wrong shape"),
        ({"theta": np.full((300, 2), "a")}, "theta must be real numbers"),
        ({"samples": np.zeros((100, 300, 2), dtype=complex)}, "samples must be real numbers"),
        ({"x": np.zeros((299, 2))}, "x has the wrong shape"),
        ({"names": ["a"]}, "expected 2 different names"),
        ({"names": ["a", "a"]}, "expected 2 different names"),
        ({"references": np.zeros((300, 3))}, "references have the wrong shape"),
        ({"references": np.full((300, 2), np.nan)}, "references are not finite"),
    ],
)
def test_wrong_arrays_get_one_clear_line(change, words):
    theta, samples, x = calibration()
    given = {"theta": theta, "samples": samples, "x": x, **change}
    with pytest.raises(DataError, match=words) as caught:
        sbiwb.tarp(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"warn": 0.01, "fail": 0.05}, "0 < fail ≤ warn < 1"),
        ({"fail": 0.0}, "0 < fail ≤ warn < 1"),
        ({"seed": -1}, "bad seed"),
        ({"references": "randon"}, "did you mean 'random'"),
        ({"references": "predicted", "x": None}, "pass x="),
    ],
)
def test_wrong_options_get_one_clear_line(change, words):
    theta, samples, x = calibration()
    with pytest.raises(UsageError, match=words):
        sbiwb.tarp(**{"theta": theta, "samples": samples, "x": x, **change})


def test_too_few_simulations_or_draws_cannot_tell_even_of_a_bad_posterior():
    for few in ({"n": 10}, {"draws": 1}, {"n": 49}, {"draws": 19}):
        verdict = sbiwb.tarp(*calibration(width=0.1, **few))
        assert verdict.outcome is Outcome.UNKNOWN
        assert "needs at least 50 simulations with 20 draws" in verdict.message
    assert sbiwb.tarp(np.zeros((0, 2)), np.zeros((0, 0, 2))).outcome is Outcome.UNKNOWN


def test_draws_that_are_not_finite_are_told_and_never_passed():
    theta, samples, x = calibration()
    samples[3, :5, 0] = np.nan
    samples[4, 4:7, 1] = np.inf
    verdict = sbiwb.tarp(theta, samples, x)
    assert verdict.outcome is Outcome.WARN
    assert "the draws of 7 of 300 simulations are not finite and were left out" in verdict.message
    samples[0, :40, 0] = np.nan
    assert sbiwb.tarp(theta, samples, x).outcome is Outcome.FAIL
    assert sbiwb.tarp(theta, samples * np.nan, x).outcome is Outcome.FAIL


def test_failed_simulations_are_left_out_and_told():
    theta, samples, x = calibration()
    x[:10] = np.nan
    theta[9:12, 0] = np.nan
    verdict = sbiwb.tarp(theta, samples, x)
    assert verdict.passed
    assert "12 of 300 simulations are not finite and were left out" in verdict.message
    x[:40] = np.nan
    assert sbiwb.tarp(theta, samples, x).outcome is Outcome.UNKNOWN


def test_given_references_follow_the_simulations_that_are_left():
    theta, samples, _ = calibration()
    points = np.random.default_rng(4).standard_normal((300, 2))
    whole = sbiwb.tarp(theta[20:], samples[:, 20:], references=points[20:])
    theta[:20] = np.nan
    assert sbiwb.tarp(theta, samples, references=points).curve == whole.curve


def test_a_constant_parameter_is_left_out_named_and_not_passed():
    theta, samples, x = calibration()
    theta[:, 1] = samples[..., 1] = 0.3
    verdict = sbiwb.tarp(theta, samples, x, names=["a", "b"])
    assert verdict.outcome is Outcome.UNKNOWN
    assert "constant and left out: 'b'" in verdict.message
    theta[:, 0] = 1.0
    verdict = sbiwb.tarp(theta, samples, x)
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.p_value is None


def test_ties_are_not_passed():
    theta, samples, x = calibration()
    verdict = sbiwb.tarp(theta, np.broadcast_to(theta, samples.shape), x)
    assert verdict.outcome in (Outcome.UNKNOWN, Outcome.FAIL)
    rng = np.random.default_rng(1)
    rate = rng.gamma(2.0, size=(300, 1))
    count, draws = rng.poisson(rate), rng.poisson(rate, size=(100, 300, 1))
    verdict = sbiwb.tarp(count, draws)
    assert verdict.outcome is Outcome.UNKNOWN
    assert "a draw equals the truth" in verdict.message
    assert sbiwb.tarp(count, draws + 1).outcome is Outcome.FAIL


def test_copies_of_one_draw_fail():
    theta, samples, x = calibration()
    copies = np.broadcast_to(samples[:1], samples.shape)
    assert sbiwb.tarp(theta, copies, x).outcome is Outcome.FAIL


def test_check_reads_the_calibration_group():
    result = exact_result(seed=2)
    (verdict,) = check(result)
    group = result.tree["calibration"]
    expected = sbiwb.tarp(
        group["theta"].values, group["samples"].values, group["x"].values, seed=2, names=["a", "b"]
    )
    assert verdict == expected


def test_check_says_nothing_of_a_result_without_the_group():
    result = exact_result(seed=2)
    posterior = {"posterior": result.tree["posterior"].to_dataset()}
    bare = type(result)(type(result.tree).from_dict(posterior))
    assert check(bare) == []


def test_large_calibration_sets_are_judged_in_seconds_of_one_core():
    # Measured 0.4 s for TARP and SBC together on one core, less than the 2 s that were asked for.
    theta, samples, x = calibration(n=1000, draws=1000, d=10)
    start = time.process_time()
    verdicts = [sbiwb.tarp(theta, samples, x), *sbiwb.sbc(theta, samples)]
    assert time.process_time() - start < 2
    assert len(verdicts) == 11
