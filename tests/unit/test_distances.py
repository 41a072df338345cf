"""Distances between sets of draws against closed forms of Gaussians."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from sbiwb.distances.c2st import c2st, c2st_noise
from sbiwb.distances.jensen_shannon import jensen_shannon
from sbiwb.distances.moments import mean_shift, width_ratio
from sbiwb.errors import DataError


def normal(seed, n=2000, d=2, shift=0.0, sd=1.0):
    draws = sd * np.random.default_rng(seed).standard_normal((n, d))
    draws[:, 0] += shift
    return draws


@pytest.mark.parametrize("quick", [True, False])
def test_c2st_of_equal_distributions_is_one_half(quick):
    n = 1000
    value = c2st(normal(1, n), normal(2, n), quick=quick)
    # 4 standard deviations of the accuracy of guessing.
    assert abs(value - 0.5) < 4 * c2st_noise(n)


@pytest.mark.parametrize("quick", [True, False])
def test_c2st_of_shifted_gaussians_is_that_of_the_best_classifier(quick):
    n, shift = 1000, 1.5
    value = c2st(normal(3, n), normal(4, n, shift=shift), quick=quick)
    best = stats.norm.cdf(shift / 2)
    # No classifier beats the best but by chance; a trained one may fall short by its own noise,
    # here 5 standard deviations (0.08): a broken one would score near 0.5, not 0.77.
    assert -5 * c2st_noise(n) < value - best < 4 * c2st_noise(n)


@pytest.mark.parametrize(
    ("b", "least"),
    [(normal(6, sd=0.6), 0.57), (np.repeat(normal(6)[:, :1], 2, axis=1), 0.7)],
    ids=["too narrow", "wrong correlation"],
)
def test_c2st_sees_more_than_means(b, least):
    assert c2st(normal(5), b, quick=True) > least


def test_c2st_is_repeatable_and_blind_to_units():
    a, b = normal(7, 300), normal(8, 300, shift=1.0)
    assert c2st(a, b, quick=True) == c2st(a, b, quick=True)
    tiny = np.array([1e-21, 1e9])
    # Rounding sends the training elsewhere: equal within 3 standard deviations of the accuracy.
    scaled = c2st(a * tiny, b * tiny, quick=True)
    assert scaled == pytest.approx(c2st(a, b, quick=True), abs=3 * c2st_noise(300))
    assert scaled > 0.5 + 3 * c2st_noise(300)


def test_c2st_cuts_the_longer_set():
    a, b = normal(9, 4000), normal(10, 500)
    assert abs(c2st(a, b, quick=True) - 0.5) < 4 * c2st_noise(500)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (normal(1, 100), normal(1, 100, d=3), "same parameters"),
        (normal(1, 20), normal(1, 100), "more draws"),
        (np.ones((100, 2)), normal(1, 100), "constant"),
    ],
)
def test_c2st_refuses(a, b, message):
    with pytest.raises(DataError, match=message):
        c2st(a, b)


def test_moments_match_the_planted_ones():
    n = 20_000
    a, b = normal(11, n), normal(12, n, shift=0.5, sd=1.3)
    shift, ratio = mean_shift(a, b), width_ratio(a, b)
    pooled = np.sqrt((1 + 1.3**2) / 2)
    # Standard errors: of a mean 1/√n, of a standard deviation 1/√(2n), here 4.5 of both together.
    assert shift == pytest.approx([0.5 / pooled, 0.0], abs=4.5 * np.sqrt(2 / n))
    assert ratio == pytest.approx([1.3, 1.3], rel=4.5 / np.sqrt(n))


def test_constant_columns_have_no_shift():
    a = np.ones((100, 1))
    assert np.isnan(mean_shift(a, a)).all()
    assert np.isnan(width_ratio(a, a)).all()


def exact_divergence(shift):
    p, q = stats.norm(0, 1).pdf, stats.norm(shift, 1).pdf

    def density(x):
        middle = (p(x) + q(x)) / 2
        return (p(x) * np.log2(p(x) / middle) + q(x) * np.log2(q(x) / middle)) / 2

    return integrate.quad(density, -12, 12 + shift)[0]


@pytest.mark.parametrize("shift", [0.3, 1.0, 3.0])
def test_jensen_shannon_matches_the_integral(shift):
    n = 20_000
    value = jensen_shannon(normal(13, n)[:, 0], normal(14, n, shift=shift)[:, 0])
    # The estimate scatters by about √(JS/n) (delta method; 0.003 at JS = 0.1), times 5; 32 bins
    # lose less than a hundredth of the divergence.
    exact = exact_divergence(shift)
    assert value == pytest.approx(exact, abs=5 * np.sqrt(exact / n) + 0.01 * exact)


def test_jensen_shannon_has_no_bias_where_there_is_no_difference():
    values = [jensen_shannon(normal(k, 500)[:, 0], normal(99 - k, 500)[:, 0]) for k in range(20)]
    # The plug-in estimate would be at 31 / (2 · 1000 · ln 2) = 0.022 on average.
    assert np.mean(values) < 0.006
    assert jensen_shannon(np.zeros(50), np.ones(50)) == 1.0
    assert jensen_shannon(np.zeros(50), np.zeros(50)) == 0.0
