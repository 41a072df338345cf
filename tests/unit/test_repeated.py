"""Several independent data of the same parameters, by every kind of method."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb.core.problem import make_problem
from sbiwb.core.repeated import RepeatedSimulator
from sbiwb.core.simulator import KnownLikelihood, KnownMean, TorchLikelihood
from sbiwb.errors import DataError, UsageError
from sbiwb.estimators._composition import ComposedPosterior
from sbiwb.estimators._product import ProductLikelihood
from sbiwb.likelihoods._gradients import jacobian
from sbiwb.likelihoods.base import Differentiable, Likelihood
from sbiwb.rng import stream
from sbiwb.simulators.benchmark.gaussian import Gaussian
from sbiwb.testing import check_simulator

ONE = Gaussian(dim=2)
FIVE = RepeatedSimulator(ONE, 5)
THETA = ONE.prior.sample(4, stream(0, "theta"))
X = FIVE.simulate(THETA, stream(0, "x"))


def test_it_keeps_the_contract_of_a_simulator():
    check_simulator(FIVE)


def test_its_likelihood_is_the_product():
    each = [[ONE.log_likelihood(t[None], y)[0] for y in ys] for t, ys in zip(THETA, X, strict=True)]
    assert FIVE.log_likelihood(THETA, X) == pytest.approx(np.sum(each, axis=1))
    shared = [np.sum(ONE.log_likelihood(np.repeat(t[None], 5, 0), X[0])) for t in THETA]
    assert FIVE.log_likelihood(THETA, X[0]) == pytest.approx(shared)


def test_capabilities_and_names_are_those_of_the_inner_simulator():
    plain = RepeatedSimulator(sbiwb.simulator(lambda theta: theta, ONE.prior), 3)
    for capability in (KnownLikelihood, TorchLikelihood, KnownMean):
        assert isinstance(FIVE, capability)
        assert not isinstance(plain, capability)
    assert FIVE.fingerprint() != ONE.fingerprint()
    assert FIVE.output.shape == (5, 2)


def test_a_datum_fails_with_its_first_reason():
    class Failing(Gaussian):
        reasons = {7: "too hot", 6: "too cold"}  # noqa: RUF012

    assert RepeatedSimulator(Failing(dim=2), 5).reasons == {1: "too cold"}


class Learned(Likelihood):
    """The exact likelihood in the place of a learned one."""

    def log_likelihood(self, theta, x):
        return ONE.log_likelihood(theta, x)

    def gradient(self, points, x, to_theta):
        slope = (x - to_theta(points)) @ np.linalg.inv(ONE.covariance)
        return self.log_likelihood(to_theta(points), x), np.einsum(
            "ni,nij->nj", slope, jacobian(to_theta, points)
        )


def test_a_learned_likelihood_is_multiplied_and_so_is_its_gradient():
    product = ProductLikelihood(Learned(), 5)
    assert isinstance(product, Differentiable)
    assert product.log_likelihood(THETA, X) == pytest.approx(FIVE.log_likelihood(THETA, X))
    z = ONE.prior.to_unconstrained(THETA)
    value, gradient = product.gradient(z, X, ONE.prior.from_unconstrained)
    assert value == pytest.approx(FIVE.log_likelihood(THETA, X))

    def moved(z):
        theta = ONE.prior.from_unconstrained(z)
        return FIVE.log_likelihood(theta, np.repeat(X, 4, axis=0))

    assert gradient == pytest.approx(jacobian(moved, z)[:, 0], rel=1e-4)


@pytest.mark.parametrize("repeats", [0, -1, 2.0, True, "5"])
def test_repeats_are_a_number(repeats):
    with pytest.raises(UsageError, match="bad repeats"):
        make_problem(ONE, X[0], repeats=repeats)


def test_the_observation_has_a_row_for_each():
    with pytest.raises(DataError, match=r"wrong shape; got \(5, 2\); expected \(4, 2\)"):
        make_problem(ONE, X[0], repeats=4)
    with pytest.raises(DataError, match=r"wrong shape; got \(2,\); expected \(3, 2\)"):
        sbiwb.problem("benchmark.two_moons", repeats=3)  # it ships one datum


@pytest.mark.parametrize(
    ("method", "options"),
    [("nle+emcee", {}), ("npe", {}), ("npse", {"several": "composed"})],
)
def test_a_result_is_saved_and_loaded_with_its_product(method, options, tmp_path):
    problem = sbiwb.problem("benchmark.gaussian", X[0], repeats=5, dim=2)
    result = sbiwb.infer(problem, method, seed=1, budget=500, steps=20, draws=100, **options)
    assert result.cost.simulator_calls == 500
    result.save(tmp_path / "five.nc")
    loaded = sbiwb.load(tmp_path / "five.nc")
    assert loaded.problem.describe() == problem.describe()
    density = "log_likelihood" if method == "nle+emcee" else "log_prob"
    again = getattr(loaded.learned, density)(THETA, X)
    assert np.array_equal(again, getattr(result.learned, density)(THETA, X))


def test_too_few_calls_for_one_set_are_refused():
    problem = make_problem(ONE, X[0], repeats=5)
    with pytest.raises(UsageError, match="too few simulator calls for data of 5 each"):
        sbiwb.infer(problem, "npe", budget=4)


def test_one_datum_has_no_scores_to_compose():
    with pytest.raises(UsageError, match="nothing to compose"):
        sbiwb.infer(make_problem(ONE, X[0, 0]), "npse", budget=100, several="composed")


def test_composed_scores_learn_from_single_data():
    problem = make_problem(ONE, X[0], repeats=5)
    result = sbiwb.infer(
        problem, "npse", budget=500, rounds=2, steps=20, draws=100, several="composed"
    )
    assert isinstance(result.learned, ComposedPosterior)
    assert sum(result.provenance["simulations"].values()) == 500  # not of 100 sets
    outside = result.learned.log_prob(np.full((1, 2), np.inf), X[:1])
    assert outside.tolist() == [-np.inf]


def test_workers_rebuild_it():
    from sbiwb.execute.shipping import pack, unpack

    assert unpack(pack(FIVE)).fingerprint() == FIVE.fingerprint()
