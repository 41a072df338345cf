"""Bright standard sirens: luminosity distances of mergers whose redshift is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from .probe import H0, SPEED_OF_LIGHT, Prediction, Probe
from .tables import table


def et_sirens() -> Probe:
    """Simulated luminosity distances of 100 neutron-star mergers with an electromagnetic partner.

    Redshifts follow the merger rate of `mocks`, errors are `relative_error`, as expected of the
    Einstein Telescope.  The mock observation is in ``data/et_sirens.csv``, made by `mocks`.

    References
    ----------
    - Sathyaprakash, Schutz & Van Den Broeck (2010), Class. Quantum Grav. 27, 215006,
      arXiv:0906.4151
    - Zhao et al. (2011), Phys. Rev. D 83, 023005, arXiv:1009.0206
    """
    z, value, error = table("et_sirens").T

    def prepare(xp: Any) -> Prediction:
        stretch = xp.asarray(1 + z)
        return lambda across, _along, scales: SPEED_OF_LIGHT / scales["H0"] * stretch * across

    return Probe(
        "Einstein-Telescope-like sirens",
        "simulated: flat ΛCDM with Om = 0.3, H0 = 70 km/s/Mpc, seed 2; errors after Zhao & Wen "
        "(2018), arXiv:1710.05325, with lensing",
        z,
        value,
        np.diag(error**2),
        tuple(f"dL(z={at:.4f})" for at in z),
        prepare,
        (H0,),
        unit="Mpc",
        measures="et_sirens",
    )


def relative_error(z: Any) -> Any:
    """Standard error of a luminosity distance over the distance.

    In quadrature: the instrument, 0.1449 z − 0.0118 z² + 0.0012 z³ (Zhao & Wen 2018,
    arXiv:1710.05325, their fit for the Einstein Telescope), and lensing, 0.05 z (Sathyaprakash
    et al. 2010).
    """
    return np.hypot(0.1449 * z - 0.0118 * z**2 + 0.0012 * z**3, 0.05 * z)
