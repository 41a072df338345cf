"""Correlated normal parameters: density, the unit-cube map, restriction, fixing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from sbiwb import Correlation, LinearConstraint, Normal, Parameter, Prior, Uniform
from sbiwb.errors import UsageError
from sbiwb.rng import stream
from sbiwb.testing.prior import check_prior

MATRIX = ((1.0, 0.8, -0.5), (0.8, 1.0, -0.1), (-0.5, -0.1, 1.0))
MEAN, SD = np.array([1.0, -2.0, 0.0]), np.array([2.0, 0.1, 30.0])
COVARIANCE = np.array(MATRIX) * np.outer(SD, SD)
NORMALS = tuple(
    Parameter(name, Normal(*values))
    for name, *values in zip("abc", MEAN.tolist(), SD.tolist(), strict=True)
)
PRIOR = Prior(NORMALS, correlation=Correlation(("a", "b", "c"), MATRIX))
# Correlated, constrained and independent parameters, interleaved and named in another order.
MIXED = Prior(
    (
        NORMALS[1],
        Parameter("u", Uniform(0.0, 4.0)),
        NORMALS[0],
        Parameter("free", Normal(0.0, 1.0)),
        Parameter("v", Uniform(0.0, 2.0)),
    ),
    LinearConstraint(("u", "v"), (1.0, 1.0), 2.0),
    correlation=Correlation(("a", "b"), ((1.0, 0.8), (0.8, 1.0))),
)


def test_the_density_is_that_of_a_multivariate_normal():
    theta = PRIOR.sample(100, stream(0, "theta"))
    expected = stats.multivariate_normal(MEAN, COVARIANCE).logpdf(theta)
    assert np.allclose(PRIOR.log_prob(theta), expected, rtol=1e-12)


def test_draws_have_the_covariance():
    theta = PRIOR.sample(20_000, stream(1, "theta"))
    # The error of a correlation from n draws is below 1/√n.
    assert np.abs(np.corrcoef(theta.T) - MATRIX).max() < 5 / np.sqrt(20_000)
    for k, parameter in enumerate(PRIOR.parameters):
        assert stats.kstest(theta[:, k], parameter.distribution.cdf).pvalue > 1e-4


@pytest.mark.parametrize("prior", [PRIOR, MIXED, MIXED.restrict([0.1] * 5, [0.7] * 5)])
def test_maps_and_density_belong_together(prior):
    check_prior(prior, "the prior")


def test_the_edges_of_the_cube_are_finite():
    assert np.all(np.isfinite(PRIOR.from_unit([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])))


def test_fixing_gives_the_conditional():
    fixed = PRIOR.fix({"b": -1.9})
    theta = fixed.sample(50, stream(2, "theta"))
    whole = np.column_stack([theta[:, 0], np.full(50, -1.9), theta[:, 1]])
    difference = PRIOR.log_prob(whole) - fixed.log_prob(theta)
    expected = stats.norm(MEAN[1], SD[1]).logpdf(-1.9)
    assert np.allclose(difference, expected, rtol=1e-10)


def test_fixing_all_but_one_leaves_a_plain_normal():
    fixed = PRIOR.fix({"b": -1.9, "c": 10.0})
    assert fixed.correlation is None
    assert fixed.names == ("a",)
    assert fixed.parameters[0].distribution.sd < SD[0]


def test_fixing_others_keeps_the_correlation():
    assert MIXED.fix({"free": 0.0, "u": 1.0}).correlation == MIXED.correlation
    conditional = MIXED.fix({"a": 1.5})
    assert conditional.constraint == MIXED.constraint
    assert conditional.correlation is None


def test_the_key_knows_the_correlation_and_only_then():
    independent = Prior(NORMALS)
    assert PRIOR.key != independent.key
    assert "correlation" not in independent.describe()
    assert json.loads(json.dumps(PRIOR.describe())) == PRIOR.describe()


@pytest.mark.parametrize(
    ("names", "matrix", "match"),
    [
        (("a",), ((1.0,),), "bad correlation"),
        (("a", "a"), ((1.0, 0.0), (0.0, 1.0)), "bad correlation"),
        (("a", "b"), ((1.0, 0.0), (0.0,)), "bad correlation"),
        (("a", "b"), ((1.0, 0.5),), "not a correlation matrix"),
        (("a", "b"), ((1.0, 0.5), (0.4, 1.0)), "not a correlation matrix"),
        (("a", "b"), ((1.0, 1.0), (1.0, 1.0)), "not a correlation matrix"),
        (("a", "b"), ((2.0, 0.0), (0.0, 1.0)), "not a correlation matrix"),
        (("a", "b"), ((1.0, np.nan), (np.nan, 1.0)), "not a correlation matrix"),
    ],
)
def test_bad_correlations_are_refused(names, matrix, match):
    with pytest.raises(UsageError, match=match):
        Correlation(names, matrix)


def test_a_correlation_needs_normal_parameters_of_the_prior():
    pair = Correlation(("a", "u"), ((1.0, 0.5), (0.5, 1.0)))
    with pytest.raises(UsageError, match=r"a correlation needs normal parameters; got Uniform"):
        Prior((NORMALS[0], Parameter("u", Uniform(0.0, 1.0))), correlation=pair)
    with pytest.raises(UsageError, match="unknown parameter in correlation; got 'u'"):
        Prior(NORMALS, correlation=pair)
