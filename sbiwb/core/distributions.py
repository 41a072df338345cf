"""One-dimensional distributions with a closed-form quantile function.

Priors need three things of a distribution (log density, CDF and its inverse) for many points at
once and without per-call overhead: hence these few lines rather than `scipy.stats`, whose frozen
distributions check their arguments anew at every call of a cheap likelihood.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sbiwb.errors import UsageError

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


class Distribution(ABC):
    """A one-dimensional distribution of a parameter."""

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """Lower and upper end of the support, ±inf where unbounded."""

    @abstractmethod
    def log_pdf(self, x: Array) -> Array:
        """Log density at `x`, −inf outside the support."""

    @abstractmethod
    def cdf(self, x: Array) -> Array:
        """Probability below `x`."""

    @abstractmethod
    def ppf(self, u: Array) -> Array:
        """Quantile function, the inverse of `cdf`, for u in [0, 1]."""

    def describe(self) -> dict[str, object]:
        """Name and numbers, enough to rebuild and to hash the distribution."""
        return {"distribution": type(self).__name__, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform on [low, high]."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_interval(self, self.low, self.high)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def log_pdf(self, x: Array) -> Array:
        inside = (x >= self.low) & (x <= self.high)
        return np.where(inside, -math.log(self.high - self.low), -np.inf)

    def cdf(self, x: Array) -> Array:
        return np.clip((x - self.low) / (self.high - self.low), 0.0, 1.0)

    def ppf(self, u: Array) -> Array:
        # Rounding can pass the end by one unit in the last place, and so leave the support.
        return np.minimum(self.low + (self.high - self.low) * u, self.high)


@dataclass(frozen=True)
class LogUniform(Distribution):
    """Density ∝ 1/x on [low, high], low > 0."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_interval(self, self.low, self.high)
        if self.low <= 0:
            raise UsageError("LogUniform needs a positive range", got=self, expected="low > 0")

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def log_pdf(self, x: Array) -> Array:
        inside = (x >= self.low) & (x <= self.high)
        safe = np.where(inside, x, self.low)
        return np.where(inside, -np.log(safe) - math.log(math.log(self.high / self.low)), -np.inf)

    def cdf(self, x: Array) -> Array:
        clipped = np.clip(x, self.low, self.high)
        return np.log(clipped / self.low) / math.log(self.high / self.low)

    def ppf(self, u: Array) -> Array:
        x = self.low * np.exp(u * math.log(self.high / self.low))
        return np.clip(x, self.low, self.high)


