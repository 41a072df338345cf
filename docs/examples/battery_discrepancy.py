"""An LG M50 cell at 1C, fitted by the single-particle model: trusted, and with a discrepancy.

Run ``python docs/examples/battery_discrepancy.py``; it writes
``docs/images/battery_discrepancy.png`` and prints what the check `predictive` says of both fits.

The trusted model is fitted by maximum likelihood: its posterior is far narrower than the noise that
it needs.  The posterior with a discrepancy is the stored reference, ``battery_spm_1c.nc``.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy import optimize

import sbiwb
from sbiwb.diagnostics.predictive import predictive
from sbiwb.rng import stream

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "references" / "battery_spm_1c.nc"
TRUSTED = {
    "data": "lgm50_1C",
    "parameters": ["eps_n", "eps_p", "R_contact"],
    "noise": [0.0001, 0.1],
}
START = [0.73, 0.59, 0.011]
DRAWS = 400
COLOUR, SEEN = "#2a6f97", "#d1495b"


def trusted():
    """The problem without a discrepancy, and its most likely parameters, repeated."""
    problem = sbiwb.problem("battery.spm", **TRUSTED)
    voltage = problem.simulator.voltage
    seen, running = problem.observation.x
    ran = running == 1

    def square(theta):
        if not np.all(np.isfinite(problem.prior.log_prob([[*theta, 0.01]]))):
            return 1.0
        return float(np.mean((seen - voltage(theta[np.newaxis])[0])[ran] ** 2))

    best = optimize.minimize(square, np.array(START), method="Nelder-Mead", options={"maxfev": 250})
    theta = [*best.x, np.sqrt(best.fun)]
    return problem, np.repeat([theta], DRAWS, axis=0)


def with_discrepancy():
    """The problem with a discrepancy, and draws of its posterior."""
    with xr.open_dataset(REFERENCE, engine="h5netcdf") as reference:
        problem = sbiwb.problem("battery.spm", **json.loads(reference.attrs["options"]))
        theta = np.stack([reference[n].values.ravel() for n in problem.prior.names], axis=1)
    rows = stream(1, "rows").choice(len(theta), DRAWS, replace=False)
    return problem, theta[rows].astype(float)


def draw(axes, problem, voltage, replicated, title):
    """Voltage above, and what differs from the median of the model below."""
    minutes = problem.simulator.times / 60
    seen, running = problem.observation.x
    ran = running == 1
    middle = np.median(voltage, axis=0)
    for axis, zero, scale in zip(axes, (0.0, middle), (1.0, 1e3), strict=True):
        low, high = scale * (np.quantile(replicated, [0.025, 0.975], axis=0) - zero)
        axis.fill_between(
            minutes[ran], low[ran], high[ran], color=COLOUR, alpha=0.25, lw=0, label="95 % of data"
        )
        low, high = scale * (np.quantile(voltage, [0.025, 0.975], axis=0) - zero)
        axis.fill_between(
            minutes[ran], low[ran], high[ran], color=COLOUR, lw=0.8, label="95 % of the model"
        )
        readings = scale * (seen - zero)[ran]
        axis.plot(minutes[ran], readings, "o", ms=2.2, mew=0, color=SEEN, label="readings")
        axis.margins(x=0)
    axes[0].set_title(title, fontsize=9, loc="left")
    axes[1].set_xlabel("time [min]")
    axes[1].axhline(0, color="0.3", lw=0.6)


def main(path):
    """Write the figure to `path`; what the check says of both fits."""
    verdicts = []
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(6.6, 4.2), layout="constrained")
        axes = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 2))
        for column, (title, make) in enumerate(
            (("model trusted", trusted), ("model with a discrepancy", with_discrepancy))
        ):
            problem, theta = make()
            x = problem.simulator.simulate(theta, stream(1, "replicated"))
            verdicts.append(predictive(problem.observation.x, x))
            print(f"{title}: {verdicts[-1].outcome}: {verdicts[-1].message}")
            draw(axes[:, column], problem, problem.simulator.voltage(theta), x[:, 0], title)
        axes[0, 0].set_ylabel("voltage [V]")
        axes[1, 0].set_ylabel("minus model [mV]")
        axes[0, 0].legend(frameon=False, fontsize=8)
        figure.savefig(path, dpi=160)
    return verdicts


if __name__ == "__main__":
    main(ROOT / "docs" / "images" / "battery_discrepancy.png")
