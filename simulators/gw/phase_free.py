"""Compact binaries in two detectors without their phase: few numbers, and coordinates that suit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sbiwb.core.distributions import Array
from sbiwb.core.observation import Observation
from sbiwb.core.simulator import Output, Simulator
from sbiwb.core.views import View
from sbiwb.errors import UsageError
from sbiwb.rng import stream

from .compact_binary import CompactBinary
from .data import SIMULATED
from .network_frame import NetworkFrame, network_prior
from .views import strain_views

Complex = NDArray[np.complex128]
_ROWS = 64


class PhaseFree(Simulator):
    """A black-hole binary in two detectors, its phase integrated out, in a reduced basis.

    The phase of a binary of which the (2, 2) mode alone is seen turns all of its signal by one
    angle.  Here the angle is taken out of the data: x are complex components of each detector's
    whitened strain in a basis of its own, turned so that the first is real and positive; all real
    parts come first, then all imaginary parts but that of the first.  What is left varies slowly
    with the parameters, which are those of two detectors (see `network_frame`): arrival at the
    first, zenith and azimuth in place of time and sky position.

    Parameters
    ----------
    data, detectors, psd, trigger, duration, f_min, f_max, sha256
        As for `gw.compact_binary`.
    ranges : mapping of str to (float, float), optional
        Narrower or wider prior ranges of some parameters.
    components : int
        Complex components of each detector.
    training, basis_seed : int
        Number of signals of the prior that the bases are made from, and their seed.

    Attributes
    ----------
    lost : ndarray, shape (2,)
        Share of the squared signal-to-noise ratio outside each basis, on average over signals of
        the prior that it was not made from.

    Raises
    ------
    UsageError
        If an option is unknown or makes no sense.
    DataError
        If a file cannot be used.

    Notes
    -----
    With components c of the data and m of the signal, n in number, the likelihood is exact:
    p(x) = (2π)^{1−n} |c₁| I₀(|Σ c* m|) exp(−Σ (|c|² + |m|²)/2), which is the Whittle likelihood
    averaged over phase (Veitch et al. 2015, arXiv:1409.7215, eq. 20).
    """

    name = "gw.phase_free"
    version = "1"

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
        ranges: Mapping[str, Sequence[float]] | None = None,
        components: int = 16,
        training: int = 1000,
        basis_seed: int = 0,
        sha256: Mapping[str, str] | None = None,
    ) -> None:
        self.binary = CompactBinary(
            data,
            detectors,
            psd=psd,
            trigger=trigger,
            duration=duration,
            f_min=f_min,
            f_max=f_max,
            sha256=sha256,
        )
        network = self.binary.signal.network
        if len(network) != 2:
            raise UsageError(
                "this frame is one of two detectors", got=", ".join(network.names), expected="two"
            )
        self.frame = NetworkFrame(network)
        ranges = dict(ranges or {})
        self.prior = network_prior(network.names[0], ranges)
        left_out = ("f_ref", "ranges")
        self.options: dict[str, Any] = {
            **{key: value for key, value in self.binary.options.items() if key not in left_out},
            "ranges": {name: list(ends) for name, ends in ranges.items()},
            "components": components,
            "training": training,
            "basis_seed": basis_seed,
        }
        bins = len(self.binary.grid)
        if not 1 <= components <= min(training, bins):
            raise UsageError(
                "bad number of components",
                got=components,
                expected=f"1 to {min(training, bins)}, the number of signals or of frequencies",
            )
        self._basis, self.lost = self._bases(components, training, basis_seed)
        parts = [f"{n}_{k + 1}" for n in network.names for k in range(components)]
        names = [f"{part}_real" for part in parts] + [f"{part}_imag" for part in parts[1:]]
        self.output = Output((len(names),), label="component of the strain", names=tuple(names))

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        components = self.components(theta)
        noise = rng.standard_normal((*components.shape, 2))
        # A phase drawn for the signal would be taken out again: the noise has none of its own.
        return _turned(components + noise.view(np.complex128)[..., 0])

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for x (n, *shape) or (*shape,); shape (n,)."""
        real, imaginary = np.split(np.atleast_2d(x), [(x.shape[-1] + 1) // 2], axis=-1)
        data = real.astype(np.complex128)
        data[:, 1:] += 1j * imaginary
        signal = self.components(theta)
        overlap = np.abs(np.sum(data.conj() * signal, axis=1))
        squares = np.sum(np.abs(data) ** 2, axis=1) + np.sum(np.abs(signal) ** 2, axis=1)
        with np.errstate(divide="ignore"):  # data with a negative first component are impossible
            log_size = np.log(np.maximum(data[:, 0].real, 0.0))
        size = (1 - data.shape[1]) * np.log(2 * np.pi)
        value = size + log_size + np.log(special.i0e(overlap)) + overlap - squares / 2
        return np.asarray(value)

    def components(self, theta: Array) -> Complex:
        """Components of signals at phase zero; shape (n, 2 · components)."""
        theta = np.asarray(theta, dtype=np.float64)
        parts = [
            self._project(self.binary.signal(self.binary_parameters(theta[at : at + _ROWS])))
            for at in range(0, len(theta), _ROWS)
        ]
        return (
            np.concatenate(parts) if parts else np.empty((0, self._basis[0].shape[1] * 2), complex)
        )

    def default_observation(self) -> Observation:
        """The measured strain, or the simulated event of `gw.compact_binary`."""
        whole = self.binary.default_observation()
        strain = np.ascontiguousarray(whole.x).view(np.complex128)[np.newaxis, ..., 0]
        return Observation(_turned(self._project(strain))[0], name=whole.name, source=whole.source)

    def views(self, theta: Array, x: Array) -> list[View]:
        """Strain of each detector against time, each signal at the phase that fits it best.

        None for data other than the default, whose components do not tell the strain.
        """
        if not np.allclose(x, self.default_observation().x, rtol=1e-6):
            return []
        whole = self.binary.default_observation().x
        strain = np.ascontiguousarray(whole).view(np.complex128)[..., 0]
        waves = self.binary.signal(self.binary_parameters(np.asarray(theta, np.float64)))
        overlap = np.sum(waves.conj() * strain, axis=(1, 2), keepdims=True)
        return strain_views(self.binary.signal, strain, waves * overlap / np.abs(overlap))

    def binary_parameters(self, theta: Array, phase: Array | float = 0.0) -> Array:
        """Parameters of `gw.compact_binary` for rows of theta (n, 10) and a phase; (n, 11)."""
        time, ra, dec = self.frame.to_equatorial(*theta[:, 7:].T)
        return np.column_stack([theta[:, :7], np.broadcast_to(phase, len(theta)), time, ra, dec])

    def _project(self, strain: Complex) -> Complex:
        # Row by row: a product of matrices rounds differently for different numbers of rows.
        return np.array(
            [
                np.concatenate([one @ v for one, v in zip(row, self._basis, strict=True)])
                for row in strain
            ]
        )

    def _bases(
        self, components: int, training: int, seed: int
    ) -> tuple[tuple[Complex, ...], Array]:
        test = max(training // 10, 1)
        theta = [
            self.prior.sample(training, stream(seed, "phase-free basis")),
            self.prior.sample(test, stream(seed, "phase-free test")),
        ]
        signals = self.binary.signal(self.binary_parameters(np.concatenate(theta)))
        signals /= np.linalg.norm(signals, axis=2, keepdims=True)
        bases, lost = [], []
        for of_detector in signals.transpose(1, 0, 2):
            vectors = _leading(of_detector[:training], components)
            # The phase of a singular vector is arbitrary; fixed here, so that machines agree.
            largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(components)]
            bases.append(np.ascontiguousarray(vectors * (np.abs(largest) / largest)))
            kept = np.linalg.norm(of_detector[training:] @ bases[-1], axis=1) ** 2
            lost.append(1 - kept.mean())
        return tuple(bases), np.array(lost)


def _turned(components: Complex) -> Array:
    """Components turned until the first is real and positive, as real numbers."""
    first = components[:, :1]
    turned = components * (first.conj() / np.abs(first))
    return np.concatenate([turned.real, turned.imag[:, 1:]], axis=1)


def _leading(signals: Complex, components: int) -> Complex:
    """Leading right singular vectors of signals (n, bins), by the small Gram matrix."""
    values, left = np.linalg.eigh(signals @ signals.conj().T)
    order = np.argsort(values)[::-1][:components]
    scale = np.sqrt(np.maximum(values[order], 1e-14 * values[-1]))
    vectors, _ = np.linalg.qr(signals.conj().T @ (left[:, order] / scale))
    return vectors
