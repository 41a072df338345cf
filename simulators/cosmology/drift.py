"""Redshift drift: how redshifts change while one watches (Sandage 1962; Loeb 1998)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .probe import H0, SPEED_OF_LIGHT, Prediction, Probe, differences
from .tables import table

YEARS = 12.0
"""Time between the two epochs."""

_MEGAPARSEC = 3.0856775814913673e19  # km
_JULIAN_YEAR = 31557600.0  # s
# Δv of an empty universe's scale, c H0 Δt, in cm/s for H0 = 1 km/s/Mpc.
VELOCITY_SCALE = 1e5 * SPEED_OF_LIGHT * YEARS * _JULIAN_YEAR / _MEGAPARSEC

_SOURCE = (
    "simulated: flat ΛCDM with Om = 0.3, H0 = 70 km/s/Mpc, seed 1; errors after Klöckner et al. "
    "(2015), arXiv:1501.03822"
)


def ska_drift() -> Probe:
    """Simulated drift Δv = c H0 Δt (1 − E(z)/(1+z)) in 12 years, at ten redshifts up to one.

    Errors are of the kind that Klöckner et al. (2015) expect of the complete Square Kilometre
    Array with galaxies in neutral hydrogen: 1 % of the fiducial signal at z = 0.1, growing linearly
    to 10 % at z = 1.  The mock observation is in ``data/ska_drift.csv``, made by `mocks`.

    References
    ----------
    - Liske et al. (2008), MNRAS 386, 1192, arXiv:0802.1532, eq. 6
    - Klöckner et al. (2015), PoS AASKA14, 027, arXiv:1501.03822
    - Alves et al. (2019), MNRAS 488, 3607, arXiv:1907.05151
    """
    z, value, error = table("ska_drift").T
    return Probe(
        "SKA-like redshift drift",
        _SOURCE,
        z,
        value,
        np.diag(error**2),
        tuple(f"dv(z={at:g})" for at in z),
        lambda xp: drift(z, xp),
        (H0,),
        unit="cm/s",
        measures="ska_drift",
    )


def ska_drift_differential() -> Probe:
    """The same measurements as differences from that at z = 0.1, where the error is smallest.

    What drifts alike at all redshifts, the observer's own acceleration or a clock, drops out.  All
    differences share the error of the reference.

    References
    ----------
    - Cooke (2020), The ACCELERATION programme, MNRAS 492, 2044
    - Estimating constraints on cosmological parameters via the canonical and the differential
      redshift drift with SKA HI 21-cm observations (2025), arXiv:2504.13583
    """
    z, value, error = table("ska_drift").T
    contrast = differences(0, len(z))

    def prepare(xp: Any) -> Prediction:
        canonical, to_differences = drift(z, xp), xp.asarray(contrast)
        return lambda across, along, scales: canonical(across, along, scales) @ to_differences

    return Probe(
        "SKA-like differential redshift drift",
        _SOURCE,
        z,
        value @ contrast,
        contrast.T @ np.diag(error**2) @ contrast,
        tuple(f"dv(z={at:g})-dv(z={z[0]:g})" for at in z[1:]),
        prepare,
        (H0,),
        unit="cm/s",
        measures="ska_drift",
    )


def drift(z: Any, xp: Any) -> Prediction:
    """Prepare Δv = c H0 Δt (1 − E(z)/(1+z)), in cm/s."""
    stretch = xp.asarray(1 + z)
    return lambda _across, along, scales: (
        VELOCITY_SCALE * scales["H0"] * (1 - 1 / (stretch * along))
    )
