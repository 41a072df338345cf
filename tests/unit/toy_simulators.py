"""Simulators in a line or two, well and ill, and how their simulations compare."""

from __future__ import annotations

import threading

import numpy as np

import sbiwb
from sbiwb.core.simulations import Simulations
from sbiwb.core.simulator import Output, Simulator

PRIOR = sbiwb.Prior(
    [sbiwb.Parameter("a", sbiwb.Uniform(0, 1)), sbiwb.Parameter("b", sbiwb.Normal(0, 1))]
)


def noisy(theta, rng):
    return theta.sum(axis=1, keepdims=True) + rng.normal(size=(len(theta), 3))


def make(function, *, batched=True, shape=(3,), **options):
    return sbiwb.simulator(function, PRIOR, batched=batched, output=Output(shape), **options)


TOY = make(noisy)


class Scaled(Simulator):
    """A class simulator, as the adapters are."""

    name, version, prior, output = "toy.scaled", "1", PRIOR, Output((2,))

    def __init__(self, scale: float = 1.0) -> None:
        self.options = {"scale": scale}
        self.scale = scale
        self.built = threading.Lock()  # like a compiled model, it cannot be pickled

    def simulate(self, theta, rng):
        return self.scale * theta + rng.normal(size=theta.shape)


def assert_equal(a: Simulations, b: Simulations) -> None:
    for name in ("theta", "x", "status"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.reasons == b.reasons


class Counted:
    """A batched function that counts the rows it was asked for."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, theta, rng):
        self.rows.append(len(theta))
        return noisy(theta, rng)


def spoil(where, how):
    """Return a batched function that spoils the rows with theta[0] below `where`."""

    def function(theta, rng):
        x = noisy(theta, rng)
        return how(x, theta[:, 0] < where)

    return function


def raise_for(x, bad):
    if bad.any():
        raise ValueError(f"no solution in {object()!r}")
    return x
