"""Volumes of one lesion over time: Gompertz, logistic or exponential growth, relative errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array, LogUniform
from sbiwb.core.observation import Observation
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output, Simulator
from sbiwb.errors import DataError, UsageError, unknown_name

from .growth_laws import LAWS, VOLUME
from .lesions import DEFAULT, SOURCE, Lesion, lesion

ERROR = Parameter("sigma", LogUniform(0.01, 2.0), label=r"\sigma")
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


class LesionVolume(Simulator):
    """ln v at given days: a growth law and Gaussian noise σ, an error of σ · 100 % in the volume.

    Parameters
    ----------
    model : str
        ``gompertz``, ``logistic`` or ``exponential``.
    lesion : int, optional
        Row of the table of Laleh et al. (2022): its days, and its volumes as observation.
    days : sequence of float, optional
        Days of your own readings instead; the observation is then yours to give, as ln v in mm³.

    Raises
    ------
    UsageError
        If the model or the lesion is unknown, both `lesion` and `days` are given, or days are not
        finite numbers.
    DataError
        If the lesion was not seen in some reading (a volume of zero has no logarithm), or the table
        is needed and not to be had.

    References
    ----------
    Laleh et al. (2022), Classical mathematical models for prediction of response to chemotherapy
    and immunotherapy, PLOS Comput. Biol. 18, e1009822.
    """

    name = "tumour.lesion_volume"
    version = "1"

    def __init__(
        self,
        model: str = "gompertz",
        lesion: int | None = None,
        days: Sequence[float] | None = None,
    ) -> None:
        if not isinstance(model, str) or model not in LAWS:
            raise unknown_name("growth law", model, LAWS)
        if lesion is not None and days is not None:
            raise UsageError("give lesion or days, not both", got=f"lesion={lesion}, days={days}")
        self.options: dict[str, Any] = {"model": model}
        self.lesion: Lesion | None = None
        if days is None:
            self.lesion = _seen(DEFAULT if lesion is None else lesion)
            self.options["lesion"] = self.lesion.number
            self.days = self.lesion.days
            self.observation_names = (f"lesion {self.lesion.number}",)
        else:
            self.days = _checked(days)
            self.options["days"] = self.days.tolist()
        self.law = LAWS[model]
        self.prior = Prior((VOLUME, *self.law.parameters, ERROR))
        names = tuple(f"ln v ({day:g} d)" for day in self.days)
        self.output = Output((len(self.days),), label=r"\ln v", names=names)

    def mean(self, theta: Array) -> Array:
        """ln v of the law for each row of theta (n, d); shape (n, k)."""
        columns = np.asarray(theta, dtype=np.float64).T[:-1, :, np.newaxis]
        return self.law.log_volume(self.days, *columns)

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        mean = self.mean(theta)
        return mean + theta[:, -1:] * rng.standard_normal(mean.shape)

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised over x = ln v; shape (n,)."""
        sigma = theta[:, -1]
        residual = (x - self.mean(theta)) / sigma[:, np.newaxis]
        constant = len(self.days) * (np.log(sigma) + _LOG_SQRT_2PI)
        return np.asarray(-0.5 * np.sum(residual**2, axis=1) - constant)

    def observation(self, name: str) -> Observation:
        """The logarithms of the measured volumes."""
        assert self.lesion is not None  # there is no name otherwise
        source = f"{SOURCE}, row {self.lesion.number}, {self.lesion.arm}"
        return Observation(np.log(self.lesion.volumes), name=name, source=source)


def _seen(number: int) -> Lesion:
    found = lesion(number)
    if np.any(found.volumes <= 0):
        raise DataError(
            f"lesion {number} was not seen in every reading, and a volume of zero has no logarithm",
            got=f"{np.sum(found.volumes <= 0)} of {len(found.volumes)} volumes zero",
            remedy="give the readings with a volume as days= and observation=",
        )
    return found


def _checked(days: Sequence[float]) -> Array:
    try:
        checked = np.array(days, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError("bad days", got=error, expected="a list of numbers") from error
    if checked.ndim != 1 or len(checked) == 0 or not np.all(np.isfinite(checked)):
        raise UsageError("bad days", got=days, expected="a list of finite numbers")
    return checked
