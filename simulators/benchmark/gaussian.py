"""A Gaussian of any dimension, whose posterior and evidence are known in closed form."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from sbiwb.core.distributions import Array, Normal
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output, Simulator
from sbiwb.errors import UsageError

from ._normal import LOG_2PI

if TYPE_CHECKING:
    import torch


class Gaussian(Simulator):
    """x | θ ~ N(θ, Σ) with θ ~ N(0, s² I): a toy to try methods and checks on.

    Parameters
    ----------
    dim : int
        Number of parameters, and of entries of x.
    correlation : float
        Correlation of the noise between any two entries, above −1/(dim − 1) and below 1.
    noise, prior_sd : float
        Standard deviations of the noise and of the prior.

    Raises
    ------
    UsageError
        If an option is out of range.

    Notes
    -----
    Σ = noise² ((1 − ρ) I + ρ 1 1ᵀ).  For k independent data with the mean x̄ the posterior is normal
    with covariance C = (k Σ⁻¹ + I/s²)⁻¹ and mean k C Σ⁻¹ x̄ (Bishop 2006, eqs 2.116 and 2.117).
    """

    name = "benchmark.gaussian"
    version = "1"

    def __init__(
        self, dim: int = 2, correlation: float = 0.0, noise: float = 0.5, prior_sd: float = 1.0
    ) -> None:
        if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
            raise UsageError("bad dimension", got=repr(dim), expected="a whole number > 0")
        for what, value in (("noise", noise), ("prior_sd", prior_sd)):
            if not 0 < value < math.inf:
                raise UsageError(f"bad {what}", got=value, expected="a positive number")
        least = -1 / (dim - 1) if dim > 1 else -1.0
        if not least < correlation < 1:
            raise UsageError(
                "bad correlation", got=correlation, expected=f"between {least:g} and 1, exclusive"
            )
        self.options = {
            "dim": dim,
            "correlation": float(correlation),
            "noise": float(noise),
            "prior_sd": float(prior_sd),
        }
        self.dim, self.prior_sd = dim, float(prior_sd)
        self.prior = Prior(
            tuple(
                Parameter(f"theta{k}", Normal(0.0, self.prior_sd), label=rf"\theta_{{{k}}}")
                for k in range(1, dim + 1)
            )
        )
        self.output = Output((dim,))
        self.covariance = noise**2 * (
            (1 - correlation) * np.eye(dim) + correlation * np.ones((dim, dim))
        )
        self._factor = np.linalg.cholesky(self.covariance)

    def mean(self, theta: Array) -> Array:
        """Predicted x for each row of theta (n, d); shape (n, d)."""
        return np.array(theta, dtype=np.float64)

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        return np.asarray(theta + rng.standard_normal(theta.shape) @ self._factor.T)

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, d) and x (n, d) or (d,); shape (n,)."""
        value: Array = self._log_density(x - theta, self._whiten)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        import torch

        value: torch.Tensor = self._log_density(x - theta, torch.as_tensor(self._whiten))
        return value

    def posterior(self, x: Array) -> tuple[Array, Array]:
        """Mean (d,) and covariance (d, d) of the posterior given one x (d,) or several (k, d)."""
        x = np.atleast_2d(x)
        precision = np.linalg.inv(self.covariance)
        covariance = np.linalg.inv(len(x) * precision + np.eye(self.dim) / self.prior_sd**2)
        covariance = (covariance + covariance.T) / 2
        return covariance @ precision @ x.sum(axis=0), covariance

    def posterior_draws(self, x: Array, n: int, rng: np.random.Generator) -> Array:
        """Exact draws from the posterior given one x (d,) or several (k, d); shape (n, d)."""
        mean, covariance = self.posterior(x)
        factor = np.linalg.cholesky(covariance)
        return np.asarray(mean + rng.standard_normal((n, self.dim)) @ factor.T)

    def log_evidence(self, x: Array) -> float:
        """Log p(x) of one x (d,) or several (k, d) together."""
        x = np.atleast_2d(x)
        shared = self.prior_sd**2 * np.kron(np.ones((len(x), len(x))), np.eye(self.dim))
        covariance = shared + np.kron(np.eye(len(x)), self.covariance)
        return float(stats.multivariate_normal(cov=covariance).logpdf(x.ravel()))

    @cached_property
    def _whiten(self) -> Array:
        """Residuals (n, d) times this have unit covariance."""
        return np.ascontiguousarray(np.linalg.inv(self._factor).T)

    def _log_density(self, residual: Any, whiten: Any) -> Any:
        z = residual @ whiten
        log_det = float(np.sum(np.log(np.diag(self._factor))))
        return -0.5 * (z * z).sum(-1) - log_det - 0.5 * self.dim * LOG_2PI
