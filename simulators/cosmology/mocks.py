"""How the simulated data sets were made: ``python -m sbiwb.simulators.cosmology.mocks FOLDER``.

Fiducial universe: flat ΛCDM with Ωm = 0.3 and H0 = 70 km/s/Mpc.  Measurements are its predictions
plus Gaussian noise from `sbiwb.rng.stream`, with seed 1 for the drift and 2 for the sirens.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.rng import stream

from .distances import Distances
from .drift import drift
from .models import MODELS
from .probe import SPEED_OF_LIGHT
from .sirens import relative_error

OMEGA_M, HUBBLE = 0.3, 70.0
SIRENS, FARTHEST_SIREN = 100, 2.0

_HEADERS = {
    "ska_drift": """\
# SIMULATED redshift drift in 12 years, cm/s, with errors as expected of the SKA.
# Fiducial: flat LCDM, Om = 0.3, H0 = 70 km/s/Mpc; seed 1; made by mocks.py.
# redshift,drift,error""",
    "et_sirens": """\
# SIMULATED luminosity distances of mergers, Mpc, with errors as expected of the Einstein Telescope.
# Fiducial: flat LCDM, Om = 0.3, H0 = 70 km/s/Mpc; seed 2; made by mocks.py.
# redshift,luminosity distance,error""",
}


def ska_drift() -> Array:
    """Columns z, Δv and its error in cm/s, ten rows."""
    z = np.linspace(0.1, 1.0, 10)
    across, along = fiducial(z)
    signal = drift(z, np)(across, along, {"H0": HUBBLE})[0]
    error = np.abs(signal) * np.interp(z, [0.1, 1.0], [0.01, 0.10])
    noise = stream(1, "ska_drift").standard_normal(len(z))
    return np.column_stack([z, signal + error * noise, error])


def et_sirens() -> Array:
    """Columns z, d_L and its error in Mpc, one row a siren, nearest first.

    Mergers happen at a rate r ∝ 1 + 2z below z = 1 and 3 (5 − z)/4 above (Schneider et al. 2001,
    as used by Zhao et al. 2011), so that observed redshifts have density ∝ r D_C²/((1 + z) E).
    """
    rng = stream(2, "et_sirens")
    grid = np.linspace(1e-3, FARTHEST_SIREN, 2000)
    across, along = (distance[0] for distance in fiducial(grid))
    rate = np.where(grid < 1, 1 + 2 * grid, 0.75 * (5 - grid))
    cumulative = np.cumsum(rate * across**2 * along / (1 + grid))
    z = np.sort(np.interp(rng.random(SIRENS), cumulative / cumulative[-1], grid)).round(4)
    distance = SPEED_OF_LIGHT / HUBBLE * (1 + z) * fiducial(z)[0][0]
    error = relative_error(z) * distance
    return np.column_stack([z, distance + error * rng.standard_normal(SIRENS), error])


def fiducial(z: Array) -> tuple[Array, Array]:
    """D_M and D_H of the fiducial universe in units of c/H0, shape (1, k) each."""
    across, along = Distances(MODELS["lcdm"], z)(np.array([[OMEGA_M]]))
    return across, along


def main() -> None:
    """Write both tables to the folder given."""
    for name, rows in {"ska_drift": ska_drift(), "et_sirens": et_sirens()}.items():
        lines = [_HEADERS[name], *(f"{z:.6g},{value:.6g},{error:.6g}" for z, value, error in rows)]
        Path(sys.argv[1], f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
