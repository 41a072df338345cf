"""Baryon acoustic oscillations: distances over the sound horizon, with Gaussian errors."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sbiwb.core.distributions import Array, Uniform
from sbiwb.core.observation import Observation
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output, Simulator
from sbiwb.errors import DataError, UsageError, did_you_mean, unknown_name

from .distances import Distances
from .model import Model
from .models import MODELS, OMEGA_M
from .points import PUBLISHED, Points, published_points, read_points

if TYPE_CHECKING:
    import torch

# c / (100 km/s/Mpc), so that distances over r_d need only the product h·r_d.
HUBBLE_DISTANCE = 2997.92458

HRD = Parameter("hrd", Uniform(50.0, 200.0), unit="Mpc", label="h r_d")


class BAO(Simulator):
    """BAO distances: prediction + Gaussian noise of the data's covariance.

    x holds D_M/r_d, D_H/r_d and D_V/r_d = (z D_M² D_H)^{1/3}/r_d in the order of the data, for
    DESI DR2 thirteen numbers (note D_H before D_M at z = 2.33, as in the released files).

    Parameters
    ----------
    data : str or pair of paths
        ``"desi_dr2"``, or ``(mean_file, covariance_file)`` in DESI's text format (see `points`).
    model : str
        A key of `models.MODELS`: ``"lcdm"``, ``"wcdm"``, ``"w0wacdm"``, ``"olcdm"``, ….
    sha256 : str, optional
        Hash that the content of the two files must have.  `options` holds it, so that simulations
        and results made from other contents are never taken for these.

    Raises
    ------
    UsageError
        If the data set or the model is unknown.
    DataError
        If a file cannot be used.

    Notes
    -----
    Parameters are Ωm, h·r_d and the model's own; the priors of w0 and wa are DESI's.  DESI takes
    h·r_d from 10 to 1000 Mpc; here it is 50 to 200 Mpc, which holds the same posterior.  It raises
    the log-evidence of every model by ln(990/150) ≈ 1.89, so Bayes factors are the same.

    References
    ----------
    DESI Collaboration (2025), DR2 Results II: Measurements of Baryon Acoustic Oscillations and
    Cosmological Constraints, arXiv:2503.14738.
    """

    name = "cosmology.bao"
    version = "1"

    def __init__(
        self,
        data: str | Sequence[str | os.PathLike[str]] = "desi_dr2",
        model: str = "lcdm",
        *,
        sha256: str | None = None,
    ) -> None:
        if not isinstance(model, str) or model not in MODELS:
            raise unknown_name("cosmological model", model, MODELS)
        self.points, self.options = _load(data, sha256)
        self.options["model"] = model
        self.model = MODELS[model]
        self.prior = Prior((OMEGA_M, HRD, *self.model.parameters), self.model.constraint)
        self.output = Output((len(self.points),), label="D/r_d", names=self.points.names)
        self._gaussian = _Gaussian(self.points, self.model, np)

    def mean(self, theta: Array) -> Array:
        """Predicted x for each row of theta (n, d); shape (n, k)."""
        mean: Array = self._gaussian.mean(theta)
        return mean

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        noise = rng.standard_normal((len(theta), len(self.points)))
        return self.mean(theta) + noise @ self._gaussian.cholesky.T

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, d) and x (n, k) or (k,); shape (n,)."""
        value: Array = self._gaussian.log_likelihood(theta, x)
        return value

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Differentiable twin of `log_likelihood`, on float64 tensors."""
        value: torch.Tensor = self._torch_gaussian.log_likelihood(theta, x)
        return value

    def default_observation(self) -> Observation:
        """The measured distances."""
        return Observation(self.points.value, name=self.points.name, source=self.points.source)

    @cached_property
    def _torch_gaussian(self) -> _Gaussian:
        import torch

        return _Gaussian(self.points, self.model, torch)


class _Gaussian:
    """Prediction and normalised Gaussian log-likelihood, in NumPy or Torch."""

    def __init__(self, points: Points, model: Model, xp: Any) -> None:
        self.cholesky = np.linalg.cholesky(points.covariance)
        log_det = 2 * float(np.sum(np.log(np.diag(self.cholesky))))
        self._log_norm = -0.5 * (log_det + len(points) * math.log(2 * math.pi))
        # Residuals (n, k) times this have unit covariance.
        self._whiten = xp.asarray(np.ascontiguousarray(np.linalg.inv(self.cholesky).T))
        self._distances = Distances(model, points.z, xp)
        self._z = xp.asarray(points.z)
        quantity = np.array(points.quantity)
        self._transverse = xp.asarray(quantity == "DM_over_rs")
        self._radial = xp.asarray(quantity == "DH_over_rs")
        self._where = xp.where

    def mean(self, theta: Any) -> Any:
        om, hrd, *own = (theta[:, k : k + 1] for k in range(theta.shape[1]))
        across, along = self._distances(om, *own)
        volume = (self._z * across * across * along) ** (1 / 3)
        chosen = self._where(self._transverse, across, self._where(self._radial, along, volume))
        return HUBBLE_DISTANCE / hrd * chosen

    def log_likelihood(self, theta: Any, x: Any) -> Any:
        residual = (x - self.mean(theta)) @ self._whiten
        return self._log_norm - 0.5 * (residual * residual).sum(-1)


def _load(
    data: str | Sequence[str | os.PathLike[str]], sha256: str | None
) -> tuple[Points, dict[str, Any]]:
    """Points and the options that load them again."""
    if isinstance(data, str):
        if sha256 is not None:
            raise UsageError("sha256 applies to data files only", got=f"data='{data}'")
        if data not in PUBLISHED:
            raise UsageError(
                "unknown BAO data set",
                got=f"'{data}'",
                expected=f"one of {', '.join(PUBLISHED)}, or a pair (mean_file, covariance_file)",
                remedy=did_you_mean(data, PUBLISHED),
            )
        return published_points(data), {"data": data}
    is_pair = isinstance(data, Sequence) and len(data) == 2
    if not is_pair or not all(isinstance(file, (str, os.PathLike)) for file in data):
        raise UsageError(
            "bad BAO data",
            got=repr(data),
            expected="the name of a data set, or a pair (mean_file, covariance_file)",
        )
    files = [os.fspath(file) for file in data]
    points = read_points(*map(Path, files))
    if sha256 not in (None, points.sha256):
        raise DataError(
            f"the content of {files[0]} or {files[1]} has changed",
            got=f"SHA-256 {points.sha256[:12]}…",
            expected=f"{sha256[:12]}…",
        )
    return points, {"data": files, "sha256": points.sha256}
