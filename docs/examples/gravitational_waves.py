"""GW150914: whitened strain with the reference posterior's band of signals, and four parameters.

python docs/examples/gravitational_waves.py docs/images/gravitational_waves.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr

mpl.use("agg")
import matplotlib.pyplot as plt

import sbiwb

REFERENCE = Path(__file__).parents[2] / "tests/references/gw150914.nc"
RATE = 2048.0
SHOWN = (-0.09, 0.05)  # seconds about the trigger
DRAWS = 300
PANELS = (
    ("chirp_mass", "mass_ratio", r"chirp mass  [$M_\odot$]", "mass ratio"),
    ("luminosity_distance", "theta_jn", "distance  [Mpc]", "inclination  [rad]"),
)

LIMITS = {"mass_ratio": 1.0, "theta_jn": np.pi}


def time_series(x, grid):
    """Whitened strain as a function of time; unit is the noise's standard deviation in the band."""
    spectrum = np.zeros((*x.shape[:-2], int(RATE * grid.duration / 2) + 1), dtype=complex)
    spectrum[..., grid.first : grid.stop] = x[..., 0] + 1j * x[..., 1]
    series = np.fft.irfft(spectrum) * spectrum.shape[-1]
    # Noise of unit variance in 2n real numbers becomes one of standard deviation √n in time.
    return series / np.sqrt(len(grid))


def levels(counts, shares=(0.9, 0.5)):
    """Counts a cell above which lie the given shares of all draws."""
    ordered = np.sort(counts.ravel())[::-1]
    return [ordered[np.searchsorted(np.cumsum(ordered), s * ordered.sum())] for s in shares]


def main(path, draws=DRAWS):
    """Draw the figure."""
    problem = sbiwb.problem("gw.compact_binary", data="gw150914")
    binary, reference = problem.simulator, xr.load_dataset(REFERENCE, engine="h5netcdf")
    values = {name: reference[name].values.ravel().astype(float) for name in reference.data_vars}
    theta = np.stack([values[name] for name in problem.prior.names], axis=1)[:draws]
    signals = time_series(binary.mean(theta), binary.grid)
    strain = time_series(problem.observation.x, binary.grid)
    time = np.arange(strain.shape[-1]) / RATE - (binary.grid.duration - 2.0)
    shown = (time > SHOWN[0]) & (time < SHOWN[1])
    figure = plt.figure(figsize=(7.6, 4.2), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(2.1, 1))
    above = None
    for k, name in enumerate(binary.options["detectors"]):
        axis = above = figure.add_subplot(grid[k, 0], sharex=above, sharey=above)
        low, high = np.quantile(signals[:, k, shown], [0.05, 0.95], axis=0)
        axis.plot(1e3 * time[shown], strain[k, shown], color="0.65", lw=0.9, label="strain")
        axis.fill_between(
            1e3 * time[shown], low, high, color="C0", alpha=0.85, lw=0, label="signal, 90 %"
        )
        axis.set_ylabel(f"{name}  [noise σ]")
        axis.spines[["top", "right"]].set_visible(False)
        if k == 0:
            axis.legend(frameon=False, loc="upper left", ncols=2, handlelength=1.4)
            axis.tick_params(labelbottom=False)
    axis.set_xlabel("time after the trigger  [ms]")
    for k, (first, second, label, other) in enumerate(PANELS):
        axis = figure.add_subplot(grid[k, 1])
        counts, x, y = np.histogram2d(values[first], values[second], bins=26)
        smooth = np.pad(counts, 1)
        smooth = sum(
            a * b * np.roll(smooth, (i, j), (0, 1))
            for i, a in ((-1, 0.25), (0, 0.5), (1, 0.25))
            for j, b in ((-1, 0.25), (0, 0.5), (1, 0.25))
        )[1:-1, 1:-1]
        centre = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
        edges = [*levels(smooth), smooth.max() * 1.01]
        axis.contourf(*centre, smooth.T, levels=edges, colors=["#a6c8e8", "#3a7fc1"])
        axis.set(xlabel=label, ylabel=other, ylim=(None, LIMITS[second]))
        axis.spines[["top", "right"]].set_visible(False)
        if k == 0:
            axis.set_title("50 % and 90 % of the posterior", fontsize="small")
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main(sys.argv[1])
