"""Cosmic chronometers: the expansion rate from the ages of passive galaxies."""

from __future__ import annotations

from typing import Any

import numpy as np

from .probe import H0, Prediction, Probe
from .tables import table


def chronometers() -> Probe:
    """32 expansion rates H(z) with their systematic covariance.

    The covariance is that of Moresco et al. (2020): the listed variances, and for each of two
    systematic effects, the initial mass function and the stellar population model (without the
    most deviating one, as they recommend), errors s(z) H(z) that are fully correlated between
    redshifts, with s interpolated linearly in their table.  Like Moresco (2023, arXiv:2307.09501)
    we give them to all 32 points, although the budget was worked out for D4000 measurements.

    References
    ----------
    - Moresco et al. (2020), ApJ 898, 82, arXiv:2003.07362
    - Moresco et al. (2022), Living Rev. Relativ. 25, 6, arXiv:2201.07241
    """
    z, rate, error = table("cc_points").T
    at, mass_function, _, _, population = table("cc_systematics").T
    covariance = np.diag(error**2)
    for percent in (mass_function, population):
        systematic = rate * np.interp(z, at, percent) / 100
        covariance += np.outer(systematic, systematic)

    def prepare(_xp: Any) -> Prediction:
        return lambda _across, along, scales: scales["H0"] / along

    return Probe(
        "cosmic chronometers",
        "Moresco et al., arXiv:2003.07362 and arXiv:2201.07241",
        z,
        rate,
        covariance,
        tuple(f"H(z={value:g})" for value in z),
        prepare,
        (H0,),
        unit="km/s/Mpc",
        measures="cc",
    )
