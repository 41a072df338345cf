"""Distances and expansion against redshift, relative to a model of round numbers, and w(z)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.views import Curves, Points, View

from .distances import Distances
from .models import MODELS
from .probe import HUBBLE_DISTANCE, Probe
from .supernovae import REFERENCE
from .tables import table

if TYPE_CHECKING:
    from ._gaussian import GaussianSimulator

FIDUCIAL = {"Om": 0.3, "hrd": 100.0, "H0": 70.0}
"""Flat ΛCDM that distances are held against: round numbers, fitted to nothing."""
_BAO = {
    "DM/rd": ("M", "transverse distances"),
    "DH/rd": ("H", "radial distances"),
    "DV/rd": ("V", "averaged distances"),
}
_NOTE = (
    "Distances are relative to flat ΛCDM of round numbers: Ωm = 0.3 and h·r_d = 100 Mpc. Errors of "
    "data points are correlated."
)
_NODES = 80
_LOWEST = 0.01


def views(simulator: GaussianSimulator, theta: Array, x: Array) -> list[View]:
    """Residuals of each data set that has a curve, and the equation of state if it varies."""
    found: list[View] = []
    start = 0
    for probe in simulator.probes:
        own = x[start : start + len(probe)]
        start += len(probe)
        error = np.sqrt(np.diag(probe.covariance))
        if any(name.startswith("D") for name in probe.names) and "hrd" in _scales(probe):
            found += _bao(simulator, probe, own, error, theta)
        elif probe.measures == "union3":
            found.append(_supernovae(simulator, probe, own, theta))
        elif probe.measures == "cc":
            found.append(_chronometers(simulator, probe, own, error, theta))
    if dark := _dark(simulator, theta):
        z = np.linspace(0, 2.5, _NODES)
        found.append(Curves("Equation of state", "$z$", "$w(z)$", z, simulator.model.w(z, *dark),
                            level=-1.0))  # fmt: skip
    return found


def _bao(
    simulator: GaussianSimulator, probe: Probe, value: Array, error: Array, theta: Array
) -> list[View]:
    z = _redshifts(probe)
    drawn = _bao_distances(simulator, z, theta)
    held = _fiducial_bao(z)
    at_data = _fiducial_bao(probe.z)
    kinds = np.array([name.partition("(")[0] for name in probe.names])
    found: list[View] = []
    for kind, (letter, title) in _BAO.items():
        mine = kinds == kind
        if not np.any(mine):
            continue
        scale = at_data[kind][mine]
        points = Points(probe.z[mine], value[mine] / scale, error[mine] / scale)
        found.append(
            Curves(
                f"{probe.name}: {title}",
                "$z$",
                rf"$D_\mathrm{{{letter}}} \,/\, D_\mathrm{{{letter}}}^\mathrm{{round}}$",
                z,
                drawn[kind] / held[kind],
                (points,),
                level=1.0,
                note=_NOTE,
            )
        )
    return found


def _supernovae(simulator: GaussianSimulator, probe: Probe, value: Array, theta: Array) -> View:
    """Hubble residuals less their mean, weighted by inverse variance: no node is special.

    x holds differences from one node, whose own error would move all points together.
    """
    covariance = table("union3_covariance")
    weight = 1 / np.diag(covariance)
    weight /= weight.sum()
    centre = np.eye(len(weight)) - weight  # rows of residuals, times this transposed
    z = _redshifts(probe)
    both = np.concatenate([z, probe.z])
    across, _ = _distances(simulator, both, theta)
    held, _ = _fiducial(both)
    residual = 5 * np.log10(across / held)
    mean = residual[:, len(z) :] @ weight
    measured = np.insert(value, REFERENCE, 0.0)
    measured = centre @ (measured - 5 * np.log10((1 + probe.z) * held[0, len(z) :]))
    error = np.sqrt(np.diag(centre @ covariance @ centre.T))
    return Curves(
        f"{probe.name}: Hubble residuals",
        "$z$",
        r"$\Delta\mu$ [mag]",
        z,
        residual[:, : len(z)] - mean[:, np.newaxis],
        (Points(probe.z, measured, error),),
        level=0.0,
        note="Hubble residuals are less their mean, as their offset is not known.",
    )


def _chronometers(
    simulator: GaussianSimulator, probe: Probe, value: Array, error: Array, theta: Array
) -> View:
    z = _redshifts(probe)
    _, along = _distances(simulator, z, theta)
    rate = _column(simulator, "H0", theta) / along
    return Curves(
        "Expansion rate",
        "$z$",
        r"$H(z)/(1+z)$ [km/s/Mpc]",
        z,
        rate / (1 + z),
        (Points(probe.z, value / (1 + probe.z), error / (1 + probe.z)),),
    )


def _bao_distances(simulator: GaussianSimulator, z: Array, theta: Array) -> dict[str, Array]:
    return _over_rd(z, *_distances(simulator, z, theta), _column(simulator, "hrd", theta))


def _fiducial_bao(z: Array) -> dict[str, Array]:
    return {kind: value[0] for kind, value in _over_rd(z, *_fiducial(z), FIDUCIAL["hrd"]).items()}


def _over_rd(z: Array, across: Array, along: Array, hrd: Array | float) -> dict[str, Array]:
    scale = HUBBLE_DISTANCE / hrd
    volume = (z * across**2 * along) ** (1 / 3)
    return {"DM/rd": scale * across, "DH/rd": scale * along, "DV/rd": scale * volume}


def _distances(simulator: GaussianSimulator, z: Array, theta: Array) -> tuple[Array, Array]:
    """D_M and D_H in units of c/H0 for rows of theta; shapes (n, k)."""
    om, *rest = (theta[:, k : k + 1] for k in range(theta.shape[1]))
    own = rest[len(simulator.scale_names) :]
    across, along = Distances(simulator.model, z)(om, *own)
    return across, np.broadcast_to(along, across.shape)


def _fiducial(z: Array) -> tuple[Array, Array]:
    return Distances(MODELS["lcdm"], z)(np.array([[FIDUCIAL["Om"]]]))


def _dark(simulator: GaussianSimulator, theta: Array) -> list[Array]:
    """Parameters of dark energy as columns (n, 1)."""
    own = theta[:, 1 + len(simulator.scale_names) :]
    first = 1 if simulator.model.curved else 0
    return [own[:, k : k + 1] for k in range(first, own.shape[1])]


def _column(simulator: GaussianSimulator, name: str, theta: Array) -> Array:
    k = 1 + simulator.scale_names.index(name)
    return theta[:, k : k + 1]


def _scales(probe: Probe) -> list[str]:
    return [parameter.name for parameter in probe.scales]


def _redshifts(probe: Probe) -> Array:
    """Redshifts that span the data, and a little more."""
    return np.linspace(max(_LOWEST, 0.8 * probe.z.min()), 1.05 * probe.z.max(), _NODES)
