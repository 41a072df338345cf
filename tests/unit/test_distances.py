"""Distances between sets of draws against closed forms of Gaussians."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from sbiwb.distances.c2st import c2st, c2st_noise
from sbiwb.distances.jensen_shannon import jensen_shannon
from sbiwb.distances.mmd import mmd
from sbiwb.distances.moments import mean_shift, width_ratio
from sbiwb.distances.sliced_wasserstein import sliced_wasserstein
from sbiwb.distances.tension import _log_tail, parameter_shift, tension
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


# -- sliced Wasserstein ---------------------------------------------------------------------------


def test_sliced_wasserstein_of_gaussians_is_the_closed_form():
    n = 5000
    a = normal(1, n, d=3)
    shifted = sliced_wasserstein(a, normal(2, n, d=3, shift=2.0))
    # |Δμ|/√d.  Directions give 1/√(2 · 200) = 5 % (1σ), the draws √(2/n)/2 = 1 %.
    assert shifted == pytest.approx(2 / np.sqrt(3), rel=0.2)
    widened = sliced_wasserstein(a, normal(2, n, d=3, sd=1.5))
    # Every projection is 1.5 times as wide; a standard deviation is known to 1/√(2n) = 1 %.
    assert widened == pytest.approx(0.5, abs=0.05)
    assert sliced_wasserstein(a, a) == 0


def test_sliced_wasserstein_of_one_distribution_falls_with_the_draws():
    few, many = (
        sliced_wasserstein(normal(3, n), normal(4, n), directions=50) for n in (500, 20_000)
    )
    # ∝ 1/√n: 6.3 times less, here with a factor two for chance.
    assert many < few / 3
    assert few < 0.2


def test_sliced_wasserstein_takes_sets_of_any_lengths_and_units():
    a, b = normal(5, 700), normal(6, 1100, shift=1.0)
    value = sliced_wasserstein(a, b)
    # The exact integral: each draw of both repeated to a common length.
    repeated = sliced_wasserstein(
        np.repeat(a, 11, axis=0), np.repeat(b, 7, axis=0), standardise=False
    )
    plain = sliced_wasserstein(a, b, standardise=False)
    assert repeated == pytest.approx(plain, rel=1e-9)
    scale = np.array([1e-21, 1e9])
    assert sliced_wasserstein(a * scale, b * scale) == pytest.approx(value, rel=1e-9)


# -- MMD ------------------------------------------------------------------------------------------


def test_mmd_of_gaussians_is_the_closed_form():
    n, d, ell, shift = 2000, 2, 1.3, 1.0
    value = mmd(normal(1, n), normal(2, n, shift=shift), bandwidth=ell)
    broad = ell**2 + 2
    expected = 2 * (ell**2 / broad) ** (d / 2) * (1 - np.exp(-(shift**2) / (2 * broad)))
    # The error is that of a mean kernel value, below 1/√n · 2 √expected, plus O(1/n).
    assert value == pytest.approx(expected, abs=4 * (2 * np.sqrt(expected / n) + 2 / n))


def test_mmd_is_unbiased_and_its_bandwidth_the_reference_s_median_distance():
    values = [mmd(normal(10 + k, 200), normal(50 + k, 200)) for k in range(20)]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(20)
    a, b = normal(1, 800), normal(2, 800, shift=0.5)
    scaled = (a - a.mean(axis=0)) / a.std(axis=0, ddof=1)
    pairs = np.linalg.norm(scaled[:, None] - scaled[None], axis=-1)[np.triu_indices(800, 1)]
    assert mmd(a, b) == pytest.approx(mmd(a, b, bandwidth=np.median(pairs)))
    assert mmd(a, b) > 5 * np.std(values)  # the planted fault


# -- tension --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 2.0, 4.0])
def test_tension_of_gaussians_is_the_closed_form(shift):
    n = 20_000
    a, b = normal(1, n), normal(2, n, shift=shift)
    expected = -stats.norm.ppf(stats.chi2.sf(shift**2 / 2, 2) / 2)
    # Δχ² has the error 2 Δ / √n · …: below 0.06 σ here.
    assert tension(a, b) == pytest.approx(expected, abs=0.06)
    # Of 2,000 differences a share p lies beyond, known to √(p/2000).
    p = 2 * stats.norm.sf(expected)
    low, high = (p + k * 4 * np.sqrt(p / 2000) for k in (1, -1))
    low, high = (-stats.norm.ppf(min(max(x, 1 / 2000), 1.0) / 2) for x in (low, high))
    assert low - 0.06 <= parameter_shift(a, b) <= high + 0.06


def test_tension_that_no_float_holds_and_one_that_cannot_be_counted():
    a, b = normal(1), normal(2, shift=100.0)
    # √χ² = 100/√2 = 70.7, a little less for two degrees of freedom.
    assert tension(a, b) == pytest.approx(70.7, rel=0.05)
    for d in (1, 2, 9):  # the two ways of the tail meet
        assert _log_tail(500.1, d) == pytest.approx(stats.chi2.logsf(500.1, d), rel=1e-6)
    assert parameter_shift(a, b) == pytest.approx(-stats.norm.ppf(1 / 4000))
    assert np.isnan(parameter_shift(normal(1, d=7), normal(2, d=7)))


def test_derived_parameters_add_no_tension():
    a, b = normal(1), normal(2, shift=2.0)
    extended = [np.column_stack([x, 3 * x[:, 0] + 1]) for x in (a, b)]
    assert tension(*extended) == pytest.approx(tension(a, b), rel=1e-6)
    assert parameter_shift(*extended) == pytest.approx(parameter_shift(a, b), rel=0.05)


def test_the_parameter_shift_sees_the_shape_that_moments_hide():
    # A ring, and a point at its centre: no difference at all is the least likely difference.
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 2 * np.pi, 4000)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * rng.standard_normal((4000, 2))
    point = 0.1 * rng.standard_normal((4000, 2))
    assert tension(ring, point) < 0.1
    assert parameter_shift(ring, point) > 3


@pytest.mark.parametrize("distance", [sliced_wasserstein, mmd, tension, parameter_shift])
def test_what_cannot_be_compared_is_refused(distance):
    with pytest.raises(DataError, match=r"same parameters; got \(5, 2\) and \(5, 3\)"):
        distance(np.zeros((5, 2)), np.zeros((5, 3)))
    with pytest.raises(DataError, match=r"constant column; got \[1\]"):
        distance(np.column_stack([np.arange(5.0), np.ones(5)]), np.ones((5, 2)))
