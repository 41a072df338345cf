"""Antenna patterns and arrival times at ground-based detectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lal
import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.errors import UsageError, unknown_name

DETECTORS = {"H1": "LIGO Hanford", "L1": "LIGO Livingston", "V1": "Virgo", "K1": "KAGRA"}
_SIDEREAL = 2 * np.pi / lal.DAYSID_SI  # rad/s


class Network:
    """Detectors at fixed places on a turning Earth.

    Parameters
    ----------
    names : sequence of str
        Keys of `DETECTORS`.
    trigger : float
        GPS time about which coalescence times are measured.

    Raises
    ------
    UsageError
        If a name is unknown or repeats.

    Notes
    -----
    Response tensors and places are those of LALSuite; the conventions for polarisation are those of
    Anderson et al. (2001), Phys. Rev. D 63, 042003, appendix B.
    """

    def __init__(self, names: Sequence[str], trigger: float) -> None:
        if isinstance(names, str) or not names or len(set(names)) != len(names):
            raise UsageError(
                "bad detectors", got=repr(names), expected="a list of different names, e.g. H1, L1"
            )
        for name in names:
            if name not in DETECTORS:
                raise unknown_name("detector", name, DETECTORS)
        self.names = tuple(names)
        cached: list[Any] = [lal.cached_detector_by_prefix[name] for name in names]
        self.tensors = np.array([detector.response for detector in cached], dtype=np.float64)
        self.places = np.array([detector.location for detector in cached])  # metres
        self.sidereal_time = lal.GreenwichMeanSiderealTime(lal.LIGOTimeGPS(trigger))

    def __len__(self) -> int:
        return len(self.names)

    def __call__(
        self, ra: Array, dec: Array, psi: Array, time: Array
    ) -> tuple[NDArray[np.complex128], Array]:
        """Response to sources.

        Parameters
        ----------
        ra, dec, psi : ndarray, shape (n,)
            Right ascension, declination and polarisation angle, in radians.
        time : ndarray, shape (n,)
            Arrival at the centre of the Earth, in seconds after the trigger.

        Returns
        -------
        pattern : ndarray of complex, shape (n, detectors)
            F₊ + i F×.
        delay : ndarray, shape (n, detectors)
            Arrival at the detector minus arrival at the centre of the Earth, in seconds.
        """
        hour = ra - self.sidereal_time - _SIDEREAL * time
        sin_h, cos_h, sin_d, cos_d = np.sin(hour), np.cos(hour), np.sin(dec), np.cos(dec)
        zero = np.zeros_like(hour)
        north = np.stack([cos_h * sin_d, sin_h * sin_d, -cos_d], axis=1)
        east = np.stack([-sin_h, cos_h, zero], axis=1)
        source = np.stack([cos_h * cos_d, sin_h * cos_d, sin_d], axis=1)
        sin_p, cos_p = np.sin(psi)[:, np.newaxis], np.cos(psi)[:, np.newaxis]
        # m and n span the plane of the sky: e₊ = m⊗m − n⊗n, e× = m⊗n + n⊗m.
        m, n = -(north * sin_p + east * cos_p), east * sin_p - north * cos_p
        plus = cross = delay = 0.0
        # Sums are written out: a matrix product rounds differently for different numbers of rows.
        for i in range(3):
            delay = delay - np.multiply.outer(source[:, i], self.places[:, i]) / lal.C_SI
            for j in range(3):
                tensor = self.tensors[:, i, j]
                plus = plus + np.multiply.outer(m[:, i] * m[:, j] - n[:, i] * n[:, j], tensor)
                cross = cross + np.multiply.outer(m[:, i] * n[:, j] + n[:, i] * m[:, j], tensor)
        return plus + 1j * cross, delay
