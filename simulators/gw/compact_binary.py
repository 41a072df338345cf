"""Compact binaries in the noise of ground-based detectors: whitened strain in a band."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distinct import at_distinct
from sbiwb.core.distributions import Array
from sbiwb.core.observation import Observation
from sbiwb.core.simulator import Output, Simulator
from sbiwb.core.views import View
from sbiwb.datasets import dataset
from sbiwb.errors import UsageError
from sbiwb.rng import stream

from .basis import Basis, svd_basis
from .data import (
    EVENTS,
    SIMULATED,
    SIMULATED_TRIGGER,
    Band,
    event_files,
    measured_band,
    own_files,
    simulated_band,
)
from .detectors import Network
from .priors import binary_prior
from .signal import Signal
from .views import strain_views
from .waveform import Grid
from .white_noise import fill_white

F_MAX = {True: 256.0, False: 400.0}
"""Upper end of the band in Hz by default, for simulated and for measured strain."""
INJECTION = {
    "chirp_mass": 30.8,
    "mass_ratio": 0.85,
    "chi_1": 0.1,
    "chi_2": -0.1,
    "luminosity_distance": 1400.0,
    "theta_jn": 2.6,
    "psi": 1.2,
    "phase": 2.0,
    "t_c": 0.01,
    "ra": 2.0,
    "dec": -1.2,
}
"""The made-up event of simulated data, much like GW150914 but farther away."""
_ROWS = 32  # rows at once: few enough to stay near the processor
_SUMMARIES = (None, "svd")


class CompactBinary(Simulator):
    """A black-hole binary with aligned spins (IMRPhenomD) in Gaussian noise of known spectrum.

    x is the strain of each detector between `f_min` and `f_max`, whitened: its Fourier transform
    divided by √(S T/4), with S the one-sided power spectral density of the noise and T the
    duration.  Real and imaginary parts then have noise of unit variance, and the Whittle likelihood
    is N(x; mean, 1).  Shape (detectors, bins, 2), the last axis real and imaginary part.

    Parameters
    ----------
    data : str or mapping of str to path
        ``"simulated"``, ``"gw150914"``, or detector → HDF5 file of GWOSC (see `strain`).
    detectors : sequence of str
        Of H1, L1, V1, K1.
    psd : str, optional
        ``"design"`` (the default for simulated data), ``"off_source"`` (the default for measured:
        Welch's estimate from all strain outside the segment), or a noise curve (see `noise`).
    trigger : float, optional
        GPS time about which `t_c` is measured; needed for files of your own.
    duration, f_min, f_max : float
        Segment in seconds, two of which follow the trigger, and band in Hz.  `f_max` is 256 Hz for
        simulated and 400 Hz for measured data by default: above it the sensitivity to heavy
        binaries is negligible, and the violin modes of the suspensions lie near 500 Hz.
    f_ref : float
        Frequency in Hz to which `phase` refers.
    ranges : mapping of str to (float, float), optional
        Narrower or wider prior ranges of some parameters (see `priors`).
    summary : {None, "svd"}
        ``"svd"``: x is its `components` in a reduced basis made from signals of the prior.
    components, training, basis_seed : int
        Of the reduced basis: its size, the number of signals it is made from, and their seed.
    sha256 : mapping of str to str, optional
        Hash of each file in `data`.

    Raises
    ------
    UsageError
        If an option is unknown or makes no sense.
    DataError
        If a file cannot be used.

    Notes
    -----
    The prior is uniform in chirp mass and mass ratio (not in component masses), isotropic in sky
    position and orientation, uniform in Euclidean volume, and has spins of isotropic direction and
    uniform magnitude projected on the orbital axis.

    References
    ----------
    Khan et al. (2016), arXiv:1508.07253 (IMRPhenomD).  Veitch et al. (2015), arXiv:1409.7215, for
    likelihood and priors.  Abbott et al. (2016), arXiv:1602.03840, for GW150914.
    """

    name = "gw.compact_binary"
    version = "2"

    def __init__(
        self,
        data: str | Mapping[str, str | os.PathLike[str]] = SIMULATED,
        detectors: Sequence[str] = ("H1", "L1"),
        *,
        psd: str | None = None,
        trigger: float | None = None,
        duration: float = 4.0,
        f_min: float = 20.0,
        f_max: float | None = None,
        f_ref: float = 20.0,
        ranges: Mapping[str, Sequence[float]] | None = None,
        summary: str | None = None,
        components: int = 64,
        training: int = 2000,
        basis_seed: int = 0,
        sha256: Mapping[str, str] | None = None,
    ) -> None:
        f_max = F_MAX[data == SIMULATED] if f_max is None else f_max
        grid = _grid(duration, f_min, f_max)
        self.options: dict[str, Any] = {
            "data": data,
            "detectors": list(detectors) if not isinstance(detectors, str) else detectors,
            "psd": psd or ("design" if data == SIMULATED else "off_source"),
            "duration": duration,
            "f_min": f_min,
            "f_max": f_max,
            "f_ref": f_ref,
            "ranges": {name: list(ends) for name, ends in (ranges or {}).items()},
        }
        self.prior = binary_prior(self.options["ranges"])
        trigger = self._trigger(data, trigger)
        network = Network(detectors, trigger)
        band = self._band(data, sha256, network, trigger, grid)
        self.grid, self.psd, self._spectrum = grid, band.psd, band.spectrum
        self._weight = 2 / np.sqrt(band.psd * duration)
        self.signal = Signal(network, grid, f_ref, band.after, self._weight)
        shape = (len(network), len(grid), 2)
        self.output = Output(shape, label="whitened strain", names=("real", "imaginary"))
        self.basis: Basis | None = None
        if summary not in _SUMMARIES:
            raise UsageError("unknown summary", got=repr(summary), expected="None or 'svd'")
        if summary == "svd":
            self.options |= {
                "summary": summary,
                "components": components,
                "training": training,
                "basis_seed": basis_seed,
            }
            self.basis = svd_basis(self._strain, self.prior, components, training, basis_seed)
            names = tuple(f"svd_{k + 1}" for k in range(components))
            self.output = Output((components,), label="component of the strain", names=names)

    def mean(self, theta: Array) -> Array:
        """Noise-free x for each row of theta (n, d); shape (n, *output.shape)."""
        return at_distinct(self._mean, np.asarray(theta, dtype=np.float64))

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        theta = np.asarray(theta, dtype=np.float64)
        if self.basis is not None:
            x = rng.standard_normal((len(theta), *self.output.shape))
            x += self.mean(theta)
            return x
        strain = np.empty((len(theta), *self.psd.shape), dtype=np.complex128)
        for at in range(0, len(theta), _ROWS):
            part = strain[at : at + _ROWS]
            fill_white(part.reshape(len(part), -1), rng)
            self.signal.add_to(part, theta[at : at + _ROWS])
        return _real(strain)

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for x (n, *shape) or (*shape,); shape (n,)."""
        theta, x = np.asarray(theta, dtype=np.float64), np.asarray(x)
        shared = x.ndim == len(self.output.shape)
        square = np.empty(len(theta))
        for at in range(0, len(theta), _ROWS):
            rows = slice(at, at + _ROWS)
            residual = (x if shared else x[rows]) - self.mean(theta[rows])
            flat = residual.reshape(len(residual), -1)
            square[rows] = np.einsum("ij,ij->i", flat, flat)
        size = math.prod(self.output.shape)
        return -0.5 * (square + size * math.log(2 * math.pi))

    def snr(self, theta: Array) -> Array:
        """Optimal signal-to-noise ratio of the network for each row of theta (n, d); shape (n,)."""
        mean = self._strain(np.asarray(theta, dtype=np.float64))
        return np.asarray(np.linalg.norm(mean.reshape(len(mean), -1), axis=1))

    def views(self, theta: Array, x: Array) -> list[View]:
        """Strain of each detector against time; none of components, which are no longer strain."""
        if self.basis is not None:
            return []
        strain = np.ascontiguousarray(x).view(np.complex128)[..., 0]
        return strain_views(self.signal, strain, self.signal(np.asarray(theta, np.float64)))

    def default_observation(self) -> Observation:
        """The measured strain, or a simulated event with the parameters of `INJECTION`."""
        if self._spectrum is not None:
            x = np.ascontiguousarray(self._spectrum * self._weight).view(np.float64)
            x = x.reshape(*self._spectrum.shape, 2)
            name = self.options["data"]
            if isinstance(name, str):
                source = dataset(f"gw.{name}").source
            else:
                name, source = "strain", ", ".join(map(str, self.options["data"].values()))
        else:
            theta = np.array([[INJECTION[name] for name in self.prior.names]])
            rng = stream(0, "injection")
            noise = rng.standard_normal((len(self.psd), len(self.grid), 2))
            x, name = self._strain(theta)[0] + noise, "simulated event"
            values = ", ".join(f"{key}={value:g}" for key, value in INJECTION.items())
            source = f"simulated with {values}"
        if self.basis is not None:
            x = self.basis(x[np.newaxis])[0]
        return Observation(x, name=str(name), source=source)

    def _mean(self, theta: Array) -> Array:
        out = np.empty((len(theta), *self.output.shape))
        for at in range(0, len(theta), _ROWS):
            rows = slice(at, at + _ROWS)
            strain = self._strain(theta[rows])
            out[rows] = strain if self.basis is None else self.basis(strain)
        return out

    def _strain(self, theta: Array) -> Array:
        """Whitened signal; shape (n, detectors, bins, 2)."""
        return _real(self.signal(theta))

    def _trigger(self, data: Any, trigger: float | None) -> float:
        if isinstance(data, str):
            if trigger is not None:
                raise UsageError("trigger applies to strain files of your own only", got=trigger)
            return EVENTS.get(data, SIMULATED_TRIGGER)
        if trigger is None:
            raise UsageError(
                "strain files need the GPS time of the trigger", remedy="pass trigger="
            )
        self.options["trigger"] = float(trigger)
        return float(trigger)

    def _band(self, data: Any, sha256: Any, network: Network, trigger: float, grid: Grid) -> Band:
        psd = self.options["psd"]
        if not isinstance(psd, str):
            raise UsageError("bad psd", got=repr(psd), expected="a string")
        if data == SIMULATED:
            return simulated_band(network.names, psd, grid)
        if isinstance(data, Mapping):
            data = {str(name): os.fspath(path) for name, path in data.items()}
            files, hashes = own_files(data, sha256)
            self.options |= {"data": data, "sha256": hashes}
        else:
            files = event_files(data)
        return measured_band(files, network.names, psd, trigger, grid)


def _real(x: NDArray[np.complex128]) -> Array:
    """Real and imaginary parts as a last axis."""
    return x.view(np.float64).reshape(*x.shape, 2)


def _grid(duration: float, f_min: float, f_max: float) -> Grid:
    if not (duration > 2 and 0 < f_min < f_max and math.isfinite(f_max)):
        raise UsageError(
            "bad segment or band",
            got=f"duration={duration}, f_min={f_min}, f_max={f_max}",
            expected="duration > 2 s, which end after the trigger, and 0 < f_min < f_max",
        )
    return Grid(duration, f_min, f_max)
