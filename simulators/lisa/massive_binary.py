"""Massive black-hole binaries in LISA: whitened TDI channels on a coarse grid of frequencies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sbiwb.core.distinct import at_distinct
from sbiwb.core.distributions import Array, Cosine, PowerLaw, Sine, Uniform
from sbiwb.core.observation import Observation
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output, Simulator
from sbiwb.errors import UsageError, unknown_name
from sbiwb.rng import stream

from ..gw.priors import AlignedSpin
from .response import noise_psd, tdi_signal

INJECTION = {
    "chirp_mass": 1.2e6,
    "mass_ratio": 0.5,
    "chi_1": 0.3,
    "chi_2": 0.1,
    "luminosity_distance": 40_000.0,
    "inclination": 0.8,
    "psi": 0.4,
    "phase": 2.0,
    "t_c": 20.0,
    "ecliptic_longitude": 1.1,
    "ecliptic_latitude": 0.6,
}
"""The simulated event, at redshift 4."""

_TWO_PI = 2 * math.pi
PRIOR = (
    Parameter("chirp_mass", Uniform(1.0e6, 1.5e6), "M_sun", r"\mathcal{M}"),
    Parameter("mass_ratio", Uniform(0.125, 1.0), "", "q"),
    Parameter("chi_1", AlignedSpin(0.99, -0.99, 0.99), "", r"\chi_1"),
    Parameter("chi_2", AlignedSpin(0.99, -0.99, 0.99), "", r"\chi_2"),
    Parameter("luminosity_distance", PowerLaw(2.0, 10_000.0, 100_000.0), "Mpc", "d_L"),
    Parameter("inclination", Sine(), "rad", r"\iota"),
    Parameter("psi", Uniform(0.0, math.pi), "rad", r"\psi", periodic=True),
    Parameter("phase", Uniform(0.0, _TWO_PI), "rad", r"\phi", periodic=True),
    Parameter("t_c", Uniform(-600.0, 600.0), "s", "t_c"),
    Parameter("ecliptic_longitude", Uniform(-math.pi, math.pi), "rad", r"\lambda", periodic=True),
    Parameter("ecliptic_latitude", Cosine(), "rad", r"\beta"),
)
"""In the order of theta's columns.  Masses are those in the detector's frame; sources are isotropic
and uniform in Euclidean volume; t_c is in the frame of the Solar System's barycentre."""


class MassiveBinary(Simulator):
    """A massive black-hole binary with aligned spins (IMRPhenomD) in LISA's TDI channels.

    x holds, for every channel, signal and Gaussian noise at frequencies that are equally spaced in
    ln f, whitened: divided by √(S/(4 w)), where S is the one-sided power spectral density of the
    noise and w the width of the band that a frequency stands for (the trapezoid's weights).  Real
    and imaginary parts have noise of unit variance, so the Whittle likelihood is N(x; mean, 1), and
    the signal-to-noise ratio that of the whole observation.  Shape (channels, frequencies, 2).

    Parameters
    ----------
    channels : int
        2 for A and E, 3 for T as well, which hears next to nothing below 10 mHz.
    f_min, f_max : float
        Band in Hz.
    frequencies : int
        Their number.
    ranges : mapping of str to (float, float), optional
        Other prior ranges for some parameters; a part of a circle is not periodic any more.

    Raises
    ------
    UsageError
        If an option makes no sense.

    Notes
    -----
    The grid is coarser than one over the time of observation.  This is as good as the full data
    where the ratio of the signals compared is smooth over a step, as it is within the posterior of
    a loud source (the assumption of heterodyning); it is a model of its own, and exact as such.

    References
    ----------
    Marsat, Baker & Dal Canton (2021), arXiv:2003.00357, for response and likelihood (lisabeta).
    Khan et al. (2016), arXiv:1508.07253, for IMRPhenomD.
    """

    name = "lisa.massive_binary"
    version = "1"

    def __init__(
        self,
        channels: int = 2,
        *,
        f_min: float = 1e-4,
        f_max: float = 2e-2,
        frequencies: int = 256,
        ranges: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        if channels not in (2, 3):
            raise UsageError("bad number of channels", got=repr(channels), expected="2 or 3")
        if not (1e-5 <= f_min < f_max <= 0.5 and frequencies > 1):
            raise UsageError(
                "bad band",
                got=f"f_min={f_min}, f_max={f_max}, frequencies={frequencies}",
                expected="1e-5 <= f_min < f_max <= 0.5 Hz, and at least two frequencies",
            )
        self.options: dict[str, Any] = {
            "channels": channels,
            "f_min": f_min,
            "f_max": f_max,
            "frequencies": frequencies,
            "ranges": {name: list(ends) for name, ends in (ranges or {}).items()},
        }
        self.frequencies = np.geomspace(f_min, f_max, frequencies)
        self.prior = _prior(self.options["ranges"])
        self.output = Output((channels, frequencies, 2), label="whitened TDI")
        step = np.diff(self.frequencies)
        width = (np.append(step, 0.0) + np.append(0.0, step)) / 2
        self._weight = 2 * np.sqrt(width / noise_psd(self.frequencies, channels))

    def mean(self, theta: Array) -> Array:
        """Noise-free x for each row of theta (n, 11); shape (n, channels, frequencies, 2)."""
        return at_distinct(self._mean, np.asarray(theta, dtype=np.float64))

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        x = rng.standard_normal((len(theta), *self.output.shape))
        x += self.mean(theta)
        return x

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for x (n, *shape) or (*shape,); shape (n,)."""
        residual = (x - self.mean(theta)).reshape(len(theta), -1)
        square = np.einsum("ij,ij->i", residual, residual)
        return -0.5 * (square + residual.shape[1] * math.log(2 * math.pi))

    def snr(self, theta: Array) -> Array:
        """Optimal signal-to-noise ratio for each row of theta (n, 11); shape (n,)."""
        return np.asarray(np.linalg.norm(self.mean(theta).reshape(len(theta), -1), axis=1))

    def default_observation(self) -> Observation:
        """A simulated event with the parameters of `INJECTION`."""
        theta = np.array([[INJECTION[name] for name in self.prior.names]])
        x = self.simulate(theta, stream(0, "injection"))[0]
        values = ", ".join(f"{name}={value:g}" for name, value in INJECTION.items())
        return Observation(x, name="simulated event", source=f"simulated with {values}")

    def _mean(self, theta: Array) -> Array:
        signal = tdi_signal(theta, self.frequencies, self.output.shape[0]) * self._weight
        return signal.view(np.float64).reshape(*signal.shape, 2)


def _prior(ranges: Mapping[str, Sequence[float]]) -> Prior:
    names = [parameter.name for parameter in PRIOR]
    for name, ends in ranges.items():
        if name not in names:
            raise unknown_name("parameter in ranges", name, names)
        if len(ends) != 2:
            raise UsageError(f"bad range of {name}", got=repr(ends), expected="[low, high]")
    return Prior(tuple(_within(each, ranges.get(each.name)) for each in PRIOR))


def _within(parameter: Parameter, ends: Sequence[float] | None) -> Parameter:
    if ends is None:
        return parameter
    low, high = map(float, ends)
    whole = (low, high) == parameter.distribution.support
    changed = replace(parameter.distribution, low=low, high=high)  # type: ignore[type-var]
    return replace(parameter, distribution=changed, periodic=parameter.periodic and whole)
