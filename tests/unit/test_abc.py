"""Approximate Bayesian computation: weights, adjustment, verdicts, and the words of the grid."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import sbiwb
from sbiwb.approximations._comparing import adjusted, fit_summary, nearest, widening
from sbiwb.approximations.abc_rejection import RejectionABC, RejectionOptions
from sbiwb.approximations.abc_smc import Kernels, SequentialABC, SequentialOptions
from sbiwb.core.distributions import Normal, Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.tolerance import tolerance
from sbiwb.errors import InferenceError, UsageError
from sbiwb.execute import parse_execution, simulate
from sbiwb.execute.shipping import pack
from sbiwb.method import parse_method, parse_rounds
from sbiwb.rng import stream
from sbiwb.simulators.benchmark.gaussian import Gaussian

SIMULATOR = Gaussian(dim=2, noise=0.3, prior_sd=1.0, correlation=0.5)
X = np.array([0.9, -0.4])
MEAN, COVARIANCE = SIMULATOR.posterior(X)
WHITENER = np.linalg.inv(np.linalg.cholesky(COVARIANCE)).T


def drawn(approximation, options, seed=0, budget=10_000):
    def simulated(proposal, n):
        return simulate(SIMULATOR, proposal, n, seed=seed + n)

    return approximation.draw(SIMULATOR.prior, X, simulated, budget, options, seed).draws


def p_value(draws):
    """Of the mean and of both variances, as in `test_samplers_gaussian`."""
    white, n = (draws.flat - MEAN) @ WHITENER, draws.stats["ess"]
    z = (white.var(axis=0) - 1) * np.sqrt(n / 2)
    mean = stats.chi2(2).sf(n * np.sum(white.mean(axis=0) ** 2))
    return min(mean, 4 * stats.norm.sf(np.abs(z).max()))


# -- posteriors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("approximation", "options"),
    [
        (RejectionABC(), RejectionOptions(summary="learned")),
        (SequentialABC(), SequentialOptions(summary="learned")),
        (SequentialABC(), SequentialOptions(summary="data")),
    ],
    ids=["rejection", "smc", "smc-data"],
)
def test_adjusted_draws_are_those_of_a_linear_gaussian_posterior(approximation, options):
    # Means are linear in the data and noise is constant: the adjustment is exact.
    assert p_value(drawn(approximation, options)) > 1e-4


def test_without_adjustment_it_is_said_that_the_draws_are_wider():
    draws = drawn(RejectionABC(), RejectionOptions(adjust=False, quantile=0.2), budget=20_000)
    wide = ((draws.flat - MEAN) @ WHITENER).std(axis=0)
    assert wide.min() > 1.3
    verdict = tolerance(*(draws.stats[k] for k in ("widening", "widening_err", "accepted")))
    assert verdict.outcome is Outcome.WARN
    assert "wider than the posterior" in verdict.message


def test_weights_that_are_forgotten_are_caught(monkeypatch):
    monkeypatch.setattr(Kernels, "log_weight", lambda _, theta: np.zeros(len(theta)))
    assert p_value(drawn(SequentialABC(), SequentialOptions())) < 1e-4


def test_sequential_draws_come_nearer_than_rejection():
    options = {"adjust": False, "summary": "data"}
    near = drawn(SequentialABC(), SequentialOptions(**options, particles=400))
    far = drawn(RejectionABC(), RejectionOptions(**options, quantile=200 / 10_000))
    assert near.stats["accepted"] == far.stats["accepted"] == 200
    assert near.stats["tolerance"] < 0.7 * far.stats["tolerance"]


@pytest.mark.parametrize(("summary", "near"), [("auto", True), ("data", True), ("learned", False)])
def test_few_data_are_compared_as_they_are_so_that_modes_are_told_apart(summary, near):
    # x = a² + noise at x = 1: |a| = 1 ± 0.05.  The mean of a is zero whatever x is.
    prior = Prior((Parameter("a", Uniform(-2, 2)),))
    squared = sbiwb.simulator(
        lambda theta, rng: theta**2 + 0.1 * rng.standard_normal(theta.shape), prior, batched=True
    )
    options = RejectionOptions(summary=summary, adjust=False, quantile=0.04)

    def simulated(proposal, n):
        return simulate(squared, proposal, n, seed=1)

    found = RejectionABC().draw(prior, np.ones(1), simulated, 5000, options, 1)
    size = np.abs(found.draws.flat[:, 0])
    assert bool(abs(size.mean() - 1) < 0.02 and size.std() < 0.1) is near


def test_data_that_tell_nothing_make_no_summary():
    prior = Prior((Parameter("a", Normal(0, 1)),))
    deaf = sbiwb.simulator(
        lambda theta, rng: rng.standard_normal((len(theta), 30)), prior, batched=True
    )
    with pytest.raises(InferenceError, match=r"no summary can be learned.*summary=data"):
        fit_summary("learned", simulate(deaf, prior, 200, seed=1), prior, 1)


def test_a_summary_of_more_data_than_simulations_is_learned():
    """A line of 300 noisy points, of 100 simulations: height and slope are in two axes of them."""
    prior = Prior((Parameter("height", Normal(0, 1)), Parameter("slope", Normal(0, 1))))
    places = np.linspace(-1, 1, 300)
    line = sbiwb.simulator(
        lambda theta, rng: theta @ [np.ones(300), places] + rng.standard_normal((len(theta), 300)),
        prior,
        batched=True,
    )
    simulations = simulate(line, prior, 100, seed=1)
    summary = fit_summary("learned", simulations, prior, 1)
    fresh = simulate(line, prior, 500, seed=2)
    unknown = fresh.theta - summary(fresh.x) @ np.linalg.lstsq(summary(fresh.x), fresh.theta)[0]
    # The posterior is 0.06 and 0.1 wide; a summary that says nothing leaves 1.
    assert unknown.std(axis=0).max() < 0.2


def test_draws_that_are_all_as_far_as_the_tolerance_are_kept():
    off = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    z = np.array([[0.3], [0.1], [0.3], [0.1]])
    moved, weights = adjusted(z, off, np.zeros(4), np.ones(4), 1.0)
    assert np.allclose(moved, 0.2)
    assert weights.tolist() == [0.0] * 4
    same, _ = adjusted(z, 0 * off, np.zeros(4), np.zeros(4), 0.0)
    assert np.allclose(same, z)


# -- parts --------------------------------------------------------------------------------------


def test_kernels_have_the_density_that_they_draw_from():
    prior = Prior((Parameter("a", Normal(0, 1)), Parameter("b", Uniform(0, 1))))
    centres = prior.sample(30, stream(0, "centres"))
    kernels = Kernels.of(prior, centres, stream(0, "weights").standard_normal(30))
    theta = kernels.sample(20_000, stream(0, "draws"))
    weights = np.exp(kernels.log_weight(theta))
    # The mean of prior over proposal is one, and weighted draws are those of the prior.
    assert abs(weights.mean() - 1) < 5 * weights.std() / np.sqrt(len(weights))
    b = weights * (theta[:, 1] - 0.5)
    assert abs(b.mean()) < 5 * b.std() / np.sqrt(len(b))


def test_kernels_can_be_sent_to_workers_and_have_keys_of_their_own():
    import cloudpickle

    theta = SIMULATOR.prior.sample(20, stream(0, "centres"))
    first = Kernels.of(SIMULATOR.prior, theta, np.zeros(20))
    second = Kernels.of(SIMULATOR.prior, theta, np.arange(20.0))
    assert first.key != second.key
    again = cloudpickle.loads(cloudpickle.dumps(first))
    rng = (stream(1, "draws") for _ in range(2))
    assert np.array_equal(again.sample(3, next(rng)), first.sample(3, next(rng)))
    assert pack(SIMULATOR)
    assert parse_execution(None).cluster == "inline"


def test_the_tolerance_is_the_next_distance_and_failures_are_never_near():
    rows, limit = nearest(np.array([3.0, 1.0, np.inf, 2.0]), 2)
    assert rows.tolist() == [1, 3]
    assert limit == 3.0
    assert nearest(np.array([3.0, 1.0, np.inf, 2.0]), 10)[0].tolist() == [1, 3]


def test_an_adjustment_removes_what_is_linear():
    rng = np.random.default_rng(0)
    off, noise = rng.standard_normal((500, 2)), 0.1 * rng.standard_normal((500, 1))
    moved, weights = adjusted(
        off @ [[2.0], [-1.0]] + noise, off, np.zeros(500), np.linalg.norm(off, axis=1), 4.0
    )
    assert moved.std() == pytest.approx(0.1, rel=0.15)
    assert weights.max() < 0 < np.exp(weights).min() + 1


def test_widening_tells_how_the_width_grows():
    rng = np.random.default_rng(0)
    distance = np.sqrt(rng.random(5000))
    z = rng.standard_normal((5000, 1)) * np.sqrt(1 + 2 * distance**2)[:, None]
    wider, error = widening(z, distance, np.zeros(5000))
    # The variance is 2 on average and 1 at distance zero.
    assert abs(wider - (np.sqrt(2) - 1)) < 4 * error
    flat, error = widening(z / np.sqrt(1 + 2 * distance**2)[:, None], distance, np.zeros(5000))
    assert abs(flat) < 4 * error


@pytest.mark.parametrize(
    ("widening", "error", "outcome"),
    [(0.0, 0.02, Outcome.UNKNOWN), (0.5, 0.05, Outcome.WARN), (0.1, 0.3, Outcome.UNKNOWN)],
)
def test_verdicts_say_what_is_known(widening, error, outcome):
    verdict = tolerance(widening, error, 500)
    assert verdict.outcome is outcome
    assert "500 accepted" in verdict.message


# -- words --------------------------------------------------------------------------------------


def test_a_method_of_one_word():
    method = parse_method("abc-smc", {"particles": 500})
    assert method.estimator is None
    assert method.sampler is None
    assert method.approximation_options.particles == 500


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("abc-smc+emcee", {}, "'abc-smc' needs no sampler"),
        ("abc_smc", {}, "did you mean 'abc-smc'"),
        ("abc-smc", {"particle": 5}, "did you mean 'particles'"),
        ("abc-rejection", {"quantile": 2.0}, "bad option quantile of abc-rejection"),
    ],
)
def test_slips_are_answered(name, options, message):
    with pytest.raises(UsageError, match=message):
        parse_method(name, options, also=("budget", "rounds"))


def test_rounds_mean_nothing_to_it():
    with pytest.raises(UsageError, match="rounds mean nothing to abc-smc"):
        parse_rounds("abc-smc", 1000, 2)


def test_a_result_counts_its_calls_and_is_judged():
    problem = sbiwb.problem(SIMULATOR, X)
    result = sbiwb.infer(problem, "abc-smc", seed=1, budget=3000, particles=500)
    assert result.cost.simulator_calls == 3000
    names = {verdict.name for verdict in result.verdicts}
    assert {"tolerance", "ess", "prior_predictive"} <= names
    assert result.log_evidence is None
    assert len(result.tree["training"]["theta"]) == 500
    again = sbiwb.infer(problem, "abc-smc", seed=1, budget=3000, particles=500)
    assert np.array_equal(result.samples(), again.samples())