@dataclass(frozen=True)
class Normal(Distribution):
    """Gaussian with the given mean and standard deviation."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _check_scale(self, self.mean, self.sd)

    @property
    def support(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def log_pdf(self, x: Array) -> Array:
        return -0.5 * ((x - self.mean) / self.sd) ** 2 - math.log(self.sd) - _LOG_SQRT_2PI

    def cdf(self, x: Array) -> Array:
        return np.asarray(special.ndtr((x - self.mean) / self.sd))

    def ppf(self, u: Array) -> Array:
        return np.asarray(self.mean + self.sd * special.ndtri(u))


@dataclass(frozen=True)
class TruncatedNormal(Distribution):
    """Gaussian cut to [low, high] and normalised there."""

    mean: float
    sd: float
    low: float
    high: float

    def __post_init__(self) -> None:
        _check_scale(self, self.mean, self.sd)
        _check_interval(self, self.low, self.high)
        if self._ends[0] == self._ends[1]:
            raise UsageError(
                "the range of a truncated normal holds no probability",
                got=self,
                expected="a range less than 37 standard deviations from the mean",
            )

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    @cached_property
    def _side(self) -> float:
        """−1 if the range lies mostly above the mean: tails are resolved below it only."""
        return 1.0 if self.low + self.high <= 2 * self.mean else -1.0

    @cached_property
    def _ends(self) -> tuple[float, float]:
        low, high = self._ndtr(np.array([self.low, self.high])).tolist()
        return low, high

    def _ndtr(self, x: Array) -> Array:
        return np.asarray(special.ndtr(self._side * (x - self.mean) / self.sd))

    def log_pdf(self, x: Array) -> Array:
        low, high = self._ends
        inside = (x >= self.low) & (x <= self.high)
        density = Normal(self.mean, self.sd).log_pdf(x) - math.log(abs(high - low))
        return np.where(inside, density, -np.inf)

    def cdf(self, x: Array) -> Array:
        low, high = self._ends
        return (self._ndtr(np.clip(x, self.low, self.high)) - low) / (high - low)

    def ppf(self, u: Array) -> Array:
        low, high = self._ends
        z = self._side * special.ndtri(low + (high - low) * u)
        return np.clip(self.mean + self.sd * z, self.low, self.high)


@dataclass(frozen=True)
class LogNormal(Distribution):
    """log x is Gaussian with mean `log_mean` and standard deviation `log_sd`."""

    log_mean: float
    log_sd: float

    def __post_init__(self) -> None:
        _check_scale(self, self.log_mean, self.log_sd)

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, math.inf

    def log_pdf(self, x: Array) -> Array:
        positive = x > 0
        log_x = np.log(np.where(positive, x, 1.0))
        density = Normal(self.log_mean, self.log_sd).log_pdf(log_x) - log_x
        return np.where(positive, density, -np.inf)

    def cdf(self, x: Array) -> Array:
        positive = x > 0
        log_x = np.log(np.where(positive, x, 1.0))
        return np.where(positive, Normal(self.log_mean, self.log_sd).cdf(log_x), 0.0)

    def ppf(self, u: Array) -> Array:
        return np.exp(Normal(self.log_mean, self.log_sd).ppf(u))


@dataclass(frozen=True)
class PowerLaw(Distribution):
    """Density ∝ x^exponent on [low, high], low > 0: exponent 2 for a distance in flat space."""

    exponent: float
    low: float
    high: float

    def __post_init__(self) -> None:
        _check_interval(self, self.low, self.high)
        if self.low <= 0 or not math.isfinite(self.exponent):
            raise UsageError(
                "PowerLaw needs a finite exponent and a positive range",
                got=self,
                expected="low > 0",
            )

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    @cached_property
    def _power(self) -> float:
        return self.exponent + 1

    @cached_property
    def _growth(self) -> float:
        """((high/low)^power − 1)/power, which tends to ln(high/low) as the power vanishes."""
        return float(_box_cox(np.array(math.log(self.high / self.low)), self._power))

    def log_pdf(self, x: Array) -> Array:
        inside = (x >= self.low) & (x <= self.high)
        ratio = np.where(inside, x, self.low) / self.low
        density = self.exponent * np.log(ratio) - math.log(self.low * self._growth)
        return np.where(inside, density, -np.inf)

    def cdf(self, x: Array) -> Array:
        ratio = np.clip(x, self.low, self.high) / self.low
        return _box_cox(np.log(ratio), self._power) / self._growth

    def ppf(self, u: Array) -> Array:
        if self._power == 0:
            x = self.low * np.exp(u * self._growth)
        else:
            x = self.low * np.exp(np.log1p(self._power * self._growth * u) / self._power)
        return np.clip(x, self.low, self.high)


@dataclass(frozen=True)
class Sine(Distribution):
    """Density ∝ sin x in [0, π]: a polar angle of an isotropic direction, in radians.

    The range may be narrower than [0, π].
    """

    low: float = 0.0
    high: float = math.pi

    def __post_init__(self) -> None:
        _check_interval(self, self.low, self.high)
        if self.low < 0 or self.high > math.pi:
            raise UsageError("Sine lives in [0, π]", got=self)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    @cached_property
    def _drop(self) -> float:
        return math.cos(self.low) - math.cos(self.high)

    def log_pdf(self, x: Array) -> Array:
        inside = (x > 0) & (x < math.pi) & (x >= self.low) & (x <= self.high)
        return np.where(inside, np.log(np.sin(np.where(inside, x, 1.0)) / self._drop), -np.inf)

    def cdf(self, x: Array) -> Array:
        return (math.cos(self.low) - np.cos(np.clip(x, self.low, self.high))) / self._drop

    def ppf(self, u: Array) -> Array:
        cosine = np.clip(math.cos(self.low) - self._drop * u, -1.0, 1.0)
        return np.clip(np.arccos(cosine), self.low, self.high)


@dataclass(frozen=True)
class Cosine(Distribution):
    """Density ∝ cos x in [−π/2, π/2]: a latitude or declination, in radians.

    The range may be narrower than [−π/2, π/2].
    """

    low: float = -math.pi / 2
    high: float = math.pi / 2

    def __post_init__(self) -> None:
        _check_interval(self, self.low, self.high)
        if self.low < -math.pi / 2 or self.high > math.pi / 2:
            raise UsageError("Cosine lives in [−π/2, π/2]", got=self)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    @cached_property
    def _rise(self) -> float:
        return math.sin(self.high) - math.sin(self.low)

    def log_pdf(self, x: Array) -> Array:
        inside = (np.abs(x) < math.pi / 2) & (x >= self.low) & (x <= self.high)
        return np.where(inside, np.log(np.cos(np.where(inside, x, 0.0)) / self._rise), -np.inf)

    def cdf(self, x: Array) -> Array:
        return (np.sin(np.clip(x, self.low, self.high)) - math.sin(self.low)) / self._rise

    def ppf(self, u: Array) -> Array:
        sine = np.clip(math.sin(self.low) + self._rise * u, -1.0, 1.0)
        return np.clip(np.arcsin(sine), self.low, self.high)


def _box_cox(log_ratio: Array, power: float) -> Array:
    """(r^power − 1)/power for r = exp(log_ratio), and ln r for power 0."""
    return np.asarray(log_ratio if power == 0 else np.expm1(power * log_ratio) / power)


def _check_interval(distribution: Distribution, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(
            "prior with zero, negative or infinite width",
            got=distribution,
            expected="finite low < high",
            remedy="to hold a parameter at a value, pass fixed={'name': value}",
        )


def _check_scale(distribution: Distribution, location: float, scale: float) -> None:
    if not (math.isfinite(location) and math.isfinite(scale) and scale > 0):
        raise UsageError(
            "prior with zero, negative or infinite width",
            got=distribution,
            expected="a finite location and a positive scale",
            remedy="to hold a parameter at a value, pass fixed={'name': value}",
        )
