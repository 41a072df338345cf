"""NUTS: gradients of every kind of likelihood, hard posteriors, and ends in bounded time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_targets import half, impossible, peak, target, two_peaks

import sbiwb
from sbiwb import registry
from sbiwb.core.distributions import Normal, Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulations import Simulations
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.convergence import _divergences
from sbiwb.effective_size import ess
from sbiwb.errors import InferenceError, UsageError
from sbiwb.likelihoods._gradients import jacobian
from sbiwb.likelihoods.base import Differentiable
from sbiwb.likelihoods.exact import Exact
from sbiwb.method import parse_method
from sbiwb.progress import QUIET
from sbiwb.rounds import of_round
from sbiwb.samplers._hamiltonian import rounding
from sbiwb.samplers.emcee import Emcee
from sbiwb.samplers.nuts import Nuts, NutsOptions

QUICK = {"draws": 200, "chains": 2, "warmup": 50, "max_steps": 200}


def sample(given, seed=0, **options):
    return Nuts().sample(given, NutsOptions(**{**QUICK, **options}), seed, QUIET)[0]


# -- gradients ----------------------------------------------------------------------------------


def learned(name, **options):
    """A likelihood learned in no time, of a parameter that is an angle and one that is not."""
    prior = Prior(
        (Parameter("a", Uniform(0.0, 6.28), periodic=True), Parameter("b", Normal(1.0, 2.0)))
    )
    rng = np.random.default_rng(0)
    theta = prior.sample(400, rng)
    x = np.stack([np.sin(theta[:, 0]), theta[:, 1]], axis=1) + rng.standard_normal((400, 2))
    estimator = registry.estimator(name)
    simulations = Simulations(theta, x, np.zeros(len(x), np.int8))
    options = estimator.options_type(steps=20, **options)
    return prior, estimator.train(simulations, prior, options, 0, QUIET)


def known():
    simulator = registry.build_simulator("benchmark.gaussian_mixture")
    return simulator.prior, Exact(simulator)


@pytest.mark.parametrize(
    "make",
    [
        known,
        lambda: learned("nle"),
        lambda: learned("nle", flow="nsf", transforms=1),
        lambda: learned("nre"),
    ],
    ids=["exact", "nle", "nle-nsf", "nre"],
)
def test_gradients_are_those_of_the_likelihood(make):
    prior, likelihood = make()
    assert isinstance(likelihood, Differentiable)
    z = np.random.default_rng(1).standard_normal((5, prior.dim))
    x = np.random.default_rng(2).standard_normal((5, 2))
    value, gradient = likelihood.gradient(z, x, prior.from_unconstrained)

    def log_likelihood(z):
        return likelihood.log_likelihood(prior.from_unconstrained(z), np.repeat(x, 4, axis=0))

    assert value == pytest.approx(
        likelihood.log_likelihood(prior.from_unconstrained(z), x), rel=1e-5, abs=1e-5
    )
    # Networks work in float32: 1e-6 of a value near 5, over a step of 1e-3.
    assert gradient == pytest.approx(jacobian(log_likelihood, z)[:, 0], abs=0.02)


def test_a_likelihood_without_a_twin_in_torch_has_no_gradient():
    simulator = registry.build_simulator("benchmark.two_moons")
    assert not isinstance(Exact(simulator), Differentiable)


def test_a_jacobian_is_the_volume_that_priors_say():
    prior = Prior((Parameter("a", Uniform(-3.0, 5.0)), Parameter("b", Normal(1.0, 2.0))))
    z = np.random.default_rng(0).standard_normal((20, 2))
    volume = np.linalg.slogdet(jacobian(prior.from_unconstrained, z))[1]
    assert volume == pytest.approx(prior.log_abs_det(prior.from_unconstrained(z)), abs=1e-5)


def test_any_cloud_becomes_round():
    rng = np.random.default_rng(0)
    cloud = 1e-6 * rng.standard_normal((500, 3)) @ np.array([[1, 0.9, 0], [0, 1, 0], [0, 0, 1e5]])
    centre, matrix = rounding(cloud)
    white = np.linalg.solve(matrix, (cloud - centre).T)
    assert np.cov(white) == pytest.approx(np.eye(3), abs=0.01)


# -- posteriors ---------------------------------------------------------------------------------


def test_half_of_the_prior_impossible_is_said():
    draws = sample(target(half))
    assert draws.theta[..., 0].max() < 0.5
    column = draws.theta[..., 1]
    assert abs(column.mean() - 0.7) < 5 * 0.05 / np.sqrt(ess(column, "bulk"))
    verdict = _divergences(draws.stats)
    assert verdict.outcome is Outcome.WARN
    assert "compare with slice" in verdict.message


def test_chains_in_two_modes_are_not_called_converged():
    draws = sample(target(two_peaks), chains=4, warmup=20, max_steps=50)
    assert not draws.stats["converged"]


def test_a_posterior_that_is_nowhere_ends_with_a_reason():
    with pytest.raises(InferenceError, match="zero almost everywhere in the prior"):
        sample(target(impossible))


def test_a_sampler_that_stalls_is_given_up():
    with pytest.raises(InferenceError, match=r"NUTS stalls.*max_calls=300"):
        sample(target(lambda theta, _: peak(theta, 0.5, 0.1)), max_calls=300)


def test_calls_that_run_out_end_the_chains():
    given = target(lambda theta, _: peak(theta, 0.5, 0.1))
    draws = sample(given, draws=4000, max_steps=2000, max_calls=4000)
    assert not draws.stats["converged"]
    assert draws.stats["steps"] < 2000


def test_more_draws_than_steps_are_refused():
    with pytest.raises(UsageError, match="more draws than the chains can hold; got 101"):
        sample(target(impossible), draws=101, max_steps=50)


def test_rounds_before_the_last_find_their_box_with_emcee():
    parsed = parse_method("nle+nuts", {"draws": 40, "chains": 2, "max_steps": 20})
    early = of_round(parsed, is_last=False)
    assert isinstance(early.sampler, Emcee)
    assert early.sampler_options.draws >= 1000  # however few were asked for
    assert of_round(parsed, is_last=True) is parsed


def test_rounds_end_where_a_first_network_has_two_modes():
    problem = sbiwb.problem("benchmark.two_moons", observation="num_observation_1")
    short = {"draws": 40, "chains": 2, "warmup": 20, "max_steps": 20}
    result = sbiwb.infer(problem, "nle+nuts", budget=400, rounds=2, seed=1, steps=50, **short)
    assert result.samples().shape == (40, 2)
    assert result.cost.simulator_calls == 400


def test_draws_depend_on_the_seed_and_global_states_stay():
    given = target(lambda theta, _: peak(theta, 0.5, 0.1))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (
        sample(given, seed, draws=20, warmup=20, max_steps=10) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.theta, again.theta)
    assert not np.array_equal(first.theta, other.theta)
    assert torch.equal(before, torch.get_rng_state())
    import pyro

    assert not list(pyro.get_param_store().keys())
