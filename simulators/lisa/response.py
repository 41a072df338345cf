"""Signal and noise in LISA's TDI channels, through lisabeta."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from lisabeta.lisa import lisa, pyLISAnoise
from numpy.typing import NDArray

from sbiwb.core.distributions import Array

CHANNELS = ("TDIA", "TDIE", "TDIT")
PARAMETERS = (
    "chirp_mass",
    "mass_ratio",
    "chi_1",
    "chi_2",
    "luminosity_distance",
    "inclination",
    "psi",
    "phase",
    "t_c",
    "ecliptic_longitude",
    "ecliptic_latitude",
)


def settings() -> dict[str, Any]:
    """lisabeta's own defaults: IMRPhenomD, the full response, SciRDv1 noise without the galaxy."""
    return copy.deepcopy(lisa.waveform_params_smbh_default)


def source(row: Array) -> dict[str, float]:
    """A row of theta, in the order of `PARAMETERS`, as lisabeta names its parameters."""
    value = dict(zip(PARAMETERS, row.tolist(), strict=True))
    q = 1 / value["mass_ratio"]  # lisabeta's q is m1/m2
    return {
        "M": value["chirp_mass"] * (1 + q) ** 1.2 / q**0.6,
        "q": q,
        "chi1": value["chi_1"],
        "chi2": value["chi_2"],
        "Deltat": value["t_c"],
        "dist": value["luminosity_distance"],
        "inc": value["inclination"],
        "phi": value["phase"],
        "lambda": value["ecliptic_longitude"],
        "beta": value["ecliptic_latitude"],
        "psi": value["psi"],
        "Lframe": False,
    }


def noise_psd(frequencies: Array, channels: int) -> Array:
    """One-sided PSD of the first `channels` of A, E, T; shape (channels, n)."""
    psd = pyLISAnoise.evaluate_AET_psd(frequencies, TDIT=channels > 2, **settings())
    return np.array([psd[name] for name in CHANNELS[:channels]])


def tdi_signal(theta: Array, frequencies: Array, channels: int) -> NDArray[np.complex128]:
    """Signals in A, E (and T), for rows of theta (n, 11); shape (n, channels, frequencies).

    The response is evaluated on lisabeta's sparse grid and interpolated in amplitude and phase.
    """
    options = settings()
    out = np.zeros((len(theta), channels, len(frequencies)), dtype=np.complex128)
    for row, values in zip(out, theta, strict=True):
        signal = lisa.smbh_generate_AET_signal(
            source(values), frequencies, TDIT=channels > 2, interp=True, **options
        )
        for mode in signal["modes"]:
            for k, name in enumerate(CHANNELS[:channels]):
                row[k] += signal[mode][name]
    return out
