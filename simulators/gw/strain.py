"""Strain files of the Gravitational Wave Open Science Center, and segments of them as spectra."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy import signal

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError

from .noise import welch_psd
from .waveform import Grid

AFTER_TRIGGER = 2.0
"""Seconds of the segment that follow the trigger, as is the custom of the field."""
ROLL_OFF = 0.2
"""Seconds over which the segment's Tukey window rises."""


@dataclass(frozen=True)
class Strain:
    """Strain of one detector.

    Parameters
    ----------
    values : ndarray
    start : float
        GPS time of the first sample.
    rate : float
        Samples a second.
    """

    values: Array
    start: float
    rate: float


class Segment:
    """The stretch of strain about a trigger that is analysed.

    Parameters
    ----------
    strain : Strain
    trigger : float
        GPS time.
    grid : Grid
        Its duration is the segment's; two seconds of it follow the trigger.

    Raises
    ------
    DataError
        If the strain does not hold the segment, has gaps in it, or ends below the band.
    """

    def __init__(self, strain: Strain, trigger: float, grid: Grid) -> None:
        self.strain, self.grid = strain, grid
        length = round(grid.duration * strain.rate)
        self.slice = _slice(strain, trigger + AFTER_TRIGGER - grid.duration, length)
        if 2 * grid.f_max > strain.rate:
            raise DataError(
                "the band ends above the strain's Nyquist frequency",
                got=f"f_max={grid.f_max:g} Hz",
                expected=f"at most {strain.rate / 2:g}",
            )
        self.start = strain.start + self.slice.start / strain.rate
        if not np.all(np.isfinite(strain.values[self.slice])):
            raise DataError("the strain has gaps in the segment to be analysed")

    def spectrum(self) -> NDArray[np.complex128]:
        """Fourier transform of the windowed segment at the grid's frequencies, in 1/Hz; (bins,).

        Power that the window takes is not made good: the signal lies where the window is one, and
        dividing by the window's power biases posteriors (Talbot et al. 2025, arXiv:2508.11091).
        """
        values = self.strain.values[self.slice]
        window = signal.windows.tukey(len(values), 2 * ROLL_OFF / self.grid.duration)
        transform = np.fft.rfft((values - values.mean()) * window) / self.strain.rate
        band: NDArray[np.complex128] = transform[self.grid.first : self.grid.stop]
        return band

    def off_source_psd(self) -> Array:
        """PSD of the noise, in 1/Hz, from all strain of the file before and after the segment."""
        values = self.strain.values
        pieces = (values[: self.slice.start], values[self.slice.stop :])
        if not all(np.all(np.isfinite(piece)) for piece in pieces):
            raise DataError("the strain has gaps outside the segment", remedy="pass psd='design'")
        return welch_psd(pieces, self.strain.rate, self.grid.frequencies)


def read_strain(path: Path) -> Strain:
    """Read a file in GWOSC's HDF5 format.

    Raises
    ------
    DataError
        If it is not one.
    """
    try:
        with h5py.File(path) as file:
            dataset = file["strain/Strain"]
            values = np.asarray(dataset[:], dtype=np.float64)
            start, step = float(dataset.attrs["Xstart"]), float(dataset.attrs["Xspacing"])
    except (OSError, KeyError) as error:
        raise DataError(
            f"cannot read {path}",
            got=error,
            expected="an HDF5 file of GWOSC with the data set strain/Strain",
        ) from error
    return Strain(values, start, 1 / step)


def _slice(strain: Strain, begin: float, length: int) -> slice:
    first = round((begin - strain.start) * strain.rate)
    if first < 0 or first + length > len(strain.values):
        end = strain.start + len(strain.values) / strain.rate
        raise DataError(
            "the strain does not hold the segment",
            got=f"GPS {begin:.2f} to {begin + length / strain.rate:.2f}",
            expected=f"within {strain.start:.2f} to {end:.2f}",
        )
    return slice(first, first + length)
