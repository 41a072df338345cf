"""Every registered sampler keeps the contract, and the contract catches samplers that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ConfigDict

from sbiwb import registry
from sbiwb.core.options import Options
from sbiwb.likelihoods.base import Likelihood
from sbiwb.samplers.base import Sampler, Target
from sbiwb.samplers.emcee import Emcee
from sbiwb.testing import ContractError, check_sampler


@pytest.mark.parametrize("name", registry.names("samplers"))
def test_a_registered_sampler_keeps_the_contract(name):
    short = {"draws": 200, "chains": 2, "warmup": 40, "max_steps": 100}
    quick = {"dynesty": {"nlive": 200}, "nuts": short}
    check_sampler(name, options=quick.get(name))


def test_random_walks_of_live_points_keep_the_contract():
    check_sampler("dynesty", options={"nlive": 100, "sampling": "rwalk", "draws": 500})


def altered(**changes):
    """Emcee with its draws altered: functions of one Draws by the name of what they replace."""

    class Altered(Emcee):
        def sample(self, target, options, seed, progress):
            return [
                replace(draws, **{name: change(draws) for name, change in changes.items()})
                for draws in super().sample(target, options, seed, progress)
            ]

    return Altered()


class Unseeded(Emcee):
    def sample(self, target, options, seed, progress):
        return super().sample(target, options, seed + np.random.randint(1, 99), progress)  # noqa: NPY002


class Fixed(Emcee):
    def sample(self, target, options, seed, progress):
        return super().sample(target, options, 0 * seed, progress)


class Forgetful(Emcee):
    calls = 0

    def sample(self, target, options, seed, progress):
        self.calls += 1
        return super().sample(target, options, seed + self.calls, progress)


class First(Emcee):
    def sample(self, target, options, seed, progress):
        return super().sample(target, options, seed, progress)[:1]


class Promising(Emcee):
    gives_evidence = True


class Shifting(Emcee):
    def sample(self, target, options, seed, progress):
        target.x[:] += 1e-9
        return super().sample(target, options, seed, progress)


class Straying(Emcee):
    def sample(self, target, options, seed, progress):
        target.likelihood.log_likelihood(np.array([[11.0, 0.0]]), target.x[:1])
        return super().sample(target, options, seed, progress)


class Flat(Likelihood):
    def log_likelihood(self, theta, x):  # noqa: ARG002
        return np.zeros(len(theta))


class Hopeful(Emcee):
    """Returns draws from the prior where there is no posterior."""

    def sample(self, target, options, seed, progress):
        if np.isneginf(target.log_prob(np.zeros((1, 2)), np.zeros(1, dtype=int))[0]):
            target = Target(target.prior, Flat(), target.x)
        return super().sample(target, options, seed, progress)


class Anything(Options):
    model_config = ConfigDict(extra="allow")


class Lax(Sampler):
    options_type = Anything

    def sample(self, target, options, seed, progress):
        raise NotImplementedError


FAULTS = {
    "options refuse unknown names": Lax(),
    "global random state": Unseeded(),
    "one Draws a posterior": First(),
    "observations are left": Shifting(),
    "inside the prior only": Straying(),
    "the same seed gives the same draws": Forgetful(),
    "another seed gives other draws": Fixed(),
    "draws lie inside the prior": altered(theta=lambda d: d.theta + 20.0),
    "means are right": altered(theta=lambda d: d.theta + 0.3),
    "widths are right": altered(theta=lambda d: d.flat.mean(0) + 1.25 * (d.theta - d.flat.mean(0))),
    "no evidence unless": altered(log_evidence=lambda _: 0.0),
    "an evidence and its error": Promising(),
    "log_prob is of shape": altered(log_prob=lambda d: d.log_prob.ravel()),
    "up to a constant": altered(log_prob=lambda d: 0.99 * d.log_prob),
    "log_prob is normalised": altered(normalised=lambda _: True),
    "normalised means": altered(log_prob=lambda _: None, normalised=lambda _: True),
    "likelihood calls are counted": altered(cost=lambda d: replace(d.cost, likelihood_calls=0)),
    "stats are finite": altered(stats=lambda _: {"tau": np.inf}),
    "impossible observation": Hopeful(),
}


@pytest.mark.parametrize("clause", FAULTS)
def test_a_planted_fault_is_caught(clause):
    with pytest.raises(ContractError, match=clause):
        check_sampler(FAULTS[clause], options={"draws": 800, "ensembles": 2})
