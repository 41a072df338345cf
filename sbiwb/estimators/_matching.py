"""Vector fields that carry noise to parameters, learned by regression.

Noise t₀ ~ N(0, I) moves along a path to the parameters t₁; the field learns the mean velocity at
each point and time.  Draws and densities follow from the differential equation that it defines.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from sbi.neural_nets.estimators.base import ConditionalDensityEstimator
from torch import nn
from torch.nn.functional import silu

STEPS = 12
"""Runge–Kutta steps of fourth order from noise to parameters."""
FREQUENCIES = 4
EVALUATION = 0
"""Seed of the noise of a held-out loss, which must compare epochs, not noise."""


Field = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
Rate = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Path:
    """How noise becomes parameters between the times 0 and 1.

    Parameters
    ----------
    between : callable
        From noise t₀, parameters t₁ and time s to the point on the path and the velocity there.
    normal : callable
        From s to a(s), where the mean velocity is a(s) t if t₁ is standard normal too.
    """

    between: Field
    normal: Callable[[torch.Tensor], torch.Tensor]


def _line(
    noise: torch.Tensor, target: torch.Tensor, time: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    return (1 - time) * noise + time * target, target - noise


def _arc(
    noise: torch.Tensor, target: torch.Tensor, time: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    angle = 0.5 * math.pi * time
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return cosine * noise + sine * target, 0.5 * math.pi * (cosine * target - sine * noise)


PATHS = {
    "matching": Path(_line, lambda s: (2 * s - 1) / (s**2 + (1 - s) ** 2)),
    "score": Path(_arc, torch.zeros_like),
}
"""Straight lines: flow matching (Lipman et al. 2023, arXiv:2210.02747, equation 23 with σ_min = 0).
Arcs, on which variance is preserved: diffusion, see `sbiwb.estimators.npse`."""


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
    path : Path
    """

    random_loss = True
    net: _Field
    trained_steps: torch.Tensor

    def __init__(
        self, target: int, condition: int, hidden: int, blocks: int, seed: int, path: Path
    ) -> None:
        super().__init__(
            _Field(target, condition, hidden, blocks, path),
            torch.Size([target]),
            torch.Size([condition]),
        )
        self.seed, self.path = seed, path
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
        point, velocity = self.path.between(noise, input, time)
        error: torch.Tensor = ((self.net(point, condition, time) - velocity) ** 2).sum(1)
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
        repeated = condition.expand(len(input), *condition.shape).flatten(0, 1)
        density = log_density(lambda t, s: self.net(t, repeated, s), input.flatten(0, 1))
        return density.reshape(input.shape[:2])


def log_density(field: Rate, points: torch.Tensor, steps: int = STEPS) -> torch.Tensor:
    """Log density at points (n, d) of the draws that a field makes of standard noise; (n,)."""

    def rate(state: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        velocity, divergence = with_divergence(field, state[:, :-1], time)
        return torch.cat([velocity, divergence[:, None]], 1)

    state = torch.cat([points, torch.zeros(len(points), 1)], 1)
    start = integrate(rate, state, 1.0, 0.0, steps)
    noise, change = start[:, :-1], start[:, -1]
    return -0.5 * (noise**2 + math.log(2 * math.pi)).sum(1) + change


def with_divergence(
    field: Rate, points: torch.Tensor, time: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Velocity (n, d) and its exact divergence (n,)."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        velocity = field(points, time)
        divergence = torch.zeros(len(points))
        for k in range(velocity.shape[1]):
            slope = torch.autograd.grad(velocity[:, k].sum(), points, retain_graph=True)[0]
            divergence = divergence + slope[:, k]
    return velocity.detach(), divergence.detach()


def integrate(
    rate: Rate, state: torch.Tensor, begin: float, end: float, steps: int = STEPS
) -> torch.Tensor:
    """Solve ds/dt = rate(s, t) by classical Runge–Kutta steps."""
    h = (end - begin) / steps
    for step in range(steps):
        t = torch.tensor(begin + step * h)
        first = rate(state, t)
        second = rate(state + 0.5 * h * first, t + 0.5 * h)
        third = rate(state + 0.5 * h * second, t + 0.5 * h)
        fourth = rate(state + h * third, t + h)
        state = state + h / 6 * (first + 2 * second + 2 * third + fourth)
    return state


class _Field(nn.Module):
    """Velocity at a point, a time and a condition: a residual network, plus a linear part.

    That is the velocity of a standard normal target, to which the network adds what is learned:
    residuals are near normal before training.
    """

    def __init__(self, target: int, condition: int, hidden: int, blocks: int, path: Path) -> None:
        super().__init__()
        self.target, self.path = target, path
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
        velocity: torch.Tensor = self.path.normal(time) * points + self.last(silu(a))
        return velocity
