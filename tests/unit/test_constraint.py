"""The pair of uniform parameters under a linear inequality, against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbiwb.core.constraint import LinearConstraint, UniformPair
from sbiwb.core.distributions import Uniform
from sbiwb.errors import UsageError
from sbiwb.rng import stream

reproducible = settings(derandomize=True, deadline=None, max_examples=100)
GRID = 400


@st.composite
def pairs(draw):
    """A pair whose constraint leaves at least 8 % of the box, with weights of every sign."""
    low = draw(st.tuples(st.floats(-5, 5), st.floats(-5, 5)))
    width = draw(st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)))
    sign = draw(st.sampled_from([(1, 1), (1, -1), (-1, 1), (-1, -1)]))
    size = draw(st.tuples(st.floats(0.05, 5), st.floats(0.05, 5)))
    weights = (sign[0] * size[0], sign[1] * size[1])
    corners = [
        weights[0] * (low[0] + a * width[0]) + weights[1] * (low[1] + b * width[1])
        for a in (0, 1)
        for b in (0, 1)
    ]
    # The bound runs from cutting nearly all to cutting nothing.
    below = min(corners) + draw(st.floats(0.2, 1.2)) * (max(corners) - min(corners))
    first, second = (Uniform(lo, lo + w) for lo, w in zip(low, width, strict=True))
    return UniformPair(first, second, weights, below)


def allowed(pair, first, second):
    return pair.weights[0] * first + pair.weights[1] * second < pair.below


def midpoints(uniform, n):
    return uniform.low + (uniform.high - uniform.low) * (np.arange(n) + 0.5) / n


@reproducible
@given(pairs())
def test_area_agrees_with_counting(pair):
    first, second = np.meshgrid(midpoints(pair.first, GRID), midpoints(pair.second, GRID))
    share = allowed(pair, first, second).mean()
    box = (pair.first.high - pair.first.low) * (pair.second.high - pair.second.low)
    # A straight edge crosses at most 2·GRID cells, each wrong by at most half.
    assert abs(math.exp(pair.log_area) / box - share) <= 1 / GRID


@reproducible
@given(pairs())
def test_points_of_the_cube_obey_the_inequality_and_come_back(pair):
    rng = stream(1, "cube")
    u = rng.random((500, 2))
    first, second = pair.from_unit(u[:, 0], u[:, 1])
    slack = 1e-9 * (abs(pair.below) + np.abs(pair.weights[0] * first) + 1)
    assert np.all(pair.weights[0] * first + pair.weights[1] * second <= pair.below + slack)
    assert np.all((first >= pair.first.low) & (first <= pair.first.high))
    assert np.all((second >= pair.second.low) & (second <= pair.second.high))
    back_first, back_second = pair.to_unit(first, second)
    assert back_first == pytest.approx(u[:, 0], abs=1e-9)
    low, high = pair.conditional_range(first)
    wide = high - low > 1e-6 * (pair.second.high - pair.second.low)
    assert back_second[wide] == pytest.approx(u[wide, 1], abs=1e-6)


@reproducible
@given(pairs())
def test_the_map_is_uniform_on_the_polygon(pair):
    # The first unit coordinate is the share of allowed area left of the point, exactly.
    first, second = np.meshgrid(
        midpoints(pair.first, GRID), midpoints(pair.second, GRID), indexing="ij"
    )
    columns = allowed(pair, first, second).sum(axis=1)
    edges = np.linspace(pair.first.low, pair.first.high, GRID + 1)
    u, _ = pair.to_unit(edges, np.full(GRID + 1, pair.second.low))
    share = np.concatenate([[0.0], np.cumsum(columns)]) / columns.sum()
    assert np.abs(u - share).max() < 2 / GRID * GRID**2 / columns.sum()


def test_draws_fill_the_w0_wa_triangle_evenly():
    pair = UniformPair(Uniform(-3, 1), Uniform(-3, 2), (1.0, 1.0), 0.0)
    rng = stream(0, "triangle")
    u = rng.random((200_000, 2))
    first, second = pair.from_unit(u[:, 0], u[:, 1])
    assert np.all(first + second <= 0)
    # Counts in cells of equal area, all inside: multinomial, so chi² with 29 degrees of freedom,
    # whose 1e-4 quantile is 65.
    inside = (first < 0) & (second < 0)
    counts, *_ = np.histogram2d(first[inside], second[inside], bins=(6, 5), range=[[-3, 0]] * 2)
    expected = counts.mean()
    assert np.sum((counts - expected) ** 2 / expected) < 65
    # All of the area that the inequality leaves: 4·5 minus the triangle 3·3/2 at the upper right.
    assert math.exp(pair.log_area) == pytest.approx(20 - 4.5, rel=1e-12)


def test_edges_of_the_cube_are_corners_of_the_polygon():
    pair = UniformPair(Uniform(-3, 1), Uniform(-3, 2), (1.0, 1.0), 0.0)
    first, second = pair.from_unit(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert first == pytest.approx([-3, -3, 1, 1])
    assert second == pytest.approx([-3, 2, -3, -1])


def test_a_constraint_that_cuts_nothing_changes_nothing():
    pair = UniformPair(Uniform(0, 1), Uniform(0, 2), (1.0, 1.0), 10.0)
    u = stream(0, "free").random((50, 2))
    first, second = pair.from_unit(u[:, 0], u[:, 1])
    assert first == pytest.approx(u[:, 0])
    assert second == pytest.approx(2 * u[:, 1])


def test_a_constraint_that_cuts_everything_is_refused():
    with pytest.raises(UsageError, match="excludes the whole prior"):
        UniformPair(Uniform(0, 1), Uniform(0, 1), (1.0, 1.0), -1.0)


@pytest.mark.parametrize(
    "arguments",
    [
        (("a",), (1.0,), 0.0),
        (("a", "b", "c"), (1.0, 1.0, 1.0), 0.0),
        (("a", "b"), (1.0, 0.0), 0.0),
        (("a", "a"), (1.0, 1.0), 0.0),
        (("a", "b"), (1.0, math.nan), 0.0),
        (("a", "b"), (1.0, 1.0), math.inf),
    ],
)
def test_bad_constraints_are_refused(arguments):
    with pytest.raises(UsageError, match="bad linear constraint"):
        LinearConstraint(*arguments)


def test_satisfied_and_describe():
    constraint = LinearConstraint(("a", "b"), (1.0, -2.0), 1.0)
    values = {"a": np.array([0.0, 3.0, 1.0]), "b": np.array([0.0, 0.0, 0.0])}
    assert constraint.satisfied(values).tolist() == [True, False, False]
    assert constraint.describe() == {"names": ["a", "b"], "weights": [1.0, -2.0], "below": 1.0}
