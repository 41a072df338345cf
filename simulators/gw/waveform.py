"""Aligned-spin waveforms of black-hole binaries: IMRPhenomD through lalsimulation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import lal
import lalsimulation
import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array

MEGAPARSEC = 1e6 * lal.PC_SI
_NO_TIDES = lalsimulation.NoNRT_V


@dataclass(frozen=True)
class Grid:
    """Frequencies ``k/duration`` within [f_min, f_max].

    Parameters
    ----------
    duration : float
        Length of the segment in seconds.
    f_min, f_max : float
        Band in Hz, ends included.
    """

    duration: float
    f_min: float
    f_max: float

    @property
    def first(self) -> int:
        """Number k of the first frequency."""
        return int(np.ceil(self.f_min * self.duration - 1e-9))

    @property
    def stop(self) -> int:
        """One more than the last k."""
        return int(np.floor(self.f_max * self.duration + 1e-9)) + 1

    def __len__(self) -> int:
        return self.stop - self.first

    @cached_property
    def frequencies(self) -> Array:
        """Frequencies in Hz; shape (bins,)."""
        return np.arange(self.first, self.stop) / self.duration


def component_masses(chirp_mass: float, mass_ratio: float) -> tuple[float, float]:
    """m1 ≥ m2 from ℳ = (m1 m2)^{3/5} (m1 + m2)^{−1/5} and q = m2/m1 ≤ 1."""
    m1 = chirp_mass * (1 + mass_ratio) ** 0.2 / mass_ratio**0.6
    return m1, m1 * mass_ratio


def phenom_d(
    intrinsic: Array, grid: Grid, f_ref: float, distance: float = 1.0
) -> NDArray[np.complex128]:
    """Amplitude of the (2, 2) mode of IMRPhenomD (Khan et al. 2016, arXiv:1508.07253).

    Parameters
    ----------
    intrinsic : ndarray, shape (n, 4)
        Detector-frame chirp mass in solar masses, mass ratio, and the two aligned spins χ1, χ2.
    grid : Grid
    f_ref : float
        Frequency in Hz at which the phase is zero.
    distance : float
        Luminosity distance in Mpc.

    Returns
    -------
    ndarray, shape (n, bins)
        h in 1/Hz, such that h₊ = (1 + cos²ι)/2 h and h× = −i cos ι h, times exp(2iφ) for the phase
        of coalescence φ.  Coalescence is at time zero.
    """
    step = 1 / grid.duration
    # lalsimulation leaves out the last frequency.
    f_max = grid.stop * step
    out = np.zeros((len(intrinsic), len(grid)), dtype=np.complex128)
    for row, (chirp_mass, mass_ratio, chi_1, chi_2) in zip(out, intrinsic.tolist(), strict=True):
        m1, m2 = component_masses(chirp_mass, mass_ratio)
        series = lalsimulation.SimIMRPhenomDGenerateFD(
            0.0,
            f_ref,
            step,
            m1 * lal.MSUN_SI,
            m2 * lal.MSUN_SI,
            chi_1,
            chi_2,
            grid.first * step,
            f_max,
            distance * MEGAPARSEC,
            None,
            _NO_TIDES,
        )
        values = series.data.data[grid.first : grid.stop]
        row[: len(values)] = values  # heavy binaries end before f_max
    return out


def phenom_d_at(
    intrinsic: Array, frequencies: Array, f_ref: float, distance: float = 1.0
) -> NDArray[np.complex128]:
    """`phenom_d` at any rising frequencies in Hz; shape (n, frequencies)."""
    sequence = lal.CreateREAL8Sequence(len(frequencies))
    sequence.data = np.ascontiguousarray(frequencies)
    out = np.zeros((len(intrinsic), len(frequencies)), dtype=np.complex128)
    for row, (chirp_mass, mass_ratio, chi_1, chi_2) in zip(out, intrinsic.tolist(), strict=True):
        m1, m2 = component_masses(chirp_mass, mass_ratio)
        row[:] = lalsimulation.SimIMRPhenomDFrequencySequence(
            sequence,
            0.0,
            f_ref,
            m1 * lal.MSUN_SI,
            m2 * lal.MSUN_SI,
            chi_1,
            chi_2,
            distance * MEGAPARSEC,
            None,
            _NO_TIDES,
        ).data.data
    return out
