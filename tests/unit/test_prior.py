"""Priors: densities, the unit-cube map, restriction, fixing and keys."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from sbiwb import (
    Cosine,
    LinearConstraint,
    LogNormal,
    LogUniform,
    Normal,
    Parameter,
    Prior,
    Sine,
    TruncatedNormal,
    Uniform,
)
from sbiwb.errors import DataError, UsageError
from sbiwb.rng import stream

MIXED = Prior(
    (
        Parameter("w0", Uniform(-3.0, 1.0)),
        Parameter("mass", LogNormal(0.0, 0.5), unit="kg", label="m"),
        Parameter("wa", Uniform(-3.0, 2.0)),
        Parameter("flux", LogUniform(0.1, 10.0)),
        Parameter("shift", Normal(1.0, 2.0)),
        Parameter("eff", TruncatedNormal(0.9, 0.1, 0.0, 1.0)),
        Parameter("iota", Sine()),
        Parameter("dec", Cosine()),
    ),
    LinearConstraint(("wa", "w0"), (1.0, 1.0), 0.0),
)
PLANE = Prior(
    (Parameter("a", Uniform(0.0, 4.0)), Parameter("b", Uniform(0.0, 2.0))),
    LinearConstraint(("a", "b"), (1.0, 1.0), 2.0),
)
RESTRICTED = MIXED.restrict(np.full(8, 0.2), np.linspace(0.5, 1.0, 8))

reproducible = settings(derandomize=True, deadline=None, max_examples=100)
seeds = st.integers(0, 2**32)


def density(prior, *point):
    return math.exp(prior.log_prob(np.array([point]))[0])


# -- draws and density ----------------------------------------------------------------------


@pytest.mark.parametrize("prior", [MIXED, PLANE, RESTRICTED])
def test_draws_are_reproducible_and_inside(prior):
    theta = prior.sample(2000, stream(0, "draws"))
    assert theta.shape == (2000, prior.dim)
    assert np.array_equal(theta, prior.sample(2000, stream(0, "draws")))
    assert np.all(np.isfinite(prior.log_prob(theta)))
    if prior.constraint is not None:
        assert np.all(prior.constraint.satisfied(dict(zip(prior.names, theta.T, strict=True))))


def test_marginals_of_draws_are_the_distributions():
    theta = MIXED.sample(4000, stream(1, "marginals"))
    for k, parameter in enumerate(MIXED.parameters):
        if parameter.name not in MIXED.constraint.names:
            # Kolmogorov–Smirnov at 1e-4 for each of six: false alarm 6e-4, and the seed is fixed.
            assert stats.kstest(theta[:, k], parameter.distribution.cdf).pvalue > 1e-4


def test_log_prob_of_independent_parameters_is_the_sum():
    prior = Prior((Parameter("a", Normal(0, 2)), Parameter("b", LogUniform(1, 10))))
    expected = stats.norm(0, 2).logpdf(0.7) + stats.loguniform(1, 10).logpdf(3.0)
    assert prior.log_prob([[0.7, 3.0]]) == pytest.approx([expected])


def test_constrained_density_integrates_to_one():
    area, _ = integrate.dblquad(lambda b, a: density(PLANE, a, b), 0, 2, 0, lambda a: 2 - a)
    assert area == pytest.approx(1.0, abs=1e-8)


def test_restricted_density_integrates_to_one():
    prior = PLANE.restrict([0.1, 0.25], [0.8, 0.75])
    a_range = prior.from_unit([[0.0, 0.5], [1.0, 0.5]])[:, 0]
    n = 1000
    a, b = np.meshgrid(
        np.linspace(*a_range, n + 1)[:-1] + np.diff(a_range) / n / 2, (np.arange(n) + 0.5) * 2 / n
    )
    value = np.exp(prior.log_prob(np.stack([a.ravel(), b.ravel()], axis=1)))
    # Midpoint rule on n cells a side: the two edges cross about 2n cells, each half wrong.
    assert value.sum() * np.diff(a_range)[0] * 2 / n**2 == pytest.approx(1.0, abs=2 / n)
    assert prior.log_volume == pytest.approx(math.log(0.7 * 0.5))


@pytest.mark.parametrize(
    "point", [(-0.1, 0.5), (4.1, 0.5), (0.5, -0.1), (1.5, 0.6), (3.0, 0.0), (3.0, -0.5)]
)
def test_density_is_zero_outside(point):
    assert density(PLANE, *point) == 0.0


def test_density_of_nan_and_infinite_points_is_zero():
    bad = np.tile(MIXED.sample(1, stream(0, "bad")), (3 * MIXED.dim, 1))
    for k, value in itertools.product(range(MIXED.dim), [np.nan, np.inf, -np.inf]):
        bad[3 * k + [np.nan, np.inf, -np.inf].index(value), k] = value
    for prior in (MIXED, RESTRICTED):
        assert np.all(np.isneginf(prior.log_prob(bad)))


@pytest.mark.parametrize("theta", [np.zeros(2), np.zeros((3, 3)), np.zeros((1, 2, 1)), 0.5])
def test_wrong_shapes_are_refused(theta):
    for method in (PLANE.log_prob, PLANE.from_unit, PLANE.to_unit, PLANE.log_abs_det):
        with pytest.raises(DataError, match=r"wrong shape.*expected \(n, 2\)"):
            method(theta)


def test_no_points_give_no_densities():
    assert PLANE.log_prob(np.empty((0, 2))).shape == (0,)
    assert PLANE.from_unit(np.empty((0, 2))).shape == (0, 2)


# -- maps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", [MIXED, PLANE, RESTRICTED])
def test_unit_cube_map_has_an_inverse(prior):
    u = stream(2, "cube").uniform(0.001, 0.999, (500, prior.dim))
    assert prior.to_unit(prior.from_unit(u)) == pytest.approx(u, abs=1e-8)


@pytest.mark.parametrize("prior", [MIXED, PLANE, RESTRICTED])
def test_every_corner_of_the_cube_is_in_the_closed_support(prior):
    u = np.array(list(itertools.product([0.0, 1.0], repeat=prior.dim)))
    theta = prior.from_unit(u)
    assert not np.any(np.isnan(theta))
    finite = np.all(np.isfinite(theta), axis=1)
    inner = prior.from_unit(np.clip(u, 1e-9, 1 - 1e-9))
    assert np.all(np.isfinite(prior.log_prob(inner)))
    for k, parameter in enumerate(prior.parameters):
        low, high = parameter.distribution.support
        assert np.all((theta[finite, k] >= low) & (theta[finite, k] <= high))


@pytest.mark.parametrize("prior", [MIXED, PLANE, RESTRICTED])
def test_points_outside_land_on_the_edge(prior):
    inside = prior.from_unit(np.full((1, prior.dim), 0.5))
    for k, (value, edge) in itertools.product(range(prior.dim), [(1e6, 1.0), (-1e6, 0.0)]):
        outside = inside.copy()
        outside[0, k] = value
        u = prior.to_unit(outside)
        assert u[0, k] == edge
        assert np.all((u >= 0) & (u <= 1))


@reproducible
@given(seeds, st.sampled_from([MIXED, PLANE, RESTRICTED]))
def test_log_abs_det_is_the_numerical_jacobian(seed, prior):
    z = np.clip(stream(seed, "z").standard_normal((1, prior.dim)), -2.5, 2.5)
    theta = prior.from_unconstrained(z)
    step = 1e-5
    jacobian = np.empty((prior.dim, prior.dim))
    for k, shift in enumerate(step * np.eye(prior.dim)):
        up, down = prior.from_unconstrained(z + shift), prior.from_unconstrained(z - shift)
        jacobian[:, k] = (up - down)[0] / (2 * step)
    sign, log_det = np.linalg.slogdet(jacobian)
    assert sign == 1
    assert prior.log_abs_det(theta)[0] == pytest.approx(log_det, abs=1e-4)


def test_unconstrained_map_has_an_inverse_and_stays_finite():
    z = stream(3, "z").standard_normal((500, MIXED.dim))
    assert MIXED.to_unconstrained(MIXED.from_unconstrained(z)) == pytest.approx(z, abs=1e-6)
    wild = np.array([[1e3] * MIXED.dim, [-1e3] * MIXED.dim])
    for prior in (MIXED, RESTRICTED):
        theta = prior.from_unconstrained(wild)
        assert np.all(np.isfinite(theta))
        assert np.all(np.isfinite(prior.to_unconstrained(theta)))
        assert np.all(np.abs(prior.to_unconstrained(theta)) < 8.3)


def test_prior_is_standard_normal_in_unconstrained_space():
    z = MIXED.to_unconstrained(MIXED.sample(4000, stream(4, "z")))
    # Kolmogorov–Smirnov at 1e-4 for each of eight; correlations have deviation 1/√4000.
    assert all(stats.kstest(column, "norm").pvalue > 1e-4 for column in z.T)
    correlation = np.corrcoef(z.T)[np.triu_indices(MIXED.dim, 1)]
    assert np.abs(correlation).max() < 5 / math.sqrt(4000)


# -- restricting ----------------------------------------------------------------------------


@reproducible
@given(seeds, st.sampled_from([MIXED, PLANE]))
def test_restriction_keeps_the_shape_and_renormalises(seed, prior):
    rng = stream(seed, "box")
    edges = np.sort(rng.random((2, prior.dim)), axis=0)
    low, high = edges[0] * 0.9, edges[1] * 0.9 + 0.1
    inner = prior.restrict(low, high)
    theta = prior.from_unit(rng.random((100, prior.dim)))
    u = prior.to_unit(theta)
    inside = np.all((u > low) & (u < high), axis=1)
    shift = prior.log_prob(theta) - np.sum(np.log(high - low))
    value = inner.log_prob(theta)
    assert value[inside] == pytest.approx(shift[inside], abs=1e-9)
    assert np.all(np.isneginf(value[~inside]))
    drawn = inner.sample(100, rng)
    assert np.all(np.isfinite(inner.log_prob(drawn)))


def test_restrictions_nest():
    once = PLANE.restrict([0.2, 0.0], [0.8, 0.5])
    twice = once.restrict([0.5, 0.0], [1.0, 1.0])
    assert np.array(twice.box) == pytest.approx(np.array([[0.5, 0.8], [0.0, 0.5]]))
    assert twice.log_volume == pytest.approx(math.log(0.3 * 0.5))
    whole = PLANE.restrict([0.0, 0.0], [1.0, 1.0])
    assert whole == PLANE


@pytest.mark.parametrize(
    ("low", "high"), [([0.5, 0.0], [0.5, 1.0]), ([0.6, 0.0], [0.5, 1.0]), ([-0.1, 0.0], [1.0, 1.0])]
)
def test_empty_boxes_are_refused(low, high):
    with pytest.raises(UsageError, match="bad box"):
        PLANE.restrict(low, high)


# -- fixing ---------------------------------------------------------------------------------


def test_fixing_one_of_the_pair_leaves_the_conditional():
    prior = MIXED.fix({"w0": 0.5, "mass": 1.0})
    assert prior.names == ("wa", "flux", "shift", "eff", "iota", "dec")
    assert prior.parameters[0].distribution == Uniform(-3.0, -0.5)
    assert prior.constraint is None
    assert PLANE.fix({"b": 0.5}).parameters[0].distribution == Uniform(0.0, 1.5)


def test_fixing_with_a_negative_weight_cuts_below():
    prior = Prior(
        (Parameter("m1", Uniform(1, 5)), Parameter("m2", Uniform(1, 5))),
        LinearConstraint(("m2", "m1"), (1.0, -1.0), 0.0),
    )
    assert prior.fix({"m2": 2.0}).parameters[0].distribution == Uniform(2.0, 5.0)
    assert prior.fix({"m1": 2.0}).parameters[0].distribution == Uniform(1.0, 2.0)


def test_fixing_a_parameter_outside_the_pair_keeps_the_constraint():
    prior = MIXED.fix({"flux": 1.0})
    assert prior.constraint == MIXED.constraint
    assert prior.dim == 7


def test_fixing_both_of_the_pair():
    assert MIXED.fix({"w0": -1.0, "wa": 0.0}).dim == 6
    with pytest.raises(UsageError, match="fixed values break the constraint"):
        MIXED.fix({"w0": 1.0, "wa": 0.0})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"W0": 0.0}, "unknown parameter to fix; got 'W0'.*did you mean 'w0'"),
        ({"w0": 1.5}, r"fixed value of w0 is outside its prior; got 1.5; expected a number in"),
        ({"w0": math.nan}, "fixed value of w0 is outside its prior; got nan"),
        ({"w0": "-1"}, "fixed value of w0 is outside its prior; got '-1'"),
        ({"w0": True}, "fixed value of w0 is outside its prior; got True"),
    ],
)
def test_bad_fixed_values_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        MIXED.fix(values)


def test_fixing_everything_and_fixing_a_restricted_prior_are_refused():
    with pytest.raises(UsageError, match="all parameters are fixed"):
        PLANE.fix({"a": 0.5, "b": 0.5})
    with pytest.raises(UsageError, match="restricted prior cannot be fixed"):
        RESTRICTED.fix({"flux": 1.0})


def test_a_fixed_value_that_leaves_nothing_is_refused():
    with pytest.raises(UsageError, match="width"):
        PLANE.fix({"a": 3.0})


# -- identity -------------------------------------------------------------------------------


def test_keys_tell_priors_apart_but_not_labels():
    def prior(**changes):
        given = {"name": "a", "distribution": Uniform(0, 1), "unit": "m", "label": "a", **changes}
        return Prior((Parameter(**given), Parameter("b", Uniform(0, 1))))

    assert prior().key == prior(label=r"\alpha").key
    others = [
        prior(name="c"),
        prior(distribution=Uniform(0, 2)),
        prior(distribution=LogUniform(0.1, 1)),
        prior(unit="km"),
        prior(periodic=True),
        prior().restrict([0, 0], [0.5, 1]),
        Prior(prior().parameters[::-1]),
        Prior(prior().parameters, LinearConstraint(("a", "b"), (1, 1), 1)),
        Prior(prior().parameters, LinearConstraint(("a", "b"), (1, 1), 1.5)),
    ]
    keys = {p.key for p in [prior(), *others]}
    assert len(keys) == len(others) + 1


def test_descriptions_are_plain_json():
    for prior in (MIXED, PLANE, RESTRICTED):
        assert json.loads(json.dumps(prior.describe())) == prior.describe()


def test_lists_of_parameters_are_accepted():
    assert Prior([Parameter("a", Uniform(0, 1))]).parameters == (Parameter("a", Uniform(0, 1)),)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Prior(()), "at least one parameter"),
        (lambda: Prior((PLANE.parameters[0],) * 2), "parameter names repeat; got a, a"),
        (
            lambda: Prior(PLANE.parameters, LinearConstraint(("a", "B"), (1, 1), 0)),
            "unknown parameter in constraint; got 'B'.*did you mean 'b'",
        ),
        (
            lambda: Prior(MIXED.parameters, LinearConstraint(("w0", "flux"), (1, 1), 0)),
            "needs two uniform parameters",
        ),
        (
            lambda: Prior(PLANE.parameters, LinearConstraint(("a", "b"), (1, 1), -1)),
            "excludes the whole prior",
        ),
        (lambda: Prior(PLANE.parameters, box=((0.0, 1.0),)), "bad box"),
    ],
)
def test_impossible_priors_are_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()
