"""All calibration checks together: one error rate, power and sharpness beside it."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import Verdict
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics._family import corrected
from sbiwb.diagnostics._grade import judged
from sbiwb.diagnostics._ranks import smooth_p_value
from sbiwb.diagnostics.power import detectable
from sbiwb.inference import judge
from sbiwb.testing.diagnostic import exact_result


def calibration(width=1.0, n=300, draws=60, d=2, seed=8):
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((n, d))
    x = theta + rng.standard_normal((n, d))
    return theta, x / 2 + np.sqrt(0.5) * width * rng.standard_normal((draws, n, d)), x


def verdict(name, p, at_best=Outcome.PASS):
    return judged(name, p, "found", {}, warn=0.05, fail=0.01, at_best=at_best)


# -- one error rate -----------------------------------------------------------------------------


def test_p_values_are_those_of_holm_over_checks():
    before = [
        verdict("tarp", 0.004),
        verdict("sbc[a]", 0.03),
        verdict("sbc[b]", 0.02),
        verdict("expected_coverage", 0.9),
    ]
    after = corrected(before)
    # Three checks: the least counts thrice, SBC with its least twice, the last once.
    assert [v.p_value for v in after] == pytest.approx([0.012, 0.06, 0.04, 0.9])
    assert [str(v.outcome) for v in after] == ["warn", "pass", "warn", "pass"]
    assert after[0].message == "found (p = 0.004), p = 0.012 as one of 3 checks"
    assert after[1].message.endswith("p = 0.06 as one of 3 checks: within chance")
    assert after[3].message == before[3].message
    assert [v.name for v in after] == [v.name for v in before]


def test_no_corrected_p_value_is_less_than_that_of_a_stronger_check():
    after = corrected([verdict("tarp", 0.02), verdict("lc2st", 0.021), verdict("sbc[a]", 0.022)])
    assert [v.p_value for v in after] == pytest.approx([0.06, 0.06, 0.06])


def test_other_questions_keep_their_own_rates():
    others = [
        verdict("predictive", 0.03),
        Verdict("rhat", "warn", "differ", 1.02, 1.01),
        Verdict("sbc[b]", "unknown", "cannot tell"),
    ]
    after = corrected([verdict("tarp", 0.03), *others])
    assert after[1:] == others
    # A check without a p-value does not count: nothing was tested.
    assert after[0] == verdict("tarp", 0.03)


def test_what_the_input_does_not_allow_is_not_given_by_a_correction():
    weak = [verdict("tarp", 0.03, Outcome.UNKNOWN), verdict("lc2st", 0.5), verdict("sbc[a]", 0.6)]
    assert corrected(weak)[0].outcome is Outcome.UNKNOWN
    weak[0] = verdict("tarp", 0.03, Outcome.WARN)
    assert corrected(weak)[0].outcome is Outcome.WARN


def test_the_verdicts_of_a_result_are_corrected_once():
    result = judge(exact_result(seed=2))
    again = judge(result)
    assert again.verdicts == result.verdicts
    by_name = {v.name: v for v in result.verdicts}
    assert {"tarp", "sbc[a]", "expected_coverage", "correlations", "lc2st"} <= set(by_name)
    assert {"power", "sharpness"} <= set(by_name)


def test_the_suite_is_its_parts_corrected():
    theta, samples, x = calibration()
    suite = sbiwb.check_draws(theta, samples, x, draws=samples[:, 0], observed=x[0], seed=3)
    parts = [
        sbiwb.tarp(theta, samples, x, seed=3),
        *sbiwb.sbc(theta, samples, seed=3),
        sbiwb.expected_coverage(theta, samples, seed=3),
        sbiwb.correlations(theta, samples, seed=3),
        sbiwb.lc2st(theta, samples, samples[:, 0], x, x[0], seed=3),
        sbiwb.power(theta, samples),
        sbiwb.sharpness(theta, samples),
    ]
    assert suite == corrected(parts)
    assert all(v.passed for v in suite)


def test_one_parameter_has_no_correlations_to_check():
    theta, samples, x = calibration(d=1)
    names = [v.name for v in sbiwb.check_draws(theta, samples, x)]
    assert "correlations" not in names


@pytest.mark.parametrize(
    "change",
    [
        {"theta": np.zeros((300, 2)), "samples": np.zeros((60, 300, 2))},
        {"samples": np.full((60, 300, 2), np.nan)},
        {"theta": np.zeros((10, 2)), "samples": np.zeros((60, 10, 2)), "x": np.zeros(10)},
        {"samples": np.zeros((1, 300, 2))},
    ],
)
def test_nothing_passes_of_a_set_that_says_nothing(change):
    theta, samples, x = calibration()
    for found in sbiwb.check_draws(**{"theta": theta, "samples": samples, "x": x, **change}):
        assert not found.passed


def test_tied_draws_are_not_passed_by_any_test_of_ranks():
    theta, samples, x = calibration()
    suite = sbiwb.check_draws(np.round(theta), np.round(samples), x)
    assert not any(v.passed for v in suite if v.p_value is not None)


# -- power --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("simulations", "draws"), [(100, 30), (300, 60)])
def test_stated_faults_are_caught_as_often_as_stated(simulations, draws):
    level, caught, repeats = 0.005, 0.8, 400
    found = detectable(simulations, draws, level, caught)
    rng = np.random.default_rng(1)
    for width, shift in ((found.narrow, 0.0), (found.wide, 0.0), (1.0, found.shift)):
        truth = rng.standard_normal((repeats, simulations))
        rate = 0
        for row in truth:
            # Ranks among draws of the width and mean that are wrong.
            drawn = width * rng.standard_normal((draws, simulations)) - shift
            rank = np.count_nonzero(drawn < row, axis=0) + rng.random(simulations)
            rate += smooth_p_value(rank / (draws + 1)) < level
        # Monte Carlo error of 400 repeats is 0.02; noncentral chi² is right to 0.05.
        assert rate / repeats == pytest.approx(caught, abs=0.05 + 3 * 0.02)


def test_more_simulations_show_smaller_faults_and_more_tests_only_larger_ones():
    small, large = detectable(100, 100, 0.01, 0.9), detectable(1000, 100, 0.01, 0.9)
    assert small.narrow < large.narrow < 1 < large.wide < small.wide
    assert small.shift > large.shift > 0
    assert detectable(100, 100, 1e-5, 0.9).shift > small.shift


def test_power_is_told_and_unknown_where_it_is_little():
    theta, samples, _ = calibration()
    found = sbiwb.power(theta, samples)
    assert found.passed
    assert "300 simulations of 60 draws would have shown with 95 % probability" in found.message
    widths = found.curve["narrow"]
    assert np.all(np.diff(widths) < 0)
    assert found.statistic == widths[found.curve["probability"].index(0.95)]
    few = sbiwb.power(theta[:50], samples[:20, :50])
    assert few.outcome is Outcome.UNKNOWN
    assert "half or twice the width" in few.message


# -- sharpness ----------------------------------------------------------------------------------


def test_sharpness_is_the_width_over_that_of_the_prior():
    theta, samples, _ = calibration(n=2000)
    samples[..., 1] *= 0.5
    found = sbiwb.sharpness(theta, samples, names=["a", "b"])
    assert found.passed
    # √½ of the prior; the standard error of 2,000 truths' deviation is 1.6 %.
    assert found.curve["ratio"][0] == pytest.approx(np.sqrt(0.5), rel=0.06)
    assert "of 'b'" in found.message
    assert "of 'a' 0.69 times" in found.message


def test_a_posterior_as_wide_as_the_prior_has_not_passed():
    theta, samples, _ = calibration()
    prior = np.random.default_rng(1).standard_normal(samples.shape)
    found = sbiwb.sharpness(theta, prior)
    assert found.outcome is Outcome.UNKNOWN
    assert "as wide as the prior" in found.message
