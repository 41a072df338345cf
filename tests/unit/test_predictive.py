"""The posterior predictive check, and what it shares with the prior predictive one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics._pool import exchangeable_p_value
from sbiwb.diagnostics._shrinkage import shrink
from sbiwb.diagnostics.predictive import check, predictive
from sbiwb.errors import DataError, UsageError
from sbiwb.testing.diagnostic import exact_result


def correlated(n=400, m=5, seed=1):
    """Data that share a common offset much larger than their own noise."""
    rng = np.random.default_rng(seed)
    return 10 * rng.standard_normal((n, 1)) + rng.standard_normal((n, m))


def test_one_of_the_replicated_data_passes():
    data = correlated()
    verdict = predictive(data[0], data[1:])
    assert verdict.name == "predictive"
    assert verdict.passed
    assert 0 < verdict.p_value <= 1


def test_the_curve_summarises_every_entry():
    data = correlated(n=1001, m=3)
    curve = predictive(data[0], data[1:]).curve
    np.testing.assert_allclose(curve["observed"], data[0])
    np.testing.assert_allclose(curve["median"], np.median(data[1:], axis=0))
    np.testing.assert_allclose(curve["low95"], np.quantile(data[1:], 0.025, axis=0))
    np.testing.assert_allclose(curve["high68"], np.quantile(data[1:], 0.84, axis=0))
    assert curve["entry"] == [0, 1, 2]
    below = (data[1:] <= data[0]).mean(axis=0)
    np.testing.assert_allclose(curve["tail"], 2 * np.minimum(below, 1 - below), atol=3e-3)


def test_an_entry_far_off_by_itself_is_named_with_its_distance():
    data = correlated()
    seen = data[0].copy()
    seen[3] = 200.0
    verdict = predictive(seen, data[1:], names=["a", "b", "c", "d", "e"])
    assert verdict.outcome is Outcome.FAIL
    assert "'d' lies" in verdict.message


def test_an_entry_that_breaks_the_correlation_is_named_though_in_range():
    data = correlated()
    seen = data[0].copy()
    seen[3] += 8.0
    verdict = predictive(seen, data[1:])
    assert verdict.outcome is Outcome.FAIL
    assert "entry 3 lies" in verdict.message
    assert "above where its other entries put it" in verdict.message
    assert verdict.curve["tail"][3] > 0.02, "the entry by itself is not strange"


def test_entries_of_images_are_named_by_index():
    data = np.random.default_rng(1).standard_normal((300, 4, 4))
    seen = data[0].copy()
    seen[2, 1] = -9.0
    assert "entry (2, 1) lies" in predictive(seen, data[1:]).message


def test_many_weak_deviations_add_up():
    data = np.random.default_rng(1).standard_normal((400, 30))
    verdict = predictive(np.full(30, 1.8), data)
    assert verdict.outcome is Outcome.FAIL
    assert "no entry stands out alone" in verdict.message


def test_scalar_data_work():
    data = np.random.default_rng(1).standard_normal(300)
    assert predictive(0.1, data).passed
    assert predictive(7.0, data).outcome is Outcome.FAIL


def test_long_curves_are_thinned_but_keep_the_strangest_entry():
    data = np.random.default_rng(1).standard_normal((200, 3000))
    seen = data[0].copy()
    seen[1234] = 40.0
    curve = predictive(seen, data[1:]).curve
    assert len(curve["entry"]) <= 501
    assert 1234 in curve["entry"]


def test_constant_entries_are_left_out_and_named():
    data = correlated()
    data[:, 2] = 7.0
    seen = data[0].copy()
    verdict = predictive(seen, data[1:])
    assert verdict.passed
    assert "the same in all simulated data: entry 2" in verdict.message
    seen[2] = 7.1
    verdict = predictive(seen, data[1:])
    assert verdict.outcome is Outcome.FAIL
    assert "entry 2 is 7 in all of them and 7.1 in it" in verdict.message


def test_degenerate_data_cannot_be_told():
    data = correlated()
    for few in (1, 99):
        verdict = predictive(np.full(5, 1e6), data[:few])
        assert verdict.outcome is Outcome.UNKNOWN
        assert "needs at least 100" in verdict.message
    assert predictive(np.ones(5), np.ones((300, 5))).outcome is Outcome.UNKNOWN
    assert predictive(np.full(5, 2.0), np.ones((300, 5))).outcome is Outcome.FAIL


def test_data_that_are_not_finite_are_told():
    data = correlated()
    data[5:8, 1] = np.nan
    verdict = predictive(data[0], data[1:])
    assert "3 of 399 simulated data are not finite" in verdict.message
    data[5:80, 1] = np.inf
    assert predictive(data[0], data[1:]).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("observed", "data", "words"),
    [
        (np.zeros(5), np.zeros((300, 4)), "simulated data have the wrong shape"),
        (np.array([1.0, np.nan]), np.zeros((300, 2)), "the observation has NaN"),
        (np.array(["a"]), np.zeros((300, 1)), "the observation must be real numbers"),
        (np.zeros(1), np.full((300, 1), None), "the simulated data must be real numbers"),
    ],
)
def test_wrong_arrays_get_one_clear_line(observed, data, words):
    with pytest.raises(DataError, match=words):
        predictive(observed, data)


def test_wrong_names_and_levels_are_refused():
    data = correlated()
    with pytest.raises(DataError, match="expected 5 names"):
        predictive(data[0], data, names=["a"])
    with pytest.raises(UsageError, match="bad p-value levels"):
        predictive(data[0], data, fail=0.2)


def test_units_do_not_matter_and_input_is_not_touched():
    data = correlated()
    before = data.copy()
    small = predictive(data[0] * 2.0**-70, data[1:] * 2.0**-70)
    assert small.p_value == predictive(data[0], data[1:]).p_value
    np.testing.assert_array_equal(data, before)


def test_check_reads_the_posterior_predictive_group():
    result = exact_result(seed=2)
    (verdict,) = check(result)
    x = result.tree["posterior_predictive"]["x"].values[0]
    assert verdict == predictive(result.problem.observation.x, x)


# -- what it rests on ---------------------------------------------------------------------------


def test_the_p_value_is_the_share_of_data_as_strange():
    assert exchangeable_p_value(np.array([4.0, 1, 2, 3])) == 0.25
    assert exchangeable_p_value(np.array([1.0, 4, 2, 3])) == 1.0
    assert exchangeable_p_value(np.zeros(10)) == 1.0
    # Strangest in one of two scores is strange enough.
    assert exchangeable_p_value(np.array([9.0, 1, 2, 3]), np.array([5.0, 4, 3, 6])) <= 0.5


@pytest.mark.parametrize("m", [4, 60])
def test_surprise_is_that_of_the_precision_matrix(m):
    rng = np.random.default_rng(1)
    data = rng.standard_normal((40, 3)) @ rng.standard_normal((3, m)) + rng.standard_normal((40, m))
    shrunk = shrink(data)
    z = (data - data.mean(axis=0)) / data.std(axis=0)
    correlation = (1 - shrunk.weight) * z.T @ z / 40 + shrunk.weight * np.eye(m)
    precision = np.linalg.inv(correlation)
    np.testing.assert_allclose(
        shrunk.surprise(data), z @ precision / np.sqrt(np.diag(precision)), rtol=1e-6, atol=1e-9
    )
    squares = np.sum(shrunk.whitened**2, axis=1)
    np.testing.assert_allclose(squares, np.einsum("ij,jk,ik->i", z, precision, z), rtol=1e-6)


def test_the_shrinkage_weight_is_that_under_which_left_out_data_are_most_likely():
    rng = np.random.default_rng(1)
    for n, m in ((50, 8), (30, 60)):
        data = rng.standard_normal((n, 3)) @ rng.standard_normal((3, m))
        data += 0.5 * rng.standard_normal((n, m))
        z = (data - data.mean(axis=0)) / data.std(axis=0)

        def left_out(weight, z=z, n=n, m=m):
            total = 0.0
            for i in range(n):
                others = np.delete(z, i, axis=0)
                matrix = (1 - weight) * others.T @ others / (n - 1) + weight * np.eye(m)
                total -= stats.multivariate_normal.logpdf(z[i], cov=matrix)
            return total

        grid = 10.0 ** np.arange(-8, 0.1, 0.5)
        assert shrink(data).weight == min(grid, key=left_out)


def test_residuals_that_keep_their_sign_are_caught_though_each_is_as_large_as_the_noise():
    rng = np.random.default_rng(5)
    replicated = rng.normal(size=(300, 60))
    wave = np.sqrt(2) * np.sin(np.linspace(0, 6 * np.pi, 60))
    verdict = predictive(wave, replicated)
    assert verdict.outcome == "fail"
    assert "neighbours deviate together" in verdict.message
    # Independent errors of the same size pass, and so does the wave where data are such waves.
    assert predictive(rng.permutation(wave), replicated).passed
    phase = rng.uniform(0, 2 * np.pi, size=(300, 1))
    waves = np.sqrt(2) * np.sin(np.linspace(0, 6 * np.pi, 60) + phase)
    noisy = wave + 0.1 * rng.normal(size=60)
    assert predictive(noisy, waves + 0.1 * replicated).passed


def test_entries_that_determine_each_other_give_no_absurd_numbers():
    rng = np.random.default_rng(8)
    one = rng.normal(size=(400, 1))
    verdict = predictive(np.array([0.1, 0.2, 0.5]), one * [1.0, 2.0, 3.0])
    assert verdict.outcome is Outcome.FAIL
    assert "more than 100 standard deviations" in verdict.message
