"""sbibm's SIR: an epidemic seen through ten samples of the infected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln

from sbiwb.core.distinct import at_distinct
from sbiwb.core.distributions import Array, LogNormal
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output

from . import _ode
from ._published import PublishedSimulator

if TYPE_CHECKING:
    import torch

POPULATION = 1e6
INFECTED = 1.0
SAMPLED = 1000
DAYS = 17.0 * np.arange(10)
# Leaves an error below 1e-6 in the log of the infected (tests/external/test_scipy_ode.py).
TOLERANCE = 1e-7
START = (1 - INFECTED / POPULATION, math.log(INFECTED / POPULATION))


class SIR(PublishedSimulator):
    """Infected among a thousand people drawn at days 0, 17, …, 153.

    dS/dt = −β S I/N, dI/dt = β S I/N − γ I, with N = 10⁶ and one infected at day 0;
    x_i ~ Binomial(1000, I(t_i)/N), β ~ LogNormal(ln 0.4, 0.5), γ ~ LogNormal(ln 1/8, 0.2).

    Notes
    -----
    Solved for S/N and ln I/N, so that few infected are as accurate as many.

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.9; Kermack & McKendrick (1927).
    """

    name = "benchmark.sir"
    prior = Prior(
        (
            Parameter("beta", LogNormal(math.log(0.4), 0.5), unit="1/d", label=r"\beta"),
            Parameter("gamma", LogNormal(math.log(0.125), 0.2), unit="1/d", label=r"\gamma"),
        )
    )
    output = Output(
        (len(DAYS),), label="infected of 1000", names=tuple(f"day {day:g}" for day in DAYS)
    )

    def mean(self, theta: Array) -> Array:
        """Expected x for each row of theta (n, 2); shape (n, 10)."""
        return SAMPLED * np.exp(self._log_share(theta))

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        share = np.exp(self._log_share(theta))
        failed = np.isnan(share)
        x = rng.binomial(SAMPLED, np.where(failed, 0.0, share)).astype(np.float64)
        return np.where(failed, np.nan, x)

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """Log probability of x (n, 10) or (10,) for each row of theta (n, 2); shape (n,)."""
        log_share = self._log_share(theta)
        value: Array = _log_binomial(x, log_share, np) + _log_choices(x)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        import torch

        start = (*START, *[0.0] * 4)
        y = _ode.solve(rate_and_gradient, start, DAYS, theta.detach().numpy(), TOLERANCE, 2)
        log_share = _ode.with_gradient(y[:, 1].T, np.moveaxis(y[:, 4:], 2, 0), theta)
        choices = torch.as_tensor(_log_choices(x.numpy()))
        value: torch.Tensor = _log_binomial(x, log_share, torch) + choices
        return value

    def _log_share(self, theta: Array) -> Array:
        """Log of the infected share at each day; shape (n, 10)."""
        return at_distinct(
            lambda distinct: _ode.solve(rate, START, DAYS, distinct, TOLERANCE)[:, 1].T, theta
        )


def rate(y: Array, theta: Array) -> Array:
    """Rate of change of S/N and ln I/N."""
    infection = theta[0] * y[0]
    return np.stack([-infection * np.exp(y[1]), infection - theta[1]])


def rate_and_gradient(y: Array, theta: Array) -> Array:
    """Return `rate`, and that of the derivatives of S/N by β and γ, then of ln I/N by them."""
    share, infected = y[0], np.exp(y[1])
    by_share, by_log = y[2:4], y[4:6]
    here = np.zeros_like(by_share)
    here[0] = share
    lost = infected * (theta[0] * by_share + theta[0] * share * by_log + here)
    gained = theta[0] * by_share + here
    gained[1] -= 1.0
    return np.concatenate([rate(y[:2], theta), -lost, gained])


def _log_binomial(x: Any, log_share: Any, xp: Any) -> Any:
    """Log probability without the number of choices, which does not depend on θ."""
    return (x * log_share + (SAMPLED - x) * xp.log1p(-xp.exp(log_share))).sum(-1)


def _log_choices(x: Array) -> Array:
    each = gammaln(SAMPLED + 1) - gammaln(x + 1) - gammaln(SAMPLED - x + 1)
    return np.asarray(each.sum(axis=-1))
