"""Whitened strain about the merger, and the signals that a posterior allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.views import Curves, Points, View

from .signal import Signal

BEFORE, AFTER = 0.16, 0.06
"""Seconds about the trigger that are shown."""
_SAMPLES = 4  # per period of the highest frequency


def strain_views(
    signal: Signal, strain: NDArray[np.complex128] | None, waves: NDArray[np.complex128]
) -> list[View]:
    """One view a detector.

    Parameters
    ----------
    signal : Signal
    strain : ndarray, shape (detectors, bins), optional
        The whitened data.
    waves : ndarray, shape (n, detectors, bins)
        Whitened signals.
    """
    time, curves = _in_time(signal, waves)
    found: list[View] = []
    for k, name in enumerate(signal.network.names):
        points: tuple[Points, ...] = ()
        if strain is not None:
            measured = _in_time(signal, strain[np.newaxis])[1][0, k]
            points = (Points(time, measured, joined=True),)
        labels = f"Strain of {name}", "time after the trigger [s]", "whitened strain [σ]"
        found.append(Curves(*labels, time, curves[:, k], points))
    return found


def _in_time(signal: Signal, spectra: NDArray[np.complex128]) -> tuple[Array, Array]:
    """Times, and series (n, detectors, times) in units of the noise's standard deviation.

    With real and imaginary parts of unit variance in m bins, a sample (1/N) Σ 2 Re(X e^{iφ}) of N
    has the variance 4 m / N².
    """
    grid = signal.grid
    size = round(_SAMPLES * grid.f_max * grid.duration)
    whole = np.zeros((*spectra.shape[:-1], size // 2 + 1), dtype=np.complex128)
    whole[..., grid.first : grid.stop] = spectra
    series = np.fft.irfft(whole, size, axis=-1) * size / (2 * np.sqrt(len(grid)))
    time = np.arange(size) * grid.duration / size - signal.after
    shown = (time > -BEFORE) & (time < AFTER)
    return time[shown], series[..., shown]
