"""Single-particle model of a lithium-ion cell: a sphere for each electrode, no electrolyte."""

from __future__ import annotations

from ._cell_simulator import CellSimulator


class SPM(CellSimulator):
    """PyBaMM's single-particle model; see `CellSimulator` for options.

    References
    ----------
    Marquis, Sulzer, Timms, Please & Chapman (2019), An asymptotic derivation of a single particle
    model with electrolyte, doi:10.1149/2.0341915jes.
    """

    name = "battery.spm"
    model = "SPM"
