"""What the simulators of this folder share: predictions with Gaussian errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg

from sbiwb.core.distributions import Array
from sbiwb.core.observation import Observation
from sbiwb.core.prior import Prior
from sbiwb.core.simulator import Output, Simulator
from sbiwb.core.views import View

from .model import Model
from .models import OMEGA_M
from .probe import Predictions, Probe
from .views import views

if TYPE_CHECKING:
    import torch


class GaussianSimulator(Simulator):
    """Predictions of probes under a model + noise of the data's covariance.

    Probes are independent of each other.  theta holds Ωm, the scales that the probes need (H0
    before hrd) and the model's own parameters.

    Parameters
    ----------
    probes : sequence of Probe
    model : Model
    label : str
        LaTeX label of x.
    """

    def __init__(self, probes: Sequence[Probe], model: Model, label: str) -> None:
        self.probes, self.model = tuple(probes), model
        needed = {scale.name: scale for probe in probes for scale in probe.scales}
        scales = [needed[name] for name in sorted(needed)]
        self.scale_names = tuple(scale.name for scale in scales)
        self.prior = Prior((OMEGA_M, *scales, *model.parameters), model.constraint)
        names = tuple(name for probe in probes for name in probe.names)
        units = {probe.unit for probe in probes}
        self.output = Output(
            (len(names),), unit=units.pop() if len(units) == 1 else "", label=label, names=names
        )
        self.covariance: Array = linalg.block_diag(*(probe.covariance for probe in probes))
        self._gaussian = self._prepare(np)

    def mean(self, theta: Array) -> Array:
        """Predicted x for each row of theta (n, d); shape (n, k)."""
        mean: Array = self._gaussian.mean(theta)
        return mean

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        noise = rng.standard_normal((len(theta), *self.output.shape))
        return self.mean(theta) + noise @ self._gaussian.cholesky.T

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, d) and x (n, k) or (k,); shape (n,)."""
        value: Array = self._gaussian.log_likelihood(theta, x)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        value: torch.Tensor = self._torch_gaussian.log_likelihood(theta, x)
        return value

    def views(self, theta: Array, x: Array) -> list[View]:
        """Residuals against redshift, and w(z); see `views`."""
        return views(self, theta, x)

    def default_observation(self) -> Observation:
        """The measured values."""
        return Observation(
            np.concatenate([probe.value for probe in self.probes]),
            name=" + ".join(probe.name for probe in self.probes),
            source="; ".join(probe.source for probe in self.probes),
        )

    def _prepare(self, xp: Any) -> _Gaussian:
        predict = Predictions(self.probes, self.model, self.scale_names, xp)
        return _Gaussian(predict, self.covariance, xp)

    @cached_property
    def _torch_gaussian(self) -> _Gaussian:
        import torch

        return self._prepare(torch)


class _Gaussian:
    """Normalised Gaussian log-likelihood, in NumPy or Torch."""

    def __init__(self, mean: Predictions, covariance: Array, xp: Any) -> None:
        self.mean = mean
        self.cholesky = np.linalg.cholesky(covariance)
        log_det = 2 * float(np.sum(np.log(np.diag(self.cholesky))))
        self._log_norm = -0.5 * (log_det + len(covariance) * math.log(2 * math.pi))
        # Residuals (n, k) times this have unit covariance.
        self._whiten = xp.asarray(np.ascontiguousarray(np.linalg.inv(self.cholesky).T))

    def log_likelihood(self, theta: Any, x: Any) -> Any:
        residual = (x - self.mean(theta)) @ self._whiten
        return self._log_norm - 0.5 * (residual * residual).sum(-1)
