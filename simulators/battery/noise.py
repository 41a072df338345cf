"""What lies between a model's voltage and the readings: noise, discrepancy, and the end of a test.

A reading is y_i = v_i(θ) + δ(t_i) + ε_i with independent Gaussian noise ε of standard deviation σ.
The discrepancy δ is what the model gets wrong: a Gaussian process with mean zero, whose amplitude
and length in time are inferred with θ (Kennedy & O'Hagan 2001, doi:10.1111/1467-9868.00294).  Its
covariance is a² (1 + √3 |Δt|/ℓ) e^{−√3 |Δt|/ℓ} (Matérn 3/2): curves with a slope but no more, as
differences between open-circuit potentials are; smoother ones would be sure of what lies between.

A test may end at a cut-off voltage c: the first reading with y_i ≤ c is the last.  From it on x
holds c, and a mask is 0.  The probability of such an x is exact, and smooth in θ: densities of the
running readings, times P(y_i ≤ c | the running ones) of the first that is not.  (It is a type of
Tobit likelihood; the readings after the end tell nothing more.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, special

from sbiwb.core.distributions import Array, LogUniform
from sbiwb.core.prior import Parameter
from sbiwb.errors import UsageError, unknown_name

from .protocols import numbers_of

_LOG_2PI = float(np.log(2 * np.pi))
_JITTER = 1e-12
"""Relative to the variance of the process: keeps its covariance positive definite in float64."""


@dataclass(frozen=True)
class Noise:
    """Noise and discrepancy of the readings.

    Parameters
    ----------
    times : ndarray, shape (k,)
        In s.
    cutoff : float, optional
        Voltage at which the test ends, in V.
    sigma : float or (float, float)
        Noise in V, or the ends of its log-uniform prior.
    amplitude, length : (float, float), optional
        Ends of the log-uniform priors of the discrepancy's amplitude (V) and length (s); both, or
        neither for a model that is taken as true.
    """

    times: Array
    cutoff: float | None
    sigma: float | tuple[float, float]
    amplitude: tuple[float, float] | None = None
    length: tuple[float, float] | None = None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """``sigma``, ``delta`` and ``length``: those that are inferred, in this order."""
        found = []
        if isinstance(self.sigma, tuple):
            found.append(Parameter("sigma", LogUniform(*self.sigma), "V", r"\sigma"))
        if self.amplitude is not None and self.length is not None:
            found.append(Parameter("delta", LogUniform(*self.amplitude), "V", r"a_\delta"))
            found.append(Parameter("length", LogUniform(*self.length), "s", r"\ell_\delta"))
        return tuple(found)

    def draw(self, voltage: Array, nuisance: Array, rng: np.random.Generator) -> Array:
        """Draw x for predicted voltages (n, k) and the values (n, q) of `parameters`.

        Returns
        -------
        ndarray, shape (n, k), or (n, 2, k) with the mask if the test may end
            NaN in the rows that `voltage` is.
        """
        standard = rng.standard_normal(voltage.shape)
        sigma, factors = self._spread(nuisance)
        deviation = sigma[:, np.newaxis] * standard
        if factors is not None:
            deviation = np.einsum("nij,nj->ni", factors, standard)
        y = voltage + deviation
        if self.cutoff is None:
            return y
        running = np.logical_and.accumulate(y > self.cutoff, axis=1)
        x = np.stack([np.where(running, y, self.cutoff), running], axis=1)
        x[~np.isfinite(voltage).all(axis=1)] = np.nan
        return x

    def log_likelihood(self, voltage: Array, nuisance: Array, x: Array) -> Array:
        """log p(x) for predicted voltages (n, k), the values (n, q) and x (n, …) or (…); (n,).

        −inf where x is no outcome of a test (a mask that is switched on again, a running reading
        below the cut-off), NaN in the rows that `voltage` is.
        """
        n, k = voltage.shape
        ran, y = np.full(n, k), x
        possible = np.ones(n, dtype=bool)
        if self.cutoff is not None:
            y, mask = x[..., 0, :], x[..., 1, :]
            ran = np.broadcast_to(np.sum(mask == 1, axis=-1), n)
            running = np.arange(k) < ran[:, np.newaxis]
            fits = np.where(
                running, (mask == 1) & (y > self.cutoff), (mask == 0) & (y == self.cutoff)
            )
            possible = fits.all(axis=1)
        residual = np.where(np.isfinite(voltage), y - voltage, 0.0)
        sigma, factors = self._spread(nuisance)
        if factors is None:
            z = residual / sigma[:, np.newaxis]
            scale = np.repeat(sigma[:, np.newaxis], k, axis=1)
        else:
            z, scale = np.empty((n, k)), np.einsum("nii->ni", factors)
        value = np.full(n, -np.inf)
        for row in np.flatnonzero(possible):
            m = int(ran[row])
            if factors is not None:
                factor = factors[row]
                z[row, :m] = linalg.solve_triangular(
                    factor[:m, :m], residual[row, :m], lower=True, check_finite=False
                )
                if m < k:
                    ahead = factor[m, :m] @ z[row, :m]
                    z[row, m] = (residual[row, m] - ahead) / factor[m, m]
            value[row] = -0.5 * (z[row, :m] @ z[row, :m]) - np.sum(np.log(scale[row, :m]))
            value[row] -= 0.5 * m * _LOG_2PI
            if m < k:
                value[row] += special.log_ndtr(z[row, m])
        value[~np.isfinite(voltage).all(axis=1)] = np.nan
        return value

    def _spread(self, nuisance: Array) -> tuple[Array, Array | None]:
        """σ (n,), and Cholesky factors (n, k, k) if readings depend on each other."""
        columns = list(nuisance.T)
        if isinstance(self.sigma, tuple):
            sigma = columns.pop(0)
        else:
            sigma = np.full(len(nuisance), self.sigma)
        if self.amplitude is None:
            return sigma, None
        amplitude, length = (column[:, np.newaxis, np.newaxis] for column in columns)
        apart = np.sqrt(3.0) * np.abs(self.times[:, np.newaxis] - self.times) / length
        covariance = amplitude**2 * (1 + apart) * np.exp(-apart)
        diagonal = np.arange(len(self.times))
        extra = sigma[:, np.newaxis] ** 2 + _JITTER * amplitude[:, :, 0] ** 2
        covariance[:, diagonal, diagonal] += extra
        return sigma, np.linalg.cholesky(covariance)


def read_noise(
    times: Array,
    cutoff: float | None,
    noise: object,
    discrepancy: Mapping[str, Any] | None,
) -> tuple[Noise, dict[str, Any]]:
    """Read the options `noise` and `discrepancy`, and give them back as plain JSON types.

    Raises
    ------
    UsageError
        If they are malformed.
    """
    sigma = _one_or_range("noise", noise)
    plain: dict[str, Any] = {"noise": list(sigma) if isinstance(sigma, tuple) else sigma}
    if discrepancy is None:
        return Noise(times, cutoff, sigma), {**plain, "discrepancy": None}
    if not isinstance(discrepancy, Mapping):
        raise UsageError(
            "bad discrepancy",
            got=repr(discrepancy),
            expected="{amplitude: [low, high], length: [low, high]}, or null",
        )
    keys = ("amplitude", "length")
    for key in discrepancy:
        if key not in keys:
            raise unknown_name("key of the discrepancy", str(key), keys)
    ranges = []
    for key in keys:
        found = _one_or_range(f"{key} of the discrepancy", discrepancy.get(key))
        if not isinstance(found, tuple):
            raise UsageError(
                f"bad {key} of the discrepancy", got=found, expected="a range [low, high]"
            )
        ranges.append(found)
    plain["discrepancy"] = {key: list(pair) for key, pair in zip(keys, ranges, strict=True)}
    return Noise(times, cutoff, sigma, *ranges), plain


def _one_or_range(what: str, value: object) -> float | tuple[float, float]:
    numbers = numbers_of(what, value)
    if len(numbers) > 2 or np.any(numbers <= 0) or np.any(np.diff(numbers) <= 0):
        raise UsageError(
            f"bad {what}", got=repr(value), expected="a positive number or range [low, high]"
        )
    if len(numbers) == 1:
        return float(numbers[0])
    return float(numbers[0]), float(numbers[1])
