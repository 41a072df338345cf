"""Priors of a compact binary, those of the LIGO–Virgo–KAGRA analyses where not said otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from sbiwb.core.distributions import Array, Cosine, Distribution, PowerLaw, Sine, Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.errors import UsageError, unknown_name


@dataclass(frozen=True)
class AlignedSpin(Distribution):
    """Component along one axis of a spin with isotropic direction and uniform magnitude.

    Density −ln(|χ|/most)/(2 most) for |χ| < most, cut to [low, high].

    Parameters
    ----------
    most : float
        Largest magnitude, below one.
    low, high : float, optional
        Range; by default [−most, most].
    """

    most: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (0 < self.most < 1 and -self.most <= self.low < self.high <= self.most):
            raise UsageError(
                "bad range of an aligned spin",
                got=self,
                expected="0 < most < 1 and -most <= low < high <= most",
            )

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def log_pdf(self, x: Array) -> Array:
        inside = (x >= self.low) & (x <= self.high)
        # The density diverges at zero, which no draw hits, and vanishes at the ends.
        size = np.clip(np.abs(x) / self.most, 1e-300, 1 - 1e-15)
        density = np.log(-np.log(size)) - math.log(2 * self.most * self._kept)
        return np.where(inside, density, -np.inf)

    def cdf(self, x: Array) -> Array:
        return (self._whole_cdf(np.clip(x, self.low, self.high)) - self._below) / self._kept

    def ppf(self, u: Array) -> Array:
        whole = self._below + self._kept * np.asarray(u)
        tail = np.abs(2 * whole - 1)
        # |χ|/most (1 − ln(|χ|/most)) = tail is solved by the lower branch of Lambert's W.
        w = np.real(special.lambertw(-np.clip(tail, 1e-300, 1 - 1e-15) / math.e, -1))
        size = np.where(tail > 0, self.most * np.exp(np.minimum(1 + w, 0.0)), 0.0)
        return np.clip(np.sign(whole - 0.5) * size, self.low, self.high)

    @property
    def _below(self) -> float:
        return float(self._whole_cdf(np.array(self.low)))

    @property
    def _kept(self) -> float:
        return float(self._whole_cdf(np.array(self.high))) - self._below

    def _whole_cdf(self, x: Array) -> Array:
        size = np.abs(x) / self.most
        return np.asarray(0.5 + 0.5 * np.sign(x) * (size - special.xlogy(size, size)))


_TWO_PI = 2 * math.pi
PARAMETERS = (
    Parameter("chirp_mass", Uniform(25.0, 40.0), "M_sun", r"\mathcal{M}"),
    Parameter("mass_ratio", Uniform(0.125, 1.0), "", "q"),
    Parameter("chi_1", AlignedSpin(0.99, -0.99, 0.99), "", r"\chi_1"),
    Parameter("chi_2", AlignedSpin(0.99, -0.99, 0.99), "", r"\chi_2"),
    Parameter("luminosity_distance", PowerLaw(2.0, 100.0, 2000.0), "Mpc", "d_L"),
    Parameter("theta_jn", Sine(), "rad", r"\theta_{JN}"),
    Parameter("psi", Uniform(0.0, math.pi), "rad", r"\psi", periodic=True),
    Parameter("phase", Uniform(0.0, _TWO_PI), "rad", r"\phi", periodic=True),
    Parameter("t_c", Uniform(-0.1, 0.1), "s", "t_c"),
    Parameter("ra", Uniform(0.0, _TWO_PI), "rad", r"\alpha", periodic=True),
    Parameter("dec", Cosine(), "rad", r"\delta"),
)
"""In the order of theta's columns: detector-frame chirp mass; q = m2/m1; aligned spins; distance,
with sources uniform in Euclidean volume; inclination; polarisation; phase at the reference
frequency; time of coalescence at the Earth's centre after the trigger; sky position."""


def binary_prior(ranges: Mapping[str, Sequence[float]]) -> Prior:
    """Prior with the ranges of some parameters changed; the form of their densities stays.

    Parameters
    ----------
    ranges : mapping of str to (float, float)
        A part of an angle's circle is not periodic any more.

    Raises
    ------
    UsageError
        If a name is unknown, or a range is not one.
    """
    names = [parameter.name for parameter in PARAMETERS]
    for name, ends in ranges.items():
        if name not in names:
            raise unknown_name("parameter in ranges", name, names)
        if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
            raise UsageError(f"bad range of {name}", got=repr(ends), expected="[low, high]")
    return Prior(tuple(within(each, ranges.get(each.name)) for each in PARAMETERS))


def within(parameter: Parameter, ends: Sequence[float] | None) -> Parameter:
    """`parameter` in another range, if `ends` is not None; a part of a circle is not periodic."""
    if ends is None:
        return parameter
    low, high = map(float, ends)
    changed = replace(parameter.distribution, low=low, high=high)  # type: ignore[type-var]
    whole = (low, high) == parameter.distribution.support
    return replace(parameter, distribution=changed, periodic=parameter.periodic and whole)
