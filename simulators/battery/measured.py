"""Measured discharge curves of real cells."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import unknown_name

from .protocols import read_columns

CURVES = {
    "lgm50_1C": "LG M50, 1C",
    "lgm50_0p5C": "LG M50, 0.5C",
    "lgm50_0p1C": "LG M50, 0.1C",
}
"""Name of a curve, whose file lies in `data/` → its short name."""

_SOURCE = "LG M50 cell at 25 °C, from the examples of PyBOP (github.com/pybop-team/PyBOP), BSD-3"
_CUTOFF = 2.5


@dataclass(frozen=True)
class Curve:
    """A discharge at constant current down to a cut-off voltage.

    Parameters
    ----------
    name, source : str
    time, voltage : ndarray, shape (k,)
        In s from the start, and V; the last reading is the one that reached the cut-off.
    current : float
        Mean current in A.
    cutoff : float
        In V.
    """

    name: str
    source: str
    time: Array
    voltage: Array
    current: float
    cutoff: float

    @property
    def x(self) -> Array:
        """Voltages and mask as the simulators give them; shape (2, k)."""
        running = self.voltage > self.cutoff
        return np.stack([np.where(running, self.voltage, self.cutoff), running])


def measured(name: object) -> Curve:
    """Return the curve called `name`, a key of `CURVES`: about a hundred readings.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    if not isinstance(name, str) or name not in CURVES:
        raise unknown_name("measured curve", str(name), CURVES)
    file = resources.files(__package__) / "data" / f"{name}.csv"
    columns = read_columns(file, ("time_s", "current_A", "voltage_V"))
    current = float(columns["current_A"].mean())
    return Curve(CURVES[name], _SOURCE, columns["time_s"], columns["voltage_V"], current, _CUTOFF)
