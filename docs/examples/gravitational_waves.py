"""Whitened strain of GW150914 (or of a simulated event) in each detector, and a waveform that fits.

python docs/examples/gravitational_waves.py docs/images/gravitational_waves.png gw150914
"""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np

mpl.use("agg")
import matplotlib.pyplot as plt

import sbiwb
from sbiwb.simulators.gw.compact_binary import INJECTION

# A maximum of the likelihood of GW150914, found by climbing from draws of the prior: ln L is 279
# above that of noise alone.
FITTED = {
    "chirp_mass": 29.4578,
    "mass_ratio": 1.0,
    "chi_1": -0.0565,
    "chi_2": -0.2623,
    "luminosity_distance": 368.42,
    "theta_jn": 2.7969,
    "psi": 0.0708,
    "phase": 4.6005,
    "t_c": 0.0190,
    "ra": 1.049,
    "dec": -1.1213,
}
RATE = 2048.0
BEFORE, AFTER = 0.16, 0.06  # seconds shown


def time_series(x, grid):
    """Whitened strain as a function of time; unit is the noise's standard deviation in the band."""
    spectrum = np.zeros(int(RATE * grid.duration / 2) + 1, dtype=complex)
    spectrum[grid.first : grid.stop] = x[:, 0] + 1j * x[:, 1]
    series = np.fft.irfft(spectrum) * len(spectrum)
    # Noise of unit variance in 2n real numbers becomes one of standard deviation √n in time.
    return series / np.sqrt(len(grid))


def main(path, data):
    """Draw the figure."""
    problem = sbiwb.problem("gw.compact_binary", data=data)
    binary = problem.simulator
    values = FITTED if data == "gw150914" else INJECTION
    theta = np.array([[values[name] for name in problem.prior.names]])
    fit, after = binary.mean(theta)[0], binary.grid.duration - 2.0
    time = np.arange(int(RATE * binary.grid.duration)) / RATE - after
    shown = (time > values["t_c"] - BEFORE) & (time < values["t_c"] + AFTER)
    names = binary.options["detectors"]
    figure, axes = plt.subplots(len(names), 1, figsize=(6.4, 4.2), sharex=True, sharey=True)
    for axis, name, strain, signal in zip(axes, names, problem.observation.x, fit, strict=True):
        axis.plot(1e3 * time[shown], time_series(strain, binary.grid)[shown], color="0.6", lw=1.0)
        axis.plot(1e3 * time[shown], time_series(signal, binary.grid)[shown], color="C0", lw=1.6)
        axis.set_ylabel(f"{name}  [noise σ]")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(["whitened strain", "IMRPhenomD"], frameon=False, loc="upper left", ncols=2)
    axes[0].set_title(f"{problem.observation.name}, signal-to-noise {binary.snr(theta)[0]:.1f}")
    axes[-1].set_xlabel("time after the trigger [ms]")
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "simulated")
