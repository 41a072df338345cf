"""Readings of a test and what the model predicts, and how far it is from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.views import Curves, Points, View
from sbiwb.rng import stream

if TYPE_CHECKING:
    from ._cell_simulator import CellSimulator


def views(simulator: CellSimulator, theta: Array, x: Array) -> list[View]:
    """Voltage against time, without noise; and predictions with noise, less the readings."""
    time, cutoff = simulator.times, simulator.cutoff
    predicted = simulator.simulate(theta, stream(0, "battery views"))
    voltage = simulator.voltage(theta)
    reading, running = x, np.ones(len(time), dtype=bool)
    if cutoff is not None:
        reading, running = x[0], x[1] == 1
        predicted = np.where(predicted[:, 1] == 1, predicted[:, 0], np.nan)
        voltage = np.where(voltage > cutoff, voltage, np.nan)
    residual = np.where(running, 1000 * (predicted - reading), np.nan)
    measured = Points(time[running], reading[running])
    return [
        Curves("Voltage", "time [s]", "voltage [V]", time, voltage, (measured,)),
        Curves("Prediction, less the reading", "time [s]", "difference [mV]", time, residual,
               level=0.0),
    ]  # fmt: skip
