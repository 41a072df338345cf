"""The Gaussian toy: its closed forms agree with its likelihood and with each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sbiwb.errors import UsageError
from sbiwb.registry import build_simulator
from sbiwb.rng import stream
from sbiwb.testing import check_simulator

CASES = [{}, {"dim": 1}, {"dim": 5, "correlation": 0.9}, {"dim": 3, "correlation": -0.45}]


@pytest.mark.parametrize("options", CASES)
@pytest.mark.parametrize("count", [1, 5])
def test_bayes_theorem_holds(options, count):
    toy = build_simulator("benchmark.gaussian", **options)
    theta = toy.prior.sample(20, stream(0, "theta"))
    x = toy.simulate(np.repeat(theta[:1], count, axis=0), stream(1, "x"))
    mean, covariance = toy.posterior(x)
    log_posterior = stats.multivariate_normal(mean, covariance).logpdf(theta)
    log_joint = toy.prior.log_prob(theta) + sum(toy.log_likelihood(theta, row) for row in x)
    assert np.allclose(log_joint - log_posterior, toy.log_evidence(x), rtol=1e-10)


@pytest.mark.parametrize("options", CASES)
def test_each_keeps_the_contract(options):
    check_simulator(build_simulator("benchmark.gaussian", **options))


def test_posterior_draws_are_the_posterior_s():
    toy = build_simulator("benchmark.gaussian", dim=3, correlation=0.8)
    x = np.array([1.0, -0.5, 0.2])
    mean, covariance = toy.posterior(x)
    draws = toy.posterior_draws(x, 20_000, stream(2, "draws"))
    z = np.linalg.solve(np.linalg.cholesky(covariance), (draws - mean).T)
    # Five standard errors of a mean, and of an entry of a covariance, of unit normals.
    assert np.abs(z.mean(axis=1)).max() < 5 / np.sqrt(20_000)
    assert np.abs(np.cov(z) - np.eye(3)).max() < 5 * np.sqrt(2 / 20_000)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"dim": 0}, "bad dimension; got 0"),
        ({"dim": 2.0}, "bad dimension; got 2.0"),
        ({"dim": 3, "correlation": -0.5}, r"bad correlation; got -0.5; expected between -0.5 and"),
        ({"correlation": 1.0}, "bad correlation"),
        ({"noise": 0.0}, "bad noise"),
        ({"prior_sd": float("nan")}, "bad prior_sd"),
    ],
)
def test_options_out_of_range_are_refused(options, match):
    with pytest.raises(UsageError, match=match):
        build_simulator("benchmark.gaussian", **options)
