"""A simulator with fixed parameters behaves as the whole one at the filled-in points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import sbiwb
from sbiwb import Parameter, Prior, Uniform
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.simulator import KnownLikelihood, KnownMean, TorchLikelihood
from sbiwb.errors import UsageError
from sbiwb.rng import stream
from sbiwb.simulators.cosmology.bao import BAO

WHOLE = BAO(model="w0wacdm")
FIXED = FixedSimulator(WHOLE, {"w0": -0.9, "Om": 0.3})
FREE = FIXED.prior.sample(6, stream(0, "free"))
FILLED = np.column_stack([np.full(6, 0.3), FREE[:, 0], np.full(6, -0.9), FREE[:, 1]])
X = WHOLE.default_observation().x


def test_free_parameters_keep_their_order():
    assert FIXED.prior.names == ("hrd", "wa")
    assert np.array_equal(FIXED.fill(FREE), FILLED)


def test_every_capability_agrees_with_the_whole_simulator():
    assert np.array_equal(
        FIXED.simulate(FREE, stream(1, "x")), WHOLE.simulate(FILLED, stream(1, "x"))
    )
    assert np.array_equal(FIXED.mean(FREE), WHOLE.mean(FILLED))
    assert np.array_equal(FIXED.log_likelihood(FREE, X), WHOLE.log_likelihood(FILLED, X))
    assert np.array_equal(FIXED.default_observation().x, X)


def test_torch_likelihood_and_its_gradient():
    free = torch.tensor(FREE, requires_grad=True)
    whole = torch.tensor(FILLED, requires_grad=True)
    x = torch.tensor(X)
    value = FIXED.log_likelihood_torch(free, x)
    expected = WHOLE.log_likelihood_torch(whole, x)
    assert torch.equal(value, expected)
    (gradient,) = torch.autograd.grad(value.sum(), free)
    (whole_gradient,) = torch.autograd.grad(expected.sum(), whole)
    assert torch.equal(gradient, whole_gradient[:, [1, 3]])


def test_capabilities_are_those_of_the_inner_simulator():
    for capability in (KnownLikelihood, TorchLikelihood, KnownMean):
        assert isinstance(FIXED, capability)
    prior = Prior((Parameter("a", Uniform(0, 1)), Parameter("b", Uniform(0, 1))))
    plain = FixedSimulator(sbiwb.simulator(lambda theta: theta, prior, costly=True), {"a": 0.5})
    for capability in (KnownLikelihood, TorchLikelihood, KnownMean):
        assert not isinstance(plain, capability)
    assert plain.costly
    assert plain.default_observation() is None


def test_the_fingerprint_names_the_fixed_values():
    assert FIXED.fingerprint() == {**WHOLE.fingerprint(), "fixed": {"w0": -0.9, "Om": 0.3}}


def test_fixing_in_two_steps_is_fixing_at_once():
    twice = FixedSimulator(FixedSimulator(WHOLE, {"w0": -0.9}), {"Om": 0.3})
    assert twice.fingerprint() == FIXED.fingerprint()
    assert twice.prior == FIXED.prior
    assert np.array_equal(twice.mean(FREE), FIXED.mean(FREE))


def test_values_are_checked():
    with pytest.raises(UsageError, match="outside its prior"):
        FixedSimulator(WHOLE, {"Om": 2.0})
