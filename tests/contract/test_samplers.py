"""Every registered sampler keeps the contract, and the contract catches samplers that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sbiwb import registry
from sbiwb.samplers.emcee import Emcee
from sbiwb.testing import ContractError, check_sampler


@pytest.mark.parametrize("name", registry.names("samplers"))
def test_a_registered_sampler_keeps_the_contract(name):
    check_sampler(name)


class Shifted(Emcee):
    def sample(self, target, options, seed, progress):
        draws = super().sample(target, options, seed, progress)
        return [replace(d, theta=d.theta + 0.3) for d in draws]


class Wide(Emcee):
    def sample(self, target, options, seed, progress):
        draws = super().sample(target, options, seed, progress)
        return [replace(d, theta=d.flat.mean(0) + 1.25 * (d.theta - d.flat.mean(0))) for d in draws]


class Unseeded(Emcee):
    def sample(self, target, options, seed, progress):
        return super().sample(target, options, seed + np.random.randint(1, 99), progress)  # noqa: NPY002


class Promising(Emcee):
    gives_evidence = True


@pytest.mark.parametrize(
    ("sampler", "clause"),
    [
        (Shifted(), "means are right"),
        (Wide(), "widths are right"),
        (Unseeded(), "global random state"),
        (Promising(), "an evidence and its error"),
    ],
)
def test_a_planted_fault_is_caught(sampler, clause):
    with pytest.raises(ContractError, match=clause):
        check_sampler(sampler)
