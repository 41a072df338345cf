"""Posterior of a binary in two detectors, in coordinates that samplers find easy.

Three things make the posterior of eleven parameters hard: phase and polarisation are degenerate
when the binary is seen face-on, the sky position lies on a ring of equal delay between the
detectors, and the time at the Earth's centre depends on where on the ring.  Here the phase is
integrated out, position is given by the ring and the place on it, and time is that of arrival at
the first detector.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sbiwb.core.distributions import Array, Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.errors import UsageError
from sbiwb.likelihoods.base import Likelihood

from .compact_binary import CompactBinary
from .network_frame import NetworkFrame
from .priors import PARAMETERS
from .relative_binning import RelativeBinning
from .waveform import phenom_d_at

_EARTH = 0.0215  # s; no detector is farther from the Earth's centre
_CHUNK = 64


class PhaseMarginal(Likelihood):
    """Likelihood of a binary in two detectors, integrated over phase, by relative binning.

    Parameters
    ----------
    binary : CompactBinary
        Of two detectors, with the whole range of every angle, and without a summary.
    x : ndarray, shape (2, bins, 2)
        Data.
    reference : ndarray, shape (11,)
        Parameters of a signal that fits them.
    bins : int
        See `RelativeBinning`.

    Attributes
    ----------
    prior : Prior
        Of the ten coordinates y: chirp mass, mass ratio, spins, distance, inclination;
        polarisation in [0, π/2), since a quarter of a turn only changes the signal's sign; arrival
        at the first detector, in a range that is somewhat wider than t_c's, beyond which the
        likelihood is zero; cosine of the zenith, and azimuth (see `NetworkFrame`).

    Raises
    ------
    UsageError
        If the binary does not suit.

    Notes
    -----
    The (2, 2) mode alone depends on phase as exp(2iφ), so that the integral is
    I₀(|Σ d* h|) exp(−Σ |h|²/2) (Veitch et al. 2015, arXiv:1409.7215, eq. 20).  Values are relative
    to noise alone.  The evidence of the ten is that of the eleven parameters, less
    `log_time_share`.
    """

    def __init__(self, binary: CompactBinary, x: Array, reference: Array, bins: int = 200) -> None:
        by_name = {parameter.name: parameter for parameter in binary.prior.parameters}
        angles = {parameter.name: parameter for parameter in PARAMETERS}
        whole = all(by_name[name] == angles[name] for name in ("psi", "phase", "ra", "dec"))
        if len(binary.psd) != 2 or binary.basis is not None or not whole:
            raise UsageError(
                "these coordinates are for two detectors, all of the sky and no summary",
                got=f"{len(binary.psd)} detectors, options {binary.options}",
            )
        self.binary = binary
        self._frame = NetworkFrame(binary.signal.network)
        self.prior, self.log_time_share = _prior(by_name)
        self._data = _complex(x)
        whitened = _complex(binary.mean(reference[np.newaxis])[0])
        self._rb = RelativeBinning(binary.grid.frequencies, whitened, self._data, bins)
        self._weighted = binary.signal.weight[:, self._rb.at] / whitened[:, self._rb.at]

    def log_likelihood(self, theta: Array, x: Array | None = None) -> Array:  # noqa: ARG002
        """ln of likelihood over that of noise, phase integrated out, for rows of y (n, 10); (n,).

        `x` is ignored: the data are those that the bins were made for.
        """
        out = np.empty(len(theta))
        for at in range(0, len(theta), _CHUNK):
            rows = slice(at, at + _CHUNK)
            full = self.theta(theta[rows])
            overlap, square = self._products(full)
            out[rows] = _integrated(overlap, square)
            time = self.binary.prior.parameters[8].distribution
            out[rows][~np.isfinite(time.log_pdf(full[:, 8]))] = -np.inf
        return out

    def theta(self, y: Array, phase: Array | float = 0.0) -> Array:
        """Parameters of the binary for coordinates y (n, 10), at the given phase; (n, 11)."""
        time, ra, dec = self._frame.to_equatorial(y[:, 7], np.arccos(y[:, 8]), y[:, 9])
        phase = np.broadcast_to(phase, len(y))
        return np.column_stack([y[:, :7], phase, time, ra, dec])

    def coordinates(self, theta: Array) -> Array:
        """Inverse of `theta`, which loses phase and half of the polarisation; (n, 10)."""
        arrival, zenith, azimuth = self._frame.from_equatorial(*theta[:, 8:].T)
        psi = theta[:, 6] % (np.pi / 2)
        return np.column_stack([theta[:, :6], psi, arrival, np.cos(zenith), azimuth])

    def draw(self, y: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Complete draws of y by what symmetry or the exact likelihood leaves free.

        Parameters
        ----------
        y : ndarray, shape (n, 10)
            Draws from the posterior under this likelihood.
        rng : numpy.random.Generator

        Returns
        -------
        theta : ndarray, shape (n, 11)
            Polarisation with its other half, and phase from its conditional density given all else.
        log_weight : ndarray, shape (n,)
            ln of the exact likelihood, integrated over phase, over this one.
        snr : ndarray, shape (n,)
            Optimal signal-to-noise ratio of each draw.
        """
        theta = self.theta(y)
        theta[:, 6] += np.pi / 2 * rng.integers(2, size=len(y))
        overlap = np.empty(len(y), dtype=np.complex128)
        square = np.empty(len(y))
        for at in range(0, len(y), _CHUNK):
            rows = slice(at, at + _CHUNK)
            signal = _complex(self.binary.mean(theta[rows]))
            overlap[rows] = np.einsum("cf,mcf->m", self._data.conj(), signal)
            square[rows] = np.sum(signal.real**2 + signal.imag**2, axis=(1, 2))
        twice = rng.vonmises(-np.angle(overlap), np.abs(overlap))
        theta[:, 7] = (twice / 2 + np.pi * rng.integers(2, size=len(y))) % (2 * np.pi)
        return theta, _integrated(overlap, square) - self.log_likelihood(y), np.sqrt(square)

    def _products(self, theta: Array) -> tuple[NDArray[np.complex128], Array]:
        waveform = phenom_d_at(theta[:, :4], self._rb.edges, self.binary.options["f_ref"])
        time, factor = self.binary.signal.response(theta)
        shift = np.exp(-2j * np.pi * self._rb.edges * time[..., np.newaxis])
        shift *= factor[..., np.newaxis]
        shift *= waveform[:, np.newaxis]
        shift *= self._weighted
        return self._rb.products(shift)


def _prior(by_name: dict[str, Parameter]) -> tuple[Prior, float]:
    low, high = by_name["t_c"].distribution.support
    kept = [
        by_name[name]
        for name in (
            "chirp_mass",
            "mass_ratio",
            "chi_1",
            "chi_2",
            "luminosity_distance",
            "theta_jn",
        )
    ]
    extended = Uniform(low - _EARTH, high + _EARTH)
    prior = Prior(
        (
            *kept,
            replace(by_name["psi"], distribution=Uniform(0.0, np.pi / 2)),
            Parameter("arrival", extended, "s"),
            Parameter("ring", Uniform(-1.0, 1.0)),
            Parameter("angle", Uniform(0.0, 2 * np.pi), "rad", periodic=True),
        )
    )
    return prior, float(np.log((high - low) / (extended.high - extended.low)))


def _integrated(overlap: NDArray[np.complex128], square: Array) -> Array:
    size = np.abs(overlap)
    return np.asarray(np.log(special.i0e(size)) + size - square / 2)


def _complex(x: Array) -> NDArray[np.complex128]:
    return np.ascontiguousarray(x).view(np.complex128)[..., 0]
