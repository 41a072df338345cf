"""Distributions against SciPy, and their density, CDF and quantiles against one another."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import sbiwb
from sbiwb.core import distributions
from sbiwb.core.distributions import (
    Cosine,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    PowerLaw,
    Sine,
    TruncatedNormal,
    Uniform,
)
from sbiwb.errors import UsageError

reproducible = settings(derandomize=True, deadline=None, max_examples=200)

location = st.floats(-50, 50)
scale = st.floats(0.01, 50)
positive = st.floats(0.01, 50)


@st.composite
def any_distribution(draw):
    kinds = [Uniform, LogUniform, Normal, TruncatedNormal, LogNormal, PowerLaw]
    kind = draw(st.sampled_from(kinds))
    if kind is PowerLaw:
        low = draw(positive)
        return PowerLaw(draw(st.floats(-4, 4)), low, low * draw(st.floats(1.01, 50)))
    if kind is Uniform:
        low = draw(location)
        return Uniform(low, low + draw(scale))
    if kind is LogUniform:
        low = draw(positive)
        return LogUniform(low, low + draw(scale))
    if kind is Normal:
        return Normal(draw(location), draw(scale))
    if kind is LogNormal:
        return LogNormal(draw(st.floats(-5, 5)), draw(st.floats(0.01, 2)))
    # The range begins up to 30 standard deviations from the mean.
    mean, sd = draw(location), draw(scale)
    low = mean + sd * draw(st.floats(-30, 30))
    return TruncatedNormal(mean, sd, low, low + sd * draw(st.floats(0.01, 20)))


ANGLES = [Sine(), Cosine(), Sine(0.2, 1.0), Cosine(-1.5, -0.5)]
unit = st.lists(st.floats(0, 1), min_size=1, max_size=8).map(np.array)


@reproducible
@given(any_distribution() | st.sampled_from(ANGLES), unit)
def test_quantiles_lie_in_the_support_and_are_ordered(distribution, u):
    low, high = distribution.support
    x = distribution.ppf(np.sort(u))
    assert np.all((x >= low) & (x <= high))
    assert np.all(np.diff(x[np.isfinite(x)]) >= 0)


@reproducible
@given(any_distribution() | st.sampled_from(ANGLES), unit)
def test_cdf_inverts_quantiles(distribution, u):
    inner = 0.001 + 0.998 * u
    assert distribution.cdf(distribution.ppf(inner)) == pytest.approx(inner, abs=1e-9)


@reproducible
@given(any_distribution() | st.sampled_from(ANGLES), unit)
def test_density_is_finite_at_quantiles(distribution, u):
    assert np.all(np.isfinite(distribution.log_pdf(distribution.ppf(0.001 + 0.998 * u))))


@settings(reproducible, max_examples=50)
@given(any_distribution() | st.sampled_from(ANGLES), st.floats(0.01, 0.49))
def test_density_integrates_to_the_cdf(distribution, tail):
    a, b = distribution.ppf(np.array([tail, 1 - tail]))
    area, _ = integrate.quad(lambda x: np.exp(distribution.log_pdf(np.array(x))), a, b, limit=200)
    assert area == pytest.approx(1 - 2 * tail, abs=1e-7)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Uniform(-2.0, 3.0), stats.uniform(-2.0, 5.0)),
        (LogUniform(0.1, 20.0), stats.loguniform(0.1, 20.0)),
        (Normal(1.0, 0.3), stats.norm(1.0, 0.3)),
        (TruncatedNormal(1.0, 2.0, 0.0, 2.5), stats.truncnorm(-0.5, 0.75, 1.0, 2.0)),
        (TruncatedNormal(0.0, 1.0, 9.0, 10.0), stats.truncnorm(9.0, 10.0)),
        (TruncatedNormal(0.0, 1.0, -10.0, -9.0), stats.truncnorm(-10.0, -9.0)),
        (LogNormal(0.5, 0.7), stats.lognorm(0.7, scale=math.exp(0.5))),
        (PowerLaw(2.0, 1.0, 3.0), stats.truncpareto(-3.0, 3.0)),
        (PowerLaw(0.0, 1.0, 3.0), stats.uniform(1.0, 2.0)),
        (PowerLaw(-1.0, 1.0, 3.0), stats.loguniform(1.0, 3.0)),
        (PowerLaw(-2.0, 2.0, 6.0), stats.truncpareto(1.0, 3.0, scale=2.0)),
        (Cosine(), None),
        (Sine(), None),
    ],
)
def test_agrees_with_scipy(ours, theirs):
    if theirs is None:  # angles: (1 + sin x)/2 and (1 − cos x)/2 by hand
        lower = isinstance(ours, Cosine)
        x = np.linspace(-1.5, 1.5, 7) + (0 if lower else math.pi / 2)
        density = np.cos(x) / 2 if lower else np.sin(x) / 2
        below = (1 + np.sin(x)) / 2 if lower else (1 - np.cos(x)) / 2
        assert np.exp(ours.log_pdf(x)) == pytest.approx(density, rel=1e-12)
        assert ours.cdf(x) == pytest.approx(below, rel=1e-12)
        return
    u = np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 0.999])
    x = theirs.ppf(u)
    assert ours.ppf(u) == pytest.approx(x, rel=1e-9)
    assert ours.cdf(x) == pytest.approx(u, rel=1e-8)
    assert ours.log_pdf(x) == pytest.approx(theirs.logpdf(x), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "distribution",
    [
        Uniform(1.0, 2.0),
        LogUniform(1.0, 2.0),
        TruncatedNormal(0, 1, 1, 2),
        LogNormal(0, 1),
        Sine(),
        Sine(0.2, 1.0),
        Cosine(-1.5, -0.5),
        PowerLaw(2.0, 1.0, 2.0),
    ],
)
def test_density_is_zero_and_cdf_saturates_outside_the_support(distribution):
    low, high = distribution.support
    outside = np.array([low - 1e-3, low - 100.0])
    assert np.all(np.isneginf(distribution.log_pdf(outside)))
    assert np.all(distribution.cdf(outside) == 0)
    if np.isfinite(high):
        assert np.all(np.isneginf(distribution.log_pdf(np.array([high + 1e-3]))))
        assert np.all(distribution.cdf(np.array([high + 1e-3])) == 1)


@pytest.mark.parametrize(("part", "whole"), [(Sine(0.2, 1.0), Sine()), (Cosine(-1, 0.3), Cosine())])
def test_a_range_of_an_angle_is_the_whole_renormalised(part, whole):
    low, high = (np.array(end) for end in part.support)
    kept = whole.cdf(high) - whole.cdf(low)
    x = np.linspace(low, high, 7)
    assert part.log_pdf(x) == pytest.approx(whole.log_pdf(x) - np.log(kept), rel=1e-12)
    assert part.cdf(x) == pytest.approx((whole.cdf(x) - whole.cdf(low)) / kept, abs=1e-12)


def test_ends_of_closed_supports_count_as_inside():
    closed = (
        Uniform(1, 2),
        LogUniform(1, 2),
        TruncatedNormal(0, 1, 1, 2),
        PowerLaw(2, 1, 2),
        Sine(0.2, 1),
        Cosine(-1, 0.3),
    )
    for distribution in closed:
        ends = np.array(distribution.support, dtype=float)
        assert np.all(np.isfinite(distribution.log_pdf(ends)))
        assert distribution.ppf(np.array([0.0, 1.0])) == pytest.approx(ends, rel=1e-15)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Uniform(1.0, 1.0),
        lambda: Uniform(2.0, 1.0),
        lambda: Uniform(0.0, math.inf),
        lambda: Uniform(math.nan, 1.0),
        lambda: LogUniform(1.0, 1.0),
        lambda: PowerLaw(2.0, 1.0, 1.0),
        lambda: Sine(1.0, 1.0),
        lambda: Cosine(0.5, 0.0),
        lambda: Normal(0.0, 0.0),
        lambda: Normal(0.0, -1.0),
        lambda: Normal(math.nan, 1.0),
        lambda: Normal(0.0, math.inf),
        lambda: LogNormal(0.0, 0.0),
        lambda: TruncatedNormal(0.0, 0.0, 0.0, 1.0),
        lambda: TruncatedNormal(0.0, 1.0, 1.0, 1.0),
    ],
)
def test_zero_or_infinite_widths_are_refused_with_the_remedy(make):
    with pytest.raises(UsageError, match=r"zero, negative or infinite width.*fixed=") as caught:
        make()
    assert "\n" not in str(caught.value)


def test_impossible_ranges_are_refused():
    with pytest.raises(UsageError, match="positive range"):
        LogUniform(0.0, 1.0)
    with pytest.raises(UsageError, match="positive range"):
        PowerLaw(2.0, 0.0, 1.0)
    with pytest.raises(UsageError, match="lives in"):
        Sine(-0.1, 1.0)
    with pytest.raises(UsageError, match="lives in"):
        Cosine(0.0, 2.0)
    with pytest.raises(UsageError, match="holds no probability"):
        TruncatedNormal(0.0, 1.0, 50.0, 51.0)


def test_descriptions_rebuild_the_distribution():
    for distribution in (
        Uniform(0, 1),
        LogUniform(1, 2),
        Normal(0, 1),
        TruncatedNormal(0, 1, 0, 2),
        LogNormal(0, 1),
        PowerLaw(2, 1, 3),
        Sine(),
        Cosine(),
        Sine(0.2, 1.0),
    ):
        described = json.loads(json.dumps(distribution.describe()))
        kind = getattr(distributions, described.pop("distribution"))
        assert kind(**described) == distribution


def test_every_distribution_is_public():
    kinds = [
        name
        for name, kind in vars(distributions).items()
        if isinstance(kind, type) and issubclass(kind, Distribution) and kind is not Distribution
    ]
    assert len(kinds) == 8
    assert all(getattr(sbiwb, name) is getattr(distributions, name) for name in kinds)
