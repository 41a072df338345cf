"""Doyle–Fuller–Newman model of a lithium-ion cell, the pseudo-two-dimensional one."""

from __future__ import annotations

from ._cell_simulator import CellSimulator


class DFN(CellSimulator):
    """PyBaMM's Doyle–Fuller–Newman model; see `CellSimulator` for options.

    References
    ----------
    Doyle, Fuller & Newman (1993), Modeling of galvanostatic charge and discharge of the
    lithium/polymer/insertion cell, doi:10.1149/1.2221597.
    """

    name = "battery.dfn"
    model = "DFN"
