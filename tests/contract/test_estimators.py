"""Every registered estimator keeps its contract, and every clause catches one that breaks it."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ConfigDict

from sbiwb import registry
from sbiwb.core.options import Options
from sbiwb.errors import InferenceError
from sbiwb.estimators.base import Estimator, LearnedLikelihood, LearnedPosterior
from sbiwb.testing import ContractError, check_estimator


class Gaussian:
    """y given c: a linear mean and constant covariance, by least squares."""

    def __init__(self, slope, root):
        self.slope, self.root = slope, root

    @classmethod
    def fit(cls, y, c):
        slope = np.linalg.lstsq(np.c_[np.ones(len(c)), c], y, rcond=None)[0]
        residual = y - np.c_[np.ones(len(c)), c] @ slope
        return cls(slope, np.linalg.cholesky(np.cov(residual.T)))

    def mean(self, c):
        return np.c_[np.ones(len(c)), c] @ self.slope

    def log_prob(self, y, c):
        z = np.linalg.solve(self.root, (y - self.mean(c)).T)
        norm = np.log(np.diag(self.root)).sum() + 0.5 * len(z) * np.log(2 * np.pi)
        return -0.5 * np.sum(z**2, axis=0) - norm

    def state(self):
        return {"estimator": "toy"}, {"slope": self.slope, "root": self.root}


class ToyPosterior(LearnedPosterior):
    """Gaussian in the space where the prior is a standard normal."""

    def __init__(self, gaussian, prior):
        self.gaussian, self.prior = gaussian, prior

    def sample(self, n, x, rng):
        z = rng.standard_normal((len(x), n, self.prior.dim)) @ self.gaussian.root.T
        z += self.gaussian.mean(x)[:, np.newaxis]
        return self.prior.from_unconstrained(z.reshape(-1, self.prior.dim)).reshape(z.shape)

    def log_prob(self, theta, x):
        inside = np.isfinite(self.prior.log_prob(theta))
        value = np.full(len(theta), -np.inf)
        theta, x = theta[inside], x[inside]
        z = self.prior.to_unconstrained(theta)
        value[inside] = self.gaussian.log_prob(z, x) - self.prior.log_abs_det(theta)
        return value

    def state(self):
        return self.gaussian.state()


class ToyLikelihood(LearnedLikelihood):
    def __init__(self, gaussian):
        self.gaussian = gaussian

    def log_likelihood(self, theta, x):
        return self.gaussian.log_prob(x, theta)

    def state(self):
        return self.gaussian.state()


class Toy(Estimator):
    options_type = Options

    def train(self, simulations, prior, _options, _seed, _progress):
        usable = simulations.select(simulations.valid)
        if len(usable) < 20:
            raise InferenceError("too few simulations")
        return self.fit(usable, prior)

    def restore(self, _recipe, weights, prior):
        return self.make(Gaussian(weights["slope"], weights["root"]), prior)


class LinearPosterior(Toy):
    """Learns a posterior."""

    learns, kind = "posterior", ToyPosterior

    def fit(self, usable, prior):
        return self.make(Gaussian.fit(prior.to_unconstrained(usable.theta), usable.x), prior)

    def make(self, gaussian, prior):
        return self.kind(gaussian, prior)


class LinearLikelihood(Toy):
    """Learns a likelihood."""

    learns, kind = "likelihood", ToyLikelihood

    def fit(self, usable, prior):
        return self.make(Gaussian.fit(usable.x, usable.theta), prior)

    def make(self, gaussian, _prior):
        return self.kind(gaussian)


def posterior(**changes):
    """A sound estimator whose learned posterior has methods replaced."""
    kind = type("Faulty", (ToyPosterior,), changes)
    return type("Estimator", (LinearPosterior,), {"kind": kind})()


def likelihood(**changes):
    kind = type("Faulty", (ToyLikelihood,), changes)
    return type("Estimator", (LinearLikelihood,), {"kind": kind})()


def estimator(**changes):
    return type("Estimator", (LinearPosterior,), changes)()


class Lenient(Options):
    model_config = ConfigDict(extra="ignore")


def train_from_global(self, simulations, prior, options, seed, progress):
    np.random.rand()  # noqa: NPY002
    return LinearPosterior.train(self, simulations, prior, options, seed, progress)


def train_at_random(self, simulations, prior, options, seed, progress):
    learned = LinearPosterior.train(self, simulations, prior, options, seed, progress)
    learned.gaussian.slope += 1e-6 * np.random.default_rng().standard_normal()
    return learned


def train_on_zeros(self, simulations, prior, options, seed, progress):
    filled = type(simulations)(
        simulations.theta, np.nan_to_num(simulations.x), np.zeros(len(simulations), np.int8)
    )
    return LinearPosterior.train(self, filled, prior, options, seed, progress)


def train_on_shuffled(self, usable, prior):
    return self.make(
        Gaussian.fit(prior.to_unconstrained(usable.theta), np.roll(usable.x, 3, axis=0)), prior
    )


def restore_narrow(self, recipe, weights, prior):
    return self.make(Gaussian(weights["slope"], 0.5 * weights["root"]), prior)


def sample_leaking(self, n, x, rng):
    draws = ToyPosterior.sample(self, n, x, rng)
    draws[:, 0] += 3
    return draws


FAULTS = {
    "is not a sbiwb Estimator": lambda: Options(),
    "learns is neither": lambda: estimator(learns="evidence"),
    "options_type is not": lambda: estimator(options_type=dict),
    "options_type accepts unknown names": lambda: estimator(options_type=Lenient),
    "global random state; got numpy.random": lambda: estimator(train=train_from_global),
    "train returns the wrong type": lambda: estimator(learns="likelihood"),
    "the same seed gives other weights": lambda: estimator(train=train_at_random),
    "failed simulations change": lambda: estimator(train=train_on_zeros),
    "has learned nothing": lambda: estimator(fit=train_on_shuffled),
    "log_prob has the wrong shape": lambda: posterior(
        log_prob=lambda self, theta, x: ToyPosterior.log_prob(self, theta, x)[:, None]
    ),
    "log_prob of a row depends": lambda: posterior(
        log_prob=lambda self, theta, x: ToyPosterior.log_prob(self, theta, x - x.mean(axis=0))
    ),
    "draws have the wrong shape": lambda: posterior(
        sample=lambda self, n, x, rng: ToyPosterior.sample(self, n, x, rng).swapaxes(0, 1)
    ),
    "the same stream gives other draws": lambda: posterior(
        sample=lambda self, n, x, _: ToyPosterior.sample(self, n, x, np.random.default_rng())
    ),
    "different streams give the same": lambda: posterior(
        sample=lambda self, n, x, _: ToyPosterior.sample(self, n, x, np.random.default_rng(1))
    ),
    "draws lie outside the prior": lambda: posterior(sample=sample_leaking),
    "not -inf outside the prior": lambda: posterior(
        log_prob=lambda self, theta, x: np.nan_to_num(
            ToyPosterior.log_prob(self, theta, x), neginf=-9.0
        )
    ),
    "log_prob is not normalised": lambda: posterior(
        log_prob=lambda self, theta, x: ToyPosterior.log_prob(self, theta, x) + 0.1
    ),
    "draws do not follow log_prob": lambda: posterior(
        sample=lambda self, n, x, rng: ToyPosterior.sample(self, n, x + 0.1, rng)
    ),
    "log_likelihood is NaN or +inf": lambda: likelihood(
        log_likelihood=lambda self, theta, x: np.where(
            np.abs(x[:, 0]) < 1e3, ToyLikelihood.log_likelihood(self, theta, x), np.nan
        )
    ),
    "not normalised over x": lambda: likelihood(
        log_likelihood=lambda self, theta, x: ToyLikelihood.log_likelihood(self, theta, x) - 0.2
    ),
    "saving its state raised TypeError": lambda: posterior(
        state=lambda self: ({"estimator": "toy", "prior": self.prior}, self.gaussian.state()[1])
    ),
    "which estimator restores it": lambda: posterior(
        state=lambda self: ({}, self.gaussian.state()[1])
    ),
    "what was restored gives other numbers": lambda: estimator(restore=restore_narrow),
    "does not refuse a single simulation": lambda: estimator(
        train=lambda self, simulations, prior, *_: self.fit(
            simulations.select(simulations.valid), prior
        )
    ),
}


@pytest.mark.parametrize("clause", FAULTS)
def test_a_broken_clause_is_caught_and_named(clause):
    with np.errstate(all="ignore"), pytest.raises(ContractError) as caught:
        check_estimator(FAULTS[clause]())
    assert clause in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sound", [LinearPosterior, LinearLikelihood])
@pytest.mark.parametrize("seed", range(10))
def test_a_sound_estimator_passes_whatever_the_seed(sound, seed):
    check_estimator(sound(), seed=seed)


def test_an_unnormalised_likelihood_may_say_so():
    check_estimator(
        likelihood(
            normalised=False,
            log_likelihood=lambda self, theta, x: self.gaussian.log_prob(x, theta) - 3,
        )
    )


@pytest.mark.parametrize("name", registry.names("estimators"))
def test_every_registered_estimator_keeps_the_contract(name):
    small = {"steps": 40, "batch_size": 200, "hidden": 8}
    fields = registry.estimator(name).options_type.model_fields
    check_estimator(name, options={k: v for k, v in small.items() if k in fields})


def test_the_neural_estimators_are_registered():
    assert {"npe", "nle"} <= set(registry.names("estimators"))
