"""The batched solver of the benchmark's differential equations against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sbiwb.registry import build_simulator
from sbiwb.rng import stream
from sbiwb.simulators.benchmark import _ode, lotka_volterra, sir

SYSTEMS = {"sir": sir, "lotka_volterra": lotka_volterra}


def scipy_solution(module, theta):
    found = solve_ivp(
        lambda _t, y: module.rate(y, theta),
        (0.0, module.DAYS[-1]),
        module.START,
        method="DOP853",
        t_eval=module.DAYS,
        rtol=1e-12,
        atol=1e-12,
    )
    return found.y.T


def worst_error(module, theta, tolerance):
    found = _ode.solve(module.rate, module.START, module.DAYS, theta, tolerance)
    pairs = zip(np.moveaxis(found, 2, 0), theta, strict=True)
    return max(np.abs(y - scipy_solution(module, point)).max() for y, point in pairs)


@pytest.mark.parametrize("name", SYSTEMS)
def test_solutions_are_accurate_to_a_millionth_over_the_prior(name):
    module = SYSTEMS[name]
    prior = build_simulator(f"benchmark.{name}").prior
    # Ten draws, and all corners three standard deviations out.
    corners = np.stack(np.meshgrid(*[[0.00135, 0.99865]] * prior.dim), axis=-1)
    theta = np.concatenate(
        [prior.sample(10, stream(0, name)), prior.from_unit(corners.reshape(-1, prior.dim))]
    )
    assert worst_error(module, theta, module.TOLERANCE) < 2e-6
    # … and not by luck: a thousand times the tolerance is seen.
    assert worst_error(module, theta, 1000 * module.TOLERANCE) > 2e-6


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_row_does_not_depend_on_the_others(name):
    module = SYSTEMS[name]
    theta = build_simulator(f"benchmark.{name}").prior.sample(50, stream(1, name))
    every = _ode.solve(module.rate, module.START, module.DAYS, theta, 1e-6)
    alone = _ode.solve(module.rate, module.START, module.DAYS, theta[-1:], 1e-6)
    assert np.allclose(every[..., -1:], alone, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", SYSTEMS)
def test_derivatives_are_those_of_the_solution(name):
    module = SYSTEMS[name]
    prior = build_simulator(f"benchmark.{name}").prior
    theta = prior.sample(5, stream(2, name))

    def solution(at):
        return _ode.solve(module.rate, module.START, module.DAYS, at, 1e-11)

    start = (*module.START, *[0.0] * (2 * prior.dim))
    both = _ode.solve(module.rate_and_gradient, start, module.DAYS, theta, module.TOLERANCE, 2)
    found = both[:, 2:].reshape(len(module.DAYS), 2, prior.dim, len(theta))
    for k in range(prior.dim):
        step = np.zeros_like(theta)
        step[:, k] = 1e-5 * theta[:, k]
        change = (solution(theta + step) - solution(theta - step)) / (2 * step[:, k])
        # Central differences err by the square of the step and by 1e-9 over it.
        assert np.allclose(found[:, :, k], change, rtol=1e-3, atol=1e-3 * np.abs(change).max())
    plain = _ode.solve(module.rate, module.START, module.DAYS, theta, module.TOLERANCE)
    assert np.allclose(both[:, :2], plain, rtol=1e-12, atol=0)


def test_a_solution_that_needs_too_many_steps_is_a_failed_simulation(monkeypatch):
    monkeypatch.setattr(_ode, "MOST_STEPS", 20)
    x = build_simulator("benchmark.lotka_volterra").simulate(
        np.array([[1.0, 0.05, 1.0, 0.05]]), stream(3, "x")
    )
    assert np.all(np.isnan(x))
