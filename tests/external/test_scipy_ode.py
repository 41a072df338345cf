"""The batched solver of the benchmark's differential equations against scipy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from sbiwb.registry import build_simulator
from sbiwb.rng import stream
from sbiwb.simulators.benchmark import _ode, lotka_volterra, sir

SYSTEMS = {
    "sir": (sir, (1 - 1e-6, math.log(1e-6))),
    "lotka_volterra": (lotka_volterra, (math.log(30.0), 0.0)),
}


def scipy_solution(module, start, theta):
    rate = module.rate_in(np)
    found = solve_ivp(
        lambda _t, y: rate(y, theta),
        (0.0, module.DAYS[-1]),
        start,
        method="DOP853",
        t_eval=module.DAYS,
        rtol=1e-12,
        atol=1e-12,
    )
    return found.y.T


def worst_error(module, start, theta, tolerance):
    found = _ode.solve(module.rate_in(np), start, module.DAYS, theta, tolerance).y
    pairs = zip(np.moveaxis(found, 2, 0), theta, strict=True)
    return max(np.abs(y - scipy_solution(module, start, point)).max() for y, point in pairs)


@pytest.mark.parametrize("name", SYSTEMS)
def test_solutions_are_accurate_to_a_millionth_over_the_prior(name):
    module, start = SYSTEMS[name]
    prior = build_simulator(f"benchmark.{name}").prior
    # Ten draws, and all corners three standard deviations out.
    corners = np.stack(np.meshgrid(*[[0.00135, 0.99865]] * prior.dim), axis=-1)
    theta = np.concatenate(
        [prior.sample(10, stream(0, name)), prior.from_unit(corners.reshape(-1, prior.dim))]
    )
    assert worst_error(module, start, theta, module.TOLERANCE) < 2e-6
    # … and not by luck: a thousand times the tolerance is seen.
    assert worst_error(module, start, theta, 1000 * module.TOLERANCE) > 2e-6


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_row_does_not_depend_on_the_others(name):
    module, start = SYSTEMS[name]
    theta = build_simulator(f"benchmark.{name}").prior.sample(50, stream(1, name))
    every = _ode.solve(module.rate_in(np), start, module.DAYS, theta, 1e-6).y
    alone = _ode.solve(module.rate_in(np), start, module.DAYS, theta[-1:], 1e-6).y
    assert np.allclose(every[..., -1:], alone, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", SYSTEMS)
def test_retraced_steps_end_where_the_solution_did(name):
    module, start = SYSTEMS[name]
    theta = build_simulator(f"benchmark.{name}").prior.sample(3, stream(2, name))
    solution = _ode.solve(module.rate_in(np), start, module.DAYS, theta, 1e-6, keep_steps=True)
    again = _ode.retrace(module.rate_in(torch), solution, torch.tensor(theta))
    assert np.allclose(again.numpy(), solution.y, rtol=1e-9, atol=1e-12)


def test_a_solution_that_needs_too_many_steps_is_a_failed_simulation(monkeypatch):
    monkeypatch.setattr(_ode, "MOST_STEPS", 20)
    x = build_simulator("benchmark.lotka_volterra").simulate(
        np.array([[1.0, 0.05, 1.0, 0.05]]), stream(3, "x")
    )
    assert np.all(np.isnan(x))
