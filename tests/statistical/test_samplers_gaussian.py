"""Samplers on Gaussian posteriors known in closed form, with faults that the tests must catch.

Tolerances come from the Monte Carlo error: the whitened mean of n effective draws is N(0, 1/n) in
each of d directions, so n times its square is chi² with d degrees of freedom; a whitened variance
has a standard error of √(2/n).  Levels are 1e-4 where one number is tested.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sbiwb.core.distributions import Normal
from sbiwb.core.prior import Parameter, Prior
from sbiwb.effective_size import ess, rhat
from sbiwb.likelihoods._gradients import jacobian
from sbiwb.likelihoods.base import Likelihood
from sbiwb.progress import QUIET
from sbiwb.samplers import _ensembles, _hamiltonian, _moves, _slices
from sbiwb.samplers._coordinates import Coordinates
from sbiwb.samplers.base import Target
from sbiwb.samplers.dynesty import Dynesty, DynestyOptions
from sbiwb.samplers.emcee import Emcee, EmceeOptions
from sbiwb.samplers.nuts import Nuts, NutsOptions
from sbiwb.samplers.slice import EnsembleSlice, SliceOptions

LEVEL = 1e-4


class Gaussian(Likelihood):
    """x ~ N(θ, covariance)."""

    def __init__(self, covariance):
        self.precision = np.linalg.inv(covariance)
        self.norm = np.linalg.slogdet(2 * np.pi * covariance)[1]

    def log_likelihood(self, theta, x):
        chi2 = np.einsum("ni,ij,nj->n", x - theta, self.precision, x - theta)
        return -0.5 * (chi2 + self.norm)

    def gradient(self, points, x, to_theta):
        slope = (x - to_theta(points)) @ self.precision
        value = self.log_likelihood(to_theta(points), x)
        return value, np.einsum("ni,nij->nj", slope, jacobian(to_theta, points))


class Problem:
    """m observations of a correlated Gaussian with the prior N(0, 1) on each of d parameters."""

    def __init__(self, dim, m=1, seed=0, sd=0.3):
        noise = sd**2 * (0.2 * np.eye(dim) + 0.8)
        x = np.random.default_rng(seed).standard_normal((m, dim))
        prior = Prior(tuple(Parameter(f"p{k}", Normal(0, 1)) for k in range(dim)))
        self.target = Target(prior, Gaussian(noise), x)
        self.covariance = np.linalg.inv(np.linalg.inv(noise) + np.eye(dim))
        self.mean = x @ np.linalg.inv(noise) @ self.covariance
        marginal = stats.multivariate_normal(np.zeros(dim), noise + np.eye(dim))
        self.evidence = np.atleast_1d(marginal.logpdf(x))
        self.whitener = np.linalg.inv(np.linalg.cholesky(self.covariance)).T

    def white(self, k, draws):
        """Draws of the k-th posterior, standard normal if they are right; (chain, draw, d)."""
        return (draws.theta - self.mean[k]) @ self.whitener


def effective(white, draws):
    """Effective number in the worst direction."""
    if "ess" in draws.stats:
        return draws.stats["ess"]
    return min(ess(white[..., k], "bulk") for k in range(white.shape[-1]))


def p_mean(white, n):
    """p-value of the mean of all directions."""
    return stats.chi2(white.shape[-1]).sf(n * np.sum(white.mean(axis=(0, 1)) ** 2))


def p_variance(white, n):
    """p-value of the worst variance among directions (Bonferroni)."""
    z = (white.var(axis=(0, 1)) - 1) * np.sqrt(n / 2)
    return min(1.0, white.shape[-1] * 2 * stats.norm.sf(np.abs(z).max()))


def p_worst(problem, draws, k=0):
    white = problem.white(k, draws)
    n = effective(white, draws)
    return min(p_mean(white, n), p_variance(white, n))


def emcee(problem, seed=0, **options):
    return Emcee().sample(problem.target, EmceeOptions(**options), seed, QUIET)


def ensemble_slice(problem, seed=0, **options):
    return EnsembleSlice().sample(problem.target, SliceOptions(**options), seed, QUIET)


def dynesty(problem, seed=0, **options):
    return Dynesty().sample(problem.target, DynestyOptions(**options), seed, QUIET)


def nuts(problem, seed=0, **options):
    few = {"draws": 800, "chains": 2, "warmup": 60, "max_steps": 800, **options}
    return Nuts().sample(problem.target, NutsOptions(**few), seed, QUIET)


# -- ensembles ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 5, 10])
@pytest.mark.parametrize("sampler", [emcee, ensemble_slice])
def test_ensembles_have_the_right_moments_and_converge(sampler, dim):
    problem = Problem(dim)
    draws = sampler(problem)[0]
    assert draws.stats["converged"]
    assert p_worst(problem, draws) > LEVEL
    for k in range(dim):
        assert rhat(draws.theta[..., k]) < 1.01
        assert ess(draws.theta[..., k], "bulk") > 400


def test_a_stretch_without_its_jacobian_is_caught(monkeypatch):
    right = _moves.Stretch.propose_from

    def wrong(self, *halves):
        proposed, log_factor = right(self, *halves)
        return proposed, 0 * log_factor

    monkeypatch.setattr(_moves.Stretch, "propose_from", wrong)
    problem = Problem(5)
    assert p_worst(problem, emcee(problem)[0]) < LEVEL


def test_a_slice_that_is_too_low_is_caught(monkeypatch):
    right = _slices.slice_along

    def wrong(log_prob, value, *rest):
        at, found = right(lambda rows, at: log_prob(rows, at) + 0.5, value, *rest)
        return at, np.where(at == 0, found, found - 0.5)

    monkeypatch.setattr(_slices, "slice_along", wrong)
    problem = Problem(5)
    assert p_worst(problem, ensemble_slice(problem)[0]) < LEVEL


def test_a_prior_counted_twice_is_caught(monkeypatch):
    once = Coordinates.log_prior
    monkeypatch.setattr(Coordinates, "log_prior", lambda self, y: 2 * once(self, y))
    problem = Problem(2, sd=1.0)
    assert p_worst(problem, emcee(problem)[0]) < LEVEL


MANY = 50


def p_of_all(problem, every):
    """p-value of the means of all posteriors together."""
    total = 0.0
    for k, draws in enumerate(every):
        white = problem.white(k, draws)
        total += effective(white, draws) * np.sum(white.mean(axis=(0, 1)) ** 2)
    return stats.chi2(len(every) * white.shape[-1]).sf(total)


def test_fifty_posteriors_at_once_are_each_right():
    problem = Problem(2, m=MANY)
    every = emcee(problem, draws=1000, ensembles=2)
    assert p_of_all(problem, every) > LEVEL
    assert min(p_worst(problem, draws, k) for k, draws in enumerate(every)) > LEVEL / MANY
    # Walking beside others does not slow it: each autocorrelation time is known to a tenth or so.
    alone = emcee(Problem(2), draws=1000, ensembles=2)[0].stats["autocorrelation_time"]
    together = np.mean([draws.stats["autocorrelation_time"] for draws in every])
    assert together == pytest.approx(alone, rel=0.3)


def test_ensembles_given_to_the_wrong_observation_are_caught(monkeypatch):
    init = _ensembles.Ensembles.__init__

    def shifted(self, *args):
        init(self, *args)
        self.observation = np.roll(self.observation, 2)

    monkeypatch.setattr(_ensembles.Ensembles, "__init__", shifted)
    problem = Problem(2, m=MANY)
    assert p_of_all(problem, emcee(problem, draws=200, ensembles=2)) < LEVEL


# -- nuts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [2, 5])
def test_nuts_has_the_right_moments_and_converges(dim):
    problem = Problem(dim)
    draws = nuts(problem)[0]
    assert draws.stats["converged"]
    assert not draws.stats["differences"]
    assert p_worst(problem, draws) > LEVEL
    for k in range(dim):
        assert rhat(draws.theta[..., k]) < 1.01


def test_a_force_that_is_wrong_makes_no_draw_wrong(monkeypatch):
    # What allows for gradients by differences, see `jacobian`.
    right = Gaussian.gradient

    def weak(self, *args):
        value, slope = right(self, *args)
        return value, 0.8 * slope

    monkeypatch.setattr(Gaussian, "gradient", weak)
    problem = Problem(2)
    assert p_worst(problem, nuts(problem, draws=400, max_steps=200)[0]) > LEVEL


def test_a_prior_that_trajectories_forget_is_caught(monkeypatch):
    right = _hamiltonian.Surface.log_prob

    def wrong(self, w):
        value, slope = right(self, w)
        return value + 0.5 * np.sum(self.z(w) ** 2), slope

    monkeypatch.setattr(_hamiltonian.Surface, "log_prob", wrong)
    problem = Problem(2, sd=1.0)
    assert p_worst(problem, nuts(problem, draws=400, max_steps=200)[0]) < LEVEL


# -- dynesty ------------------------------------------------------------------------------------

SEEDS = 10


def evidence_scores(dim, function=dynesty, seeds=SEEDS, nlive=100, **options):
    """Errors of the log-evidence in its own standard errors, for as many problems as seeds."""
    scores = []
    for seed in range(seeds):
        problem = Problem(dim, seed=seed)
        draws = function(problem, seed, nlive=nlive, **options)[0]
        scores.append((draws.log_evidence - problem.evidence[0]) / draws.log_evidence_err)
    return np.array(scores)


@pytest.mark.parametrize(
    ("dim", "sampling", "nlive"),
    [(1, "unif", 100), (2, "unif", 100), (5, "unif", 100), (2, "rwalk", 100), (10, "rwalk", 60)],
)
def test_evidences_lie_within_three_of_their_standard_errors(dim, sampling, nlive):
    scores = evidence_scores(dim, sampling=sampling, nlive=nlive)
    assert np.all(np.abs(scores) < 3)
    # Not too wide or too narrow on the whole: chi², and the mean.
    assert stats.chi2(SEEDS).sf(np.sum(scores**2)) > LEVEL
    assert abs(scores.mean()) < 3.9 / np.sqrt(SEEDS)


@pytest.mark.parametrize(
    ("dim", "sampling"), [(1, "unif"), (2, "unif"), (5, "unif"), (10, "rwalk")]
)
def test_dynesty_has_the_right_moments(dim, sampling):
    problem = Problem(dim)
    draws = dynesty(problem, sampling=sampling, nlive=200)[0]
    assert p_worst(problem, draws) > LEVEL


class WithPrior(Likelihood):
    """The posterior where the likelihood belongs."""

    def __init__(self, target):
        self.target = target

    def log_likelihood(self, theta, x):
        return self.target.likelihood.log_likelihood(theta, x) + self.target.prior.log_prob(theta)


def test_a_prior_counted_twice_by_dynesty_is_caught():
    def twice(problem, seed, **options):
        target = problem.target
        problem.target = Target(target.prior, WithPrior(target), target.x)
        return dynesty(problem, seed, **options)

    assert np.any(np.abs(evidence_scores(2, twice, seeds=3)) > 3)
    problem = Problem(2, sd=1.0)
    assert p_worst(problem, twice(problem, 0)[0]) < LEVEL


def test_weights_that_are_forgotten_are_caught(monkeypatch):
    from sbiwb.samplers import dynesty as module

    right = module.systematic
    monkeypatch.setattr(
        module, "systematic", lambda log_weights, n, rng: right(0 * log_weights, n, rng)
    )
    problem = Problem(2)
    assert p_worst(problem, dynesty(problem, nlive=150, draws=1000)[0]) < LEVEL
