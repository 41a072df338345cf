"""Single-particle model with electrolyte of a lithium-ion cell."""

from __future__ import annotations

from ._cell_simulator import CellSimulator


class SPMe(CellSimulator):
    """PyBaMM's single-particle model with electrolyte; see `CellSimulator` for options.

    References
    ----------
    Marquis, Sulzer, Timms, Please & Chapman (2019), An asymptotic derivation of a single particle
    model with electrolyte, doi:10.1149/2.0341915jes.
    """

    name = "battery.spme"
    model = "SPMe"
