"""An LG M50 cell at 1C, fitted by the single-particle model: trusted, and with a discrepancy.

Run ``python docs/examples/battery_discrepancy.py``; it takes some minutes and writes
``docs/images/battery_discrepancy.png``.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import sbiwb
from sbiwb.rng import stream

TRUSTED = {
    "data": "lgm50_1C",
    "parameters": ["eps_n", "eps_p", "R_contact"],
    "noise": [0.0001, 0.1],
}
DISCREPANCY = {"amplitude": [0.001, 0.3], "length": [30, 3000]}
TITLES = ("model trusted", "model with a discrepancy")
DRAWS = 400
COLOUR, SEEN = "#2a6f97", "#d1495b"


def fit(options, nlive):
    """Predicted voltages (n, k), predictive readings (n, k) and the problem."""
    problem = sbiwb.problem("battery.spm", **options)
    result = sbiwb.infer(problem, "exact+dynesty", seed=1, nlive=nlive)
    print(result.summary())
    theta = result.samples(DRAWS)
    x = problem.simulator.simulate(theta, stream(1, "predictive"))
    return problem, problem.simulator.voltage(theta), x[:, 0]


def draw(axes, problem, voltage, predicted, title):
    """Voltage above, residuals from the median of the model below."""
    above, below = axes
    minutes = problem.simulator.times / 60
    seen, running = problem.observation.x
    middle = np.median(voltage, axis=0)
    for axis, zero, scale in ((above, 0.0, 1.0), (below, middle, 1e3)):
        low, high = scale * (np.quantile(predicted, [0.025, 0.975], axis=0) - zero)
        axis.fill_between(minutes, low, high, color=COLOUR, alpha=0.25, lw=0, label="95 % of data")
        low, high = scale * (np.quantile(voltage, [0.025, 0.975], axis=0) - zero)
        axis.fill_between(
            minutes, low, high, color=COLOUR, alpha=0.9, lw=0.8, label="95 % of model"
        )
        ran = running == 1
        readings = scale * (seen - zero)[ran]
        axis.plot(minutes[ran], readings, "o", ms=2.2, color=SEEN, label="readings")
        axis.margins(x=0)
    above.set_title(title, fontsize=9, loc="left")
    above.set_ylim(2.35, 4.2)
    below.set_xlabel("time [min]")
    below.set_ylim(-130, 130)
    below.axhline(0, color="0.3", lw=0.6)


def main(path, nlive=300):
    """Fit both and write the figure to `path`."""
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(6.6, 4.2), layout="constrained")
        axes = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 2))
        for column, options in enumerate((TRUSTED, {**TRUSTED, "discrepancy": DISCREPANCY})):
            draw(axes[:, column], *fit(options, nlive), TITLES[column])
        axes[0, 0].set_ylabel("voltage [V]")
        axes[1, 0].set_ylabel("minus model [mV]")
        axes[0, 0].legend(frameon=False, fontsize=8)
        figure.savefig(path, dpi=160)


if __name__ == "__main__":
    main(Path(__file__).parents[1] / "images" / "battery_discrepancy.png")
