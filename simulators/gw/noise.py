"""Power spectral densities of detector noise: design curves, and estimates from strain."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import signal

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError, UsageError, did_you_mean

DESIGN = {
    "H1": "aLIGO_O4_high_asd.txt",
    "L1": "aLIGO_O4_high_asd.txt",
    "V1": "AdV_asd.txt",
    "K1": "KAGRA_design_asd.txt",
}
"""Curves of the detectors as planned, among those that bilby ships."""

WELCH_SECONDS = 2.0
# Variance of an average of Hann windows that overlap by half, relative to independent ones: their
# periodograms are correlated by 1/36 (Welch 1967).
_OVERLAP = 1 + 2 / 36
_FEWEST = 8


def curve_psd(curve: str, frequencies: Array) -> Array:
    """One-sided PSD of a noise curve at `frequencies`, in 1/Hz; shape (bins,).

    Parameters
    ----------
    curve : str
        A file that bilby ships (``aLIGO_O4_high_asd.txt``), or the path of one like it: columns of
        frequency in Hz, and amplitude (``…_asd.txt``) or power spectral density.
    frequencies : ndarray, shape (bins,)

    Raises
    ------
    UsageError
        If there is no such curve.
    DataError
        If the file cannot be used or does not cover the frequencies.
    """
    shipped = {path.name: path for path in _curves().glob("*.txt")}
    path = shipped.get(curve) or Path(curve)
    if not path.is_file():
        raise UsageError(
            "unknown noise curve",
            got=f"'{curve}'",
            expected="a file with the columns frequency and PSD, or one of bilby's noise curves",
            remedy=did_you_mean(curve, shipped),
        )
    try:
        table = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise DataError(f"cannot read the noise curve {path}", got=error) from error
    usable = table.shape[1] == 2 and np.all(np.isfinite(table)) and np.all(np.diff(table[:, 0]) > 0)
    if not usable or np.any(table[:, 1] <= 0):
        raise DataError(
            f"bad noise curve {path}",
            expected="two columns of numbers: rising frequency, positive density",
        )
    frequency, density = table.T
    if frequencies[0] < frequency[0] or frequencies[-1] > frequency[-1]:
        raise DataError(
            f"the noise curve {path.name} does not cover the band",
            got=f"{frequencies[0]:g} to {frequencies[-1]:g} Hz",
            expected=f"within {frequency[0]:g} to {frequency[-1]:g} Hz",
        )
    power = density**2 if path.stem.endswith("_asd") else density
    return np.exp(np.interp(np.log(frequencies), np.log(frequency), np.log(power)))


def welch_psd(
    pieces: Sequence[Array], rate: float, frequencies: Array, seconds: float = WELCH_SECONDS
) -> Array:
    """One-sided PSD of stretches of noise, by Welch's average of Hann windows that half overlap.

    Parameters
    ----------
    pieces : sequence of ndarray
        Stretches of strain without a signal; windows do not reach across their ends.
    rate : float
        Samples a second.
    frequencies : ndarray, shape (bins,)
        Where the density is wanted; between the 1/`seconds` of the average it is interpolated.
    seconds : float
        Length of a window.

    Returns
    -------
    ndarray, shape (bins,)
        In 1/Hz, scaled so that its inverse is unbiased: the average P of n independent periodograms
        is Gamma-distributed with E[1/P] = n/(n − 1)/S, and the likelihood sees the inverse.

    Raises
    ------
    DataError
        If the stretches hold fewer than eight windows.
    """
    length = round(seconds * rate)
    starts = [
        (piece, at) for piece in pieces for at in range(0, len(piece) - length + 1, length // 2)
    ]
    if len(starts) < _FEWEST:
        raise DataError(
            "too little strain for an estimate of the noise",
            got=f"{len(starts)} windows of {seconds:g} s",
            expected=f"at least {_FEWEST}",
            remedy="take a longer file, or psd='design'",
        )
    window = signal.windows.hann(length, sym=False)
    norm = 2 / (rate * np.sum(window**2))
    total = np.zeros(length // 2 + 1)
    for piece, at in starts:
        stretch = piece[at : at + length]
        total += norm * np.abs(np.fft.rfft((stretch - stretch.mean()) * window)) ** 2
    independent = len(starts) / _OVERLAP
    power = total / len(starts) * independent / (independent - 1)
    return np.interp(frequencies, np.fft.rfftfreq(length, 1 / rate), power)


def _curves() -> Path:
    """Bilby's folder of noise curves, found without the seconds that importing bilby takes."""
    spec = importlib.util.find_spec("bilby")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'bilby'", name="bilby")
    return Path(spec.submodule_search_locations[0], "gw", "detector", "noise_curves")
