"""Flow matching: a vector field that carries noise to parameters, learned by regression.

Noise t₀ ~ N(0, I) moves along straight lines to the parameters t₁; the field learns the mean
velocity t₁ − t₀ at the point (1 − s) t₀ + s t₁ and time s (Lipman et al. 2023, arXiv:2210.02747,
equation 23 with σ_min = 0).  Draws and densities follow from the differential equation that it
defines.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from sbi.neural_nets.estimators.base import ConditionalDensityEstimator
from torch import nn
from torch.nn.functional import silu

STEPS = 12
"""Runge–Kutta steps of fourth order from noise to parameters."""
FREQUENCIES = 4
EVALUATION = 0
"""Seed of the noise of a held-out loss, which must compare epochs, not noise."""


class FlowMatching(ConditionalDensityEstimator):  # type: ignore[misc]
    """A conditional density, in sbi's sense, given by a learned vector field.

    Parameters
    ----------
    target, condition : int
        Numbers in an input and in a condition.
    hidden, blocks : int
        Width of the layers, and residual blocks.
    seed : int
        Of the noise in training.
    """

    net: _Field
    trained_steps: torch.Tensor

    def __init__(self, target: int, condition: int, hidden: int, blocks: int, seed: int) -> None:
        super().__init__(
            _Field(target, condition, hidden, blocks),
            torch.Size([target]),
            torch.Size([condition]),
        )
        self.seed = seed
        self.register_buffer("trained_steps", torch.zeros(1, dtype=torch.int64))

    def loss(self, input: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Squared error of the velocity at a random time; shape (n,).

        Times are spread evenly over the rows, which are in random order.
        """
        generator = torch.Generator().manual_seed(EVALUATION)
        if self.training:
            self.trained_steps += 1
            generator.manual_seed(self.seed + int(self.trained_steps))
        noise = torch.randn(input.shape, generator=generator)
        offset = torch.rand(1, generator=generator)
        time = ((torch.arange(len(input)) + offset) / len(input))[:, None]
        velocity = self.net((1 - time) * noise + time * input, condition, time)
        error: torch.Tensor = ((velocity - (input - noise)) ** 2).sum(1)
        return error

    def sample(self, sample_shape: torch.Size, condition: torch.Tensor) -> torch.Tensor:
        """Draws of shape (s, n, target)."""
        n = sample_shape.numel()
        start = torch.randn(n * len(condition), self.net.target)
        repeated = condition.repeat(n, 1)
        drawn = integrate(lambda t, s: self.net(t, repeated, s), start, 0.0, 1.0)
        return drawn.reshape(n, len(condition), -1)

    def log_prob(self, input: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """log q(input | condition) of inputs (s, n, target); shape (s, n)."""
        points = input.flatten(0, 1)
        repeated = condition.expand(len(input), *condition.shape).flatten(0, 1)

        def rate(state: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            velocity, divergence = self._with_divergence(state[:, :-1], repeated, time)
            return torch.cat([velocity, divergence[:, None]], 1)

        state = torch.cat([points, torch.zeros(len(points), 1)], 1)
        start = integrate(rate, state, 1.0, 0.0)
        noise, change = start[:, :-1], start[:, -1]
        normal = -0.5 * (noise**2 + math.log(2 * math.pi)).sum(1)
        return (normal + change).reshape(input.shape[:2])

    def _with_divergence(
        self, points: torch.Tensor, condition: torch.Tensor, time: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Velocity (n, target) and its exact divergence (n,)."""
        with torch.enable_grad():
            points = points.detach().requires_grad_()
            velocity = self.net(points, condition, time)
            divergence = torch.zeros(len(points))
            for k in range(velocity.shape[1]):
                slope = torch.autograd.grad(velocity[:, k].sum(), points, retain_graph=True)[0]
                divergence = divergence + slope[:, k]
        return velocity.detach(), divergence.detach()


def integrate(
    rate: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    state: torch.Tensor,
    begin: float,
    end: float,
) -> torch.Tensor:
    """Solve ds/dt = rate(s, t) by `STEPS` classical Runge–Kutta steps."""
    h = (end - begin) / STEPS
    for step in range(STEPS):
        t = torch.tensor(begin + step * h)
        first = rate(state, t)
        second = rate(state + 0.5 * h * first, t + 0.5 * h)
        third = rate(state + 0.5 * h * second, t + 0.5 * h)
        fourth = rate(state + h * third, t + h)
        state = state + h / 6 * (first + 2 * second + 2 * third + fourth)
    return state


class _Field(nn.Module):
    """Velocity at a point, a time and a condition: a residual network, plus a linear part.

    The velocity of a standard normal target is (2s − 1) t / (s² + (1 − s)²), to which the network
    adds what is learned: residuals are near normal before training.
    """

    def __init__(self, target: int, condition: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.target = target
        self.first = nn.Linear(target + condition + 2 * FREQUENCIES, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
            for _ in range(blocks)
        )
        self.last = nn.Linear(hidden, target)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(
        self, points: torch.Tensor, condition: torch.Tensor, time: torch.Tensor
    ) -> torch.Tensor:
        time = time.expand(len(points), 1)
        angle = math.pi * time * torch.arange(1, FREQUENCIES + 1)
        a = self.first(torch.cat([points, condition, torch.cos(angle), torch.sin(angle)], 1))
        for block in self.blocks:
            a = a + block(silu(a))
        normal = (2 * time - 1) / (time**2 + (1 - time) ** 2)
        velocity: torch.Tensor = normal * points + self.last(silu(a))
        return velocity
