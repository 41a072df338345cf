"""Simulation-based calibration, and the ranks and bands it shares with TARP."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

import sbiwb
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics._bands import _inside_probability, band_p_value, simultaneous_band
from sbiwb.diagnostics._loss import lost_and_kept
from sbiwb.diagnostics._ranks import rank, smooth_p_value
from sbiwb.diagnostics.sbc import _holm, check
from sbiwb.errors import DataError, UsageError
from sbiwb.testing.diagnostic import exact_result

SD = np.sqrt(0.5)


def calibration(width=1.0, shift=0.0, n=300, draws=100, d=2, seed=3):
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((n, d))
    x = theta + rng.standard_normal((n, d))
    samples = x / 2 + SD * (width * rng.standard_normal((draws, n, d)) + shift)
    return theta, samples, x


def log_density(theta, x):
    """Of the exact posterior, up to a constant."""
    return -np.sum((theta - x / 2) ** 2, axis=-1)


def test_an_exact_posterior_passes_with_its_curves_in_the_band():
    theta, samples, _ = calibration()
    verdicts = sbiwb.sbc(theta, samples, names=["a", "b"])
    assert [v.name for v in verdicts] == ["sbc[a]", "sbc[b]"]
    for verdict in verdicts:
        assert verdict.passed
        curve = {name: np.array(column) for name, column in verdict.curve.items()}
        assert list(curve) == ["u", "difference", "low", "high"]
        assert np.all(
            (curve["low"] <= curve["difference"]) & (curve["difference"] <= curve["high"])
        )
        assert curve["difference"][0] == curve["difference"][-1] == 0


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"width": 0.6}, "too narrow: true values of 'theta_1'"),
        ({"width": 1.6}, "too wide: true values of 'theta_1'"),
        ({"shift": 0.5}, "biased: the true 'theta_1' lies on average"),
    ],
)
def test_only_the_parameter_at_fault_fails_and_the_message_says_how(fault, words):
    theta, samples, _ = calibration()
    samples[..., 1] = calibration(**fault)[1][..., 1]
    good, bad = sbiwb.sbc(theta, samples)
    assert good.passed
    assert bad.outcome is Outcome.FAIL
    assert words in bad.message


def test_a_wrong_shape_is_called_that():
    theta, samples, x = calibration(n=2000)
    # Uniform draws of the right mean and variance.
    flat = np.random.default_rng(3).uniform(-np.sqrt(3), np.sqrt(3), size=samples.shape)
    verdict = sbiwb.sbc(theta, x / 2 + SD * flat)[0]
    assert verdict.outcome is Outcome.FAIL
    assert "wrong shape" in verdict.message


def test_the_log_density_sees_a_posterior_that_is_the_prior():
    theta, _, x = calibration()
    prior = np.random.default_rng(2).standard_normal((100, *theta.shape))
    blind = sbiwb.sbc(theta, prior)
    assert all(v.passed for v in blind)
    given = {"log_prob_theta": log_density(theta, x), "log_prob_samples": log_density(prior, x)}
    *parameters, density = sbiwb.sbc(theta, prior, **given)
    assert all(v.passed for v in parameters)
    assert density.name == "sbc[log_prob]"
    assert density.outcome is Outcome.FAIL
    assert "too wide or neglects data" in density.message


def test_the_log_density_sees_overconfidence():
    theta, samples, x = calibration(width=0.6)
    given = {"log_prob_theta": log_density(theta, x), "log_prob_samples": log_density(samples, x)}
    verdict = sbiwb.sbc(theta, samples, **given)[-1]
    assert verdict.outcome is Outcome.FAIL
    assert "overconfident" in verdict.message
    exact = calibration()[1]
    given = {"log_prob_theta": log_density(theta, x), "log_prob_samples": log_density(exact, x)}
    assert sbiwb.sbc(theta, exact, **given)[-1].passed


def log_likelihoods(theta, samples, x):
    return {
        "log_likelihood_theta": -0.5 * np.sum((x - theta) ** 2, axis=-1),
        "log_likelihood_samples": -0.5 * np.sum((x - samples) ** 2, axis=-1),
    }


def test_a_posterior_that_knows_a_part_of_the_data_is_warned_of_by_the_likelihood_alone():
    theta, _, x = calibration(n=1000)
    # x with more noise than it has: calibrated given what it sees, of which it keeps two thirds.
    rng = np.random.default_rng(2)
    seen = x + np.sqrt(0.8) * rng.standard_normal(x.shape)
    samples = seen / 2.8 + np.sqrt(1.8 / 2.8) * rng.standard_normal((100, *theta.shape))
    *parameters, likelihood = sbiwb.sbc(theta, samples, **log_likelihoods(theta, samples, x))
    assert all(v.passed for v in parameters)
    assert likelihood.name == "sbc[log_likelihood]"
    assert likelihood.outcome is Outcome.WARN
    assert likelihood.p_value < 0.01
    assert "loses information" in likelihood.message
    (corrected,) = [
        v
        for v in sbiwb.check_draws(theta, samples, **log_likelihoods(theta, samples, x))
        if v.name == likelihood.name
    ]
    assert corrected.outcome is Outcome.WARN


def test_a_posterior_that_is_the_prior_or_loses_most_fails_by_the_likelihood_alone():
    theta, _, x = calibration(n=400)
    rng = np.random.default_rng(6)
    prior = rng.standard_normal((100, *theta.shape))
    # Noise of four times the variance: of 0.35 nats a parameter, 0.11 are kept.
    seen = x + np.sqrt(3) * rng.standard_normal(x.shape)
    most = seen / 5 + np.sqrt(0.8) * rng.standard_normal((100, *theta.shape))
    for samples in (prior, most):
        *parameters, likelihood = sbiwb.sbc(theta, samples, **log_likelihoods(theta, samples, x))
        assert all(v.passed for v in parameters)
        assert likelihood.outcome is Outcome.FAIL
        assert "loses more information than it keeps" in likelihood.message


@pytest.mark.parametrize("d", [1, 3])
def test_information_lost_and_kept_is_that_of_gaussians(d):
    # Noise of a tenth of the prior's width; posteriors k times as wide as they should be.
    rng = np.random.default_rng(4)
    theta = rng.standard_normal((4000, d))
    x, k = theta + 0.1 * rng.standard_normal(theta.shape), 1.3
    sd = 0.1 / np.sqrt(1.01)
    samples = x / 1.01 + k * sd * rng.standard_normal((200, 4000, d))
    given = {name: 100 * value for name, value in log_likelihoods(theta, samples, x).items()}
    lost, kept = lost_and_kept(theta, samples, *given.values())
    assert kept == pytest.approx(-d * np.log(k * sd), abs=0.05)
    assert lost == pytest.approx(d * np.log(k), abs=0.05)


def test_draws_more_likely_than_the_truth_fail():
    theta, samples, x = calibration(width=0.6)
    verdict = sbiwb.sbc(theta, samples, **log_likelihoods(theta, samples, x))[-1]
    assert verdict.outcome is Outcome.FAIL
    assert "overconfident" in verdict.message


def test_truths_outside_the_support_of_a_density_are_ranked_last():
    theta, samples, _ = calibration()
    density = np.random.default_rng(1).random((100, 300))
    verdict = sbiwb.sbc(
        theta, samples, log_prob_theta=np.full(300, -np.inf), log_prob_samples=density
    )[-1]
    assert verdict.outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"log_prob_samples": None}, UsageError, "at the truth and at the draws"),
        ({"log_prob_theta": np.zeros(3)}, DataError, "log densities have the wrong shape"),
        ({"log_prob_theta": np.full(300, np.nan)}, DataError, "log densities are NaN"),
        ({"names": ["a", "log_prob"]}, DataError, "may not be named 'log_prob'"),
        ({"warn": 2.0}, UsageError, "bad p-value levels"),
    ],
)
def test_wrong_arguments_get_one_clear_line(change, error, words):
    theta, samples, x = calibration()
    given = {"log_prob_theta": log_density(theta, x), "log_prob_samples": log_density(samples, x)}
    with pytest.raises(error, match=words) as caught:
        sbiwb.sbc(theta, samples, **{**given, **change})
    assert "\n" not in str(caught.value)


def test_degenerate_sets_cannot_be_told():
    for few in ({"n": 10}, {"draws": 1}):
        for verdict in sbiwb.sbc(*calibration(width=0.1, **few)[:2]):
            assert verdict.outcome is Outcome.UNKNOWN
            assert "needs at least" in verdict.message
    theta, samples, _ = calibration()
    samples[0, :3] = np.nan
    for verdict in sbiwb.sbc(theta, samples):
        assert verdict.outcome is Outcome.WARN
        assert "the draws of 3 of 300 simulations are not finite" in verdict.message
    samples[0, :60] = np.nan
    assert {v.outcome for v in sbiwb.sbc(theta, samples)} == {Outcome.FAIL}


def test_a_constant_parameter_is_named_and_the_others_are_judged():
    theta, samples, _ = calibration()
    theta[:, 0] = 2.0
    constant, other = sbiwb.sbc(theta, samples)
    assert constant.outcome is Outcome.UNKNOWN
    assert "'theta_0' is the same in all simulations" in constant.message
    assert other.passed


def test_ties_are_broken_fairly_but_not_passed():
    rng = np.random.default_rng(1)
    rate = rng.gamma(2.0, size=(500, 1))
    truth, draws = rng.poisson(rate), rng.poisson(rate, size=(100, 500, 1))
    (verdict,) = sbiwb.sbc(truth, draws)
    assert verdict.outcome is Outcome.UNKNOWN
    assert "a draw equals the true 'theta_0'" in verdict.message
    assert verdict.p_value > 0.05
    assert sbiwb.sbc(truth, draws + 1)[0].outcome is Outcome.FAIL
    same = sbiwb.sbc(
        np.arange(100.0)[:, None], np.broadcast_to(np.arange(100.0)[:, None], (30, 100, 1))
    )
    assert same[0].outcome in (Outcome.UNKNOWN, Outcome.FAIL)


def test_the_result_depends_on_the_seed_and_on_nothing_else():
    theta, samples, _ = calibration(width=0.9)
    copies = theta.copy(), samples.copy()
    assert sbiwb.sbc(theta, samples, seed=5) == sbiwb.sbc(theta, samples, seed=5)
    assert sbiwb.sbc(theta, samples, seed=6) != sbiwb.sbc(theta, samples, seed=5)
    np.testing.assert_array_equal(theta, copies[0])
    np.testing.assert_array_equal(samples, copies[1])


def test_check_reads_the_calibration_group():
    result = exact_result(seed=2)
    group = result.tree["calibration"]
    expected = sbiwb.sbc(
        group["theta"].values,
        group["samples"].values,
        names=["a", "b"],
        log_likelihood_theta=group["log_likelihood_theta"].values,
        log_likelihood_samples=group["log_likelihood_samples"].values,
        seed=2,
    )
    assert check(result) == expected
    assert [v.name for v in expected] == ["sbc[a]", "sbc[b]", "sbc[log_likelihood]"]


def test_holm_is_as_in_the_textbook():
    corrected = _holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert corrected == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})


# -- ranks and bands ----------------------------------------------------------------------------


def test_ranks_of_exchangeable_values_are_uniform_though_tied():
    rng = np.random.default_rng(1)
    values = rng.integers(0, 3, size=(11, 20_000))
    less = (values[1:] < values[0]).sum(axis=0)
    ties = (values[1:] == values[0]).sum(axis=0)
    ranks = rank(less, ties, 10, rng)
    # Without breaking ties, ranks would bunch: the chi² of 11 cells would be in the thousands.
    counts = np.bincount((ranks.u * 11).astype(int), minlength=11)
    assert stats.chisquare(counts).pvalue > 1e-3
    assert ranks.tied > 0.9
    assert ranks.grid == pytest.approx(np.arange(1, 11) / 11)


def test_the_probability_of_staying_inside_is_that_of_enumeration():
    grid, n, local = (0.2, 0.45, 0.8), 6, 0.15
    cells = np.diff([0, *grid, 1])
    inside = 0.0
    for counts in itertools.product(range(n + 1), repeat=4):
        if sum(counts) != n:
            continue
        below = np.cumsum(counts)[:3]
        tails = [
            2 * min(stats.binom.cdf(c, n, p), stats.binom.sf(c - 1, n, p))
            for c, p in zip(below, grid, strict=True)
        ]
        if min(tails) > local:
            inside += stats.multinomial.pmf(counts, n, cells)
    assert _inside_probability(n, grid, local) == pytest.approx(inside, rel=1e-10)


def test_a_band_at_one_point_is_the_binomial_test():
    u = np.array([0.1] * 8 + [0.9] * 2)
    assert band_p_value(u, (0.5,)) == pytest.approx(stats.binomtest(8, 10, 0.5).pvalue)


def test_extreme_departures_have_tiny_p_values_not_negative_ones():
    grid = tuple((np.arange(1, 100) / 100).tolist())
    assert 0 <= band_p_value(np.full(500, 0.999), grid) < 1e-100
    assert smooth_p_value(np.full(500, 0.999)) < 1e-100


def test_a_band_is_the_widest_that_keeps_its_level():
    grid = tuple(np.arange(1, 50) / 50)
    low, high = simultaneous_band(200, grid, 0.95)
    wide_low, wide_high = simultaneous_band(200, grid, 0.99)
    assert np.all(wide_low <= low)
    assert np.all(high <= wide_high)
    assert np.all(np.diff(low) >= 0)
    np.testing.assert_allclose(low, 1 - high[::-1], atol=1e-12)
