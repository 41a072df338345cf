"""Vector fields: the equation is solved right, and two modes are learned and found again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import integrate as quadrature
from scipy import stats

import sbiwb
from sbiwb.estimators import _matching
from sbiwb.estimators._matching import PATHS, FlowMatching, integrate, with_divergence
from sbiwb.progress import QUIET
from sbiwb.rng import global_streams


@pytest.fixture(params=PATHS)
def path(request):
    return PATHS[request.param]


def field(target=2, condition=3, trained=False, path=PATHS["matching"]):
    with global_streams(1, "weights"):
        flow = FlowMatching(target, condition, 16, 2, 5, path).eval()
        if trained:  # any weights do
            torch.nn.init.normal_(flow.net.last.weight, std=0.2)
    return flow


def points(n=50, target=2, condition=3):
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(n, k, generator=generator) for k in (target, condition))


def test_it_is_a_standard_normal_before_training(path):
    t, c = points()
    value = field(path=path).log_prob(t[None], c)[0]
    assert value.numpy() == pytest.approx(stats.norm.logpdf(t.numpy()).sum(1), abs=2e-3)
    with global_streams(0, "draws"), torch.no_grad():
        draws = field(path=path).sample(torch.Size([4000]), c[:1])[:, 0]
    assert stats.kstest(draws[:, 0].numpy(), "norm").pvalue > 1e-3


def test_the_divergence_is_that_of_the_field():
    flow, (t, c), s = field(trained=True), points(), torch.tensor(0.3)
    _, divergence = with_divergence(lambda t, s: flow.net(t, c, s), t, s)
    h, total = 1e-2, 0.0
    for k in range(2):
        step = torch.zeros(2)
        step[k] = h
        with torch.no_grad():
            total = total + (flow.net(t + step, c, s) - flow.net(t - step, c, s))[:, k] / (2 * h)
    assert divergence.numpy() == pytest.approx(total.numpy(), abs=2e-3)


def test_draws_solved_back_are_their_noise(path):
    flow, (t, c) = field(trained=True, path=path), points()

    def rate(x, s):
        return flow.net(x, c, s)

    with torch.no_grad():
        there = integrate(rate, t, 0.0, 1.0)
        back = integrate(rate, there, 1.0, 0.0)
    assert back.numpy() == pytest.approx(t.numpy(), abs=2e-3)


def test_the_density_is_normalised_and_its_draws_follow_it(path):
    flow = field(1, 1, trained=True, path=path)
    grid = torch.linspace(-8, 8, 2001)[:, None]
    c = torch.full((len(grid), 1), 0.7)
    density = np.exp(flow.log_prob(grid[None], c)[0].numpy())
    assert quadrature.simpson(density, x=grid[:, 0].numpy()) == pytest.approx(1, abs=5e-3)
    with global_streams(0, "draws"), torch.no_grad():
        draws = flow.sample(torch.Size([5000]), c[:1])[:, 0, 0].numpy()
    below = quadrature.cumulative_trapezoid(density, grid[:, 0].numpy(), initial=0)
    # Not the standard normal, which would pass any test of a field that does nothing.
    assert stats.kstest(draws, "norm").pvalue < 1e-6
    test = stats.kstest(draws, lambda x: np.interp(x, grid[:, 0].numpy(), below))
    assert test.pvalue > 1e-3


def test_a_density_without_its_divergence_is_caught(monkeypatch):
    monkeypatch.setattr(
        _matching,
        "with_divergence",
        lambda *given: (with_divergence(*given)[0], torch.zeros(len(given[1]))),
    )
    with pytest.raises(AssertionError):
        test_the_density_is_normalised_and_its_draws_follow_it(PATHS["matching"])


def test_losses_draw_no_global_numbers_and_held_out_ones_do_not_change():
    flow, (t, c) = field(), points()
    before = torch.get_rng_state()
    held = [float(flow.loss(t, c).detach().mean()) for _ in range(2)]
    flow.train()
    training = [float(flow.loss(t, c).detach().mean()) for _ in range(2)]
    assert torch.equal(before, torch.get_rng_state())
    assert held[0] == held[1]
    assert training[0] != training[1]


def test_twice_as_many_steps_change_nothing(monkeypatch, path):
    flow, (t, c) = field(trained=True, path=path), points()
    once = flow.log_prob(t[None], c).numpy()
    monkeypatch.setattr(_matching, "STEPS", 2 * _matching.STEPS)
    assert flow.log_prob(t[None], c).numpy() == pytest.approx(once, abs=3e-3)


def test_an_arc_has_the_velocity_that_its_score_says():
    # Parameters N(m, τ²): at every time the score is that of a normal, and regression finds it.
    m, tau, n = 0.7, 0.4, 200_000
    generator = torch.Generator().manual_seed(0)
    noise, parameters = torch.randn(2, n, 1, generator=generator, dtype=torch.float64)
    parameters = m + tau * parameters
    for s in (0.2, 0.5, 0.8):
        angle = 0.5 * np.pi * s
        time = torch.full((n, 1), s, dtype=torch.float64)
        t, velocity = PATHS["score"].between(noise, parameters, time)
        slope, offset = np.polyfit(t[:, 0].numpy(), velocity[:, 0].numpy() / (0.5 * np.pi), 1)
        variance = (np.sin(angle) * tau) ** 2 + np.cos(angle) ** 2
        # v tan φ − t is −(t − m sin φ) / variance; coefficients are known to 1/√n or so.
        assert slope * np.tan(angle) - 1 == pytest.approx(-1 / variance, abs=0.03)
        assert offset * np.tan(angle) == pytest.approx(m * np.sin(angle) / variance, abs=0.03)


@pytest.mark.parametrize("method", ["fmpe", "npse"])
def test_two_modes_are_learned(method):
    prior = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(-2, 2))])
    simulator = sbiwb.simulator(
        lambda theta, rng: theta**2 + 0.1 * rng.standard_normal(theta.shape),
        prior,
        batched=True,
        output=sbiwb.Output((1,)),
    )
    problem = sbiwb.problem(simulator, [1.0])
    options = {"budget": 3000, "steps": 1500, "draws": 1000}
    result = sbiwb.infer(problem, method, seed=1, progress=QUIET, **options)
    draws = result.samples()[:, 0]
    # x = a² + noise: |a| = 1.00 ± 0.05, of either sign.
    assert 0.35 < np.mean(draws > 0) < 0.65
    assert np.mean(np.abs(np.abs(draws) - 1) < 0.15) > 0.85
