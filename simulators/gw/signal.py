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
        self.weight = weight
        count = -(-len(grid) // _STRIDE)
        self._coarse = 2j * np.pi * (grid.first + _STRIDE * np.arange(count)) / grid.duration
        self._fine = 2j * np.pi * np.arange(_STRIDE) / grid.duration
        padded = np.zeros((len(network), count * _STRIDE))
        padded[:, : len(grid)] = weight
        self._blocks = padded.reshape(len(network), count, _STRIDE)

    def __call__(self, theta: Array) -> NDArray[np.complex128]:
        """Signals for rows of theta, in the order of `priors.PARAMETERS`; (n, detectors, bins)."""
        signal = np.zeros((len(theta), len(self.network), len(self.grid)), dtype=np.complex128)
        self.add_to(signal, theta)
        return signal

    def add_to(self, x: NDArray[np.complex128], theta: Array) -> None:
        """Add the signal of each row of theta (n, d) to x (n, detectors, bins)."""
        waveform = at_distinct(lambda rows: phenom_d(rows, self.grid, self.f_ref), theta[:, :4])
        time, factor = self.response(theta)
        coarse = factor[..., np.newaxis] * np.exp(-self._coarse * time[..., np.newaxis])
        fine = np.exp(-self._fine * time[..., np.newaxis])
        shift = np.empty(self._blocks.shape, dtype=np.complex128)
        flat = shift.reshape(len(shift), -1)
        # One row at a time, which stays in the processor's cache, and no further than the waveform.
        for k, row in enumerate(waveform):
            blocks = 1 + np.count_nonzero(row[_STRIDE - 1 :: _STRIDE])
            length = min(blocks * _STRIDE, len(row))
            part = shift[:, :blocks]
            np.multiply(fine[k, :, np.newaxis], self._blocks[:, :blocks], out=part)
            part *= coarse[k, :, :blocks, np.newaxis]
            signal = flat[:, :length]
            signal *= row[:length]
            x[k, :, :length] += signal

    def response(self, theta: Array) -> tuple[Array, NDArray[np.complex128]]:
        """Arrival in seconds after the segment's start, and factor of the (2, 2) mode's amplitude.

        Both have the shape (n, detectors); rows of theta are in the order of `priors.PARAMETERS`.
        """
        distance, theta_jn, psi, phase, time, ra, dec = theta[:, 4:].T
        pattern, delay = self.network(ra, dec, psi, time)
        cosine = np.cos(theta_jn)
        plus, cross = (1 + cosine**2) / 2, cosine
        factor = pattern.real * plus[:, np.newaxis] - 1j * pattern.imag * cross[:, np.newaxis]
        factor *= (np.exp(2j * phase) / distance)[:, np.newaxis]
        return self.after + time[:, np.newaxis] + delay, factor
