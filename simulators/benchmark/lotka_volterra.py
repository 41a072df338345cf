"""sbibm's Lotka–Volterra: predators and prey, counted with errors ten times each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distinct import at_distinct
from sbiwb.core.distributions import Array, LogNormal
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output

from . import _ode
from ._normal import isotropic_log_density
from ._published import PublishedSimulator

if TYPE_CHECKING:
    import torch

PREY, PREDATORS = 30.0, 1.0
DAYS = 2.1 * np.arange(10)
ERROR = 0.1
# sbibm cuts populations to this range before it adds errors.
LEAST, MOST = 1e-10, 1e4
# Leaves an error below 1e-6 in the log of the populations (tests/external/test_scipy_ode.py).
TOLERANCE = 3e-9
START = (math.log(PREY), math.log(PREDATORS))

_RATE, _ENCOUNTER = LogNormal(-0.125, 0.5), LogNormal(-3.0, 0.5)


class LotkaVolterra(PublishedSimulator):
    """Prey and then predators at days 0, 2.1, …, 18.9, with errors of 0.1 in the logarithm.

    dX/dt = α X − β X Y, dY/dt = −γ Y + δ X Y, with X = 30 and Y = 1 at day 0;
    α, γ ~ LogNormal(−0.125, 0.5) and β, δ ~ LogNormal(−3, 0.5).

    Notes
    -----
    Solved for ln X and ln Y.  Populations are cut to [1e-10, 1e4] as in sbibm.

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.10; Lotka (1920).
    """

    name = "benchmark.lotka_volterra"
    prior = Prior(
        (
            Parameter("alpha", _RATE, unit="1/d", label=r"\alpha"),
            Parameter("beta", _ENCOUNTER, unit="1/d", label=r"\beta"),
            Parameter("gamma", _RATE, unit="1/d", label=r"\gamma"),
            Parameter("delta", _ENCOUNTER, unit="1/d", label=r"\delta"),
        )
    )
    output = Output(
        (2 * len(DAYS),),
        label="population",
        names=tuple(f"{who}, day {day:.1f}" for who in ("prey", "predators") for day in DAYS),
    )

    def mean(self, theta: Array) -> Array:
        """Expected x for each row of theta (n, 4); shape (n, 20)."""
        return np.exp(self._log_population(theta) + ERROR**2 / 2)

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        log_population = self._log_population(theta)
        return np.exp(log_population + ERROR * rng.standard_normal(log_population.shape))

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, 4) and x (n, 20) or (20,); (n,)."""
        positive = x > 0
        log_x = np.log(np.where(positive, x, 1.0))
        density = isotropic_log_density(log_x - self._log_population(theta), ERROR)
        return np.where(positive.all(axis=-1), density - log_x.sum(axis=-1), -np.inf)

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors, for positive x."""
        start = (*START, *[0.0] * 8)
        y = _ode.solve(rate_and_gradient, start, DAYS, theta.detach().numpy(), TOLERANCE, 2)
        value, derivative = y[:, :2], y[:, 2:].reshape(len(DAYS), 2, 4, len(theta))
        log_population = _ode.with_gradient(
            value.transpose(2, 1, 0).reshape(len(theta), -1),
            derivative.transpose(3, 1, 0, 2).reshape(len(theta), -1, 4),
            theta,
        ).clamp(math.log(LEAST), math.log(MOST))
        log_x = x.log()
        density = isotropic_log_density(log_x - log_population, ERROR)
        value: torch.Tensor = density - log_x.sum(-1)
        return value

    def _log_population(self, theta: Array) -> Array:
        """Log of the populations, prey first; shape (n, 20)."""
        y = at_distinct(
            lambda distinct: _ode.solve(rate, START, DAYS, distinct, TOLERANCE).transpose(2, 1, 0),
            theta,
        )
        return np.clip(y.reshape(len(theta), -1), math.log(LEAST), math.log(MOST))


def rate(y: Array, theta: Array) -> Array:
    """Rate of change of the logarithms of prey and predators."""
    alpha, beta, gamma, delta = theta
    return np.stack([alpha - beta * np.exp(y[1]), delta * np.exp(y[0]) - gamma])


def rate_and_gradient(y: Array, theta: Array) -> Array:
    """Return `rate`, and that of the derivatives of ln X by θ, then of ln Y by θ."""
    prey, predators = np.exp(y[0]), np.exp(y[1])
    by_prey, by_predators = y[2:6], y[6:10]
    prey_change = -theta[1] * predators * by_predators
    prey_change[0] += 1.0
    prey_change[1] -= predators
    predator_change = theta[3] * prey * by_prey
    predator_change[2] -= 1.0
    predator_change[3] += prey
    return np.concatenate([rate(y[:2], theta), prey_change, predator_change])
