"""The signal of a binary in each detector of a network, whitened."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distinct import at_distinct
from sbiwb.core.distributions import Array

from .detectors import Network
from .waveform import Grid, phenom_d

_STRIDE = 64  # exp is taken at every 64th frequency and at 64 offsets, and multiplied out


class Signal:
    """Whitened strain of an aligned-spin binary, at the frequencies of a grid.

    Parameters
    ----------
    network : Network
    grid : Grid
    f_ref : float
        Reference frequency in Hz.
    after : float
        Seconds from the start of the segment to the trigger.
    weight : ndarray, shape (detectors, bins)
        What the strain is multiplied by.
    """

    def __init__(
        self, network: Network, grid: Grid, f_ref: float, after: float, weight: Array
    ) -> None:
        self.network, self.grid, self.f_ref, self.after = network, grid, f_ref, after
        self._weight = weight
        count = -(-len(grid) // _STRIDE)
        self._coarse = 2j * np.pi * (grid.first + _STRIDE * np.arange(count)) / grid.duration
        self._fine = 2j * np.pi * np.arange(_STRIDE) / grid.duration

    def __call__(self, theta: Array) -> NDArray[np.complex128]:
        """Signals for rows of theta, in the order of `priors.PARAMETERS`; (n, detectors, bins)."""
        distance, theta_jn, psi, phase, time, ra, dec = theta[:, 4:].T
        waveform = at_distinct(lambda rows: phenom_d(rows, self.grid, self.f_ref), theta[:, :4])
        pattern, delay = self.network(ra, dec, psi, time)
        cosine = np.cos(theta_jn)
        plus, cross = (1 + cosine**2) / 2, cosine
        factor = pattern.real * plus[:, np.newaxis] - 1j * pattern.imag * cross[:, np.newaxis]
        factor *= (np.exp(2j * phase) / distance)[:, np.newaxis]
        time = self.after + time[:, np.newaxis] + delay
        return self._shift(waveform, factor, time)

    def _shift(
        self, waveform: NDArray[np.complex128], factor: NDArray[np.complex128], time: Array
    ) -> NDArray[np.complex128]:
        """waveform · factor · exp(−2πi f time) · weight, for time and factor (n, detectors)."""
        coarse = factor[..., np.newaxis] * np.exp(-self._coarse * time[..., np.newaxis])
        fine = np.exp(-self._fine * time[..., np.newaxis])
        padded = np.zeros((len(waveform), 1, coarse.shape[-1], _STRIDE), dtype=np.complex128)
        padded.reshape(len(waveform), -1)[:, : len(self.grid)] = waveform
        signal = padded * coarse[..., np.newaxis]
        signal *= fine[..., np.newaxis, :]
        whole = signal.reshape(*time.shape, -1)[..., : len(self.grid)]
        weighted: NDArray[np.complex128] = whole * self._weight
        return weighted
