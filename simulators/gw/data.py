"""What is analysed: strain of an event, or noise of detectors as designed with a made-up event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.datasets import dataset, sha256
from sbiwb.errors import DataError, UsageError, did_you_mean

from .noise import DESIGN, curve_psd
from .strain import AFTER_TRIGGER, Segment, read_strain
from .waveform import Grid

EVENTS = {"gw150914": 1126259462.4}
"""Name of a data set → GPS time of its trigger."""
SIMULATED = "simulated"
SIMULATED_TRIGGER = 1126259462.4
"""GPS time of simulated events, which matters only for where the detectors point."""


@dataclass(frozen=True)
class Band:
    """Data of one analysis.

    Parameters
    ----------
    psd : ndarray, shape (detectors, bins)
        One-sided, in 1/Hz.
    after : float
        Seconds from the start of the segment to the trigger.
    spectrum : ndarray of complex, shape (detectors, bins), optional
        Fourier transform of the strain, in 1/Hz; None for simulated data.
    """

    psd: Array
    after: float
    spectrum: NDArray[np.complex128] | None = None


def simulated_band(names: Sequence[str], psd: str, grid: Grid) -> Band:
    """Noise only: a curve for each detector.

    Raises
    ------
    UsageError
        If there is no such noise curve.
    """
    if psd == "off_source":
        raise UsageError(
            "simulated data have no strain to estimate their noise from",
            got="psd='off_source'",
            expected="'design' or a noise curve",
        )
    curves = [_curve(name, psd, grid) for name in names]
    return Band(np.array(curves), grid.duration - AFTER_TRIGGER)


def measured_band(
    files: Mapping[str, Path], names: Sequence[str], psd: str, trigger: float, grid: Grid
) -> Band:
    """Strain of each detector in `names`, with noise of a curve or estimated off source.

    Raises
    ------
    UsageError
        If a detector has no file.
    DataError
        If a file cannot be used.
    """
    for name in names:
        if name not in files:
            raise UsageError(f"no strain of detector {name}", expected=f"one of {', '.join(files)}")
    segments = [Segment(read_strain(files[name]), trigger, grid) for name in names]
    if len({segment.start for segment in segments}) != 1:
        raise DataError("the detectors' samples are not taken at the same times")
    power = [
        segment.off_source_psd() if psd == "off_source" else _curve(name, psd, grid)
        for name, segment in zip(names, segments, strict=True)
    ]
    spectra = np.array([segment.spectrum() for segment in segments])
    return Band(np.array(power), trigger - segments[0].start, spectra)


def event_files(event: str) -> dict[str, Path]:
    """Detector → strain file of a published event, downloaded if need be.

    Raises
    ------
    UsageError
        If there is no such event.
    """
    if event not in EVENTS:
        raise UsageError(
            "unknown gravitational-wave data",
            got=repr(event),
            expected=f"'{SIMULATED}', {', '.join(EVENTS)}, or a mapping of detectors to files",
            remedy=did_you_mean(event, [SIMULATED, *EVENTS]),
        )
    # GWOSC's names begin with site and detector: H-H1_LOSC_…
    return {file.path.split("-")[1][:2]: file.get() for file in dataset(f"gw.{event}").files}


def own_files(
    data: Mapping[str, str], hashes: Mapping[str, str] | None
) -> tuple[dict[str, Path], dict[str, str]]:
    """Check a user's files; return them, and the hash of each.

    Raises
    ------
    DataError
        If a file is missing, or its content is not what `hashes` says.
    """
    files = {name: Path(path) for name, path in data.items()}
    actual = {}
    for name, path in files.items():
        if not path.is_file():
            raise DataError(f"no strain file {path}", expected=f"the strain of {name}")
        actual[name] = sha256(path)
        if hashes is not None and hashes.get(name) != actual[name]:
            raise DataError(
                f"the content of {path} has changed",
                got=f"SHA-256 {actual[name][:12]}…",
                expected=f"{str(hashes.get(name))[:12]}…",
            )
    return files, actual


def _curve(name: str, psd: str, grid: Grid) -> Array:
    return curve_psd(DESIGN[name] if psd == "design" else psd, grid.frequencies)
