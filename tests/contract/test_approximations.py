"""Every registered approximation keeps the contract, which catches those that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ConfigDict

from sbiwb import registry
from sbiwb.approximations.abc_rejection import RejectionABC
from sbiwb.approximations.base import Approximation
from sbiwb.core.options import Options
from sbiwb.testing import ContractError, check_approximation


@pytest.mark.parametrize("name", registry.names("approximations"))
def test_a_registered_approximation_keeps_the_contract(name):
    check_approximation(name)


def altered(**changes):
    """Rejection with its draws altered: functions of them by the name of what they replace."""

    class Altered(RejectionABC):
        def draw(self, *arguments):
            found = super().draw(*arguments)
            new = {name: change(found.draws) for name, change in changes.items()}
            return replace(found, draws=replace(found.draws, **new))

    return Altered()


class Unseeded(RejectionABC):
    def draw(self, prior, x, simulate, budget, options, seed):
        seed += np.random.randint(1, 99)  # noqa: NPY002
        return super().draw(prior, x, simulate, budget, options, seed)


class Wasteful(RejectionABC):
    def draw(self, prior, x, simulate, budget, options, seed):
        return super().draw(prior, x, simulate, budget + 1, options, seed)


class Silent(RejectionABC):
    def draw(self, *arguments):
        found = super().draw(*arguments)
        return replace(found, from_prior=found.from_prior.select(slice(10)))


class Shifting(RejectionABC):
    def draw(self, prior, x, simulate, budget, options, seed):
        x += 1e-9
        return super().draw(prior, x, simulate, budget, options, seed)


class Hopeful(RejectionABC):
    """Returns draws of the prior where there is nothing to compare."""

    def draw(self, prior, x, simulate, budget, options, seed):
        if simulate.hopeless:
            return None
        return super().draw(prior, x, simulate, budget, options, seed)


class Anything(Options):
    model_config = ConfigDict(extra="allow")


class Lax(Approximation):
    options_type = Anything

    def draw(self, prior, x, simulate, budget, options, seed):
        raise NotImplementedError


FAULTS = {
    "options refuse unknown names": Lax(),
    "global random state": Unseeded(),
    "budget is kept": Wasteful(),
    "all simulations are returned": Silent(),
    "observation is left as it is": Shifting(),
    "all fail raise InferenceError": Hopeful(),
    "means are right": altered(theta=lambda draws: draws.theta + 0.5),
    "widths are between": altered(theta=lambda draws: 0.5 * (draws.theta + draws.theta.mean(1))),
    "no evidence": altered(log_evidence=lambda _: 1.0),
    "no density": altered(log_prob=lambda draws: draws.theta[..., 0]),
    "stats say how good": altered(stats=lambda _: {}),
    "stats are finite": altered(stats=lambda draws: {**draws.stats, "ess": np.nan}),
}


@pytest.mark.parametrize("clause", FAULTS)
def test_a_broken_clause_is_named(clause):
    with pytest.raises(ContractError, match=clause):
        check_approximation(FAULTS[clause])
