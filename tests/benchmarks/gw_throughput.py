"""Time of a simulation and a likelihood of `gw.compact_binary` beside the bare waveform.

python tests/benchmarks/gw_throughput.py
"""

from __future__ import annotations

import platform
import time
from importlib.metadata import version
from pathlib import Path

import lal
import lalsimulation
import numpy as np
from threadpoolctl import threadpool_limits

from sbiwb.simulators.gw.compact_binary import CompactBinary

ROWS, REPEATS = 128, 9
F_MAX = 1024.0  # 4 s at 2048 Hz


def bare(theta):
    """IMRPhenomD's two polarisations by lalsimulation's general function, row by row."""
    for chirp_mass, q, chi_1, chi_2, distance, iota, _, phase, *_ in theta.tolist():
        m1 = chirp_mass * (1 + q) ** 0.2 / q**0.6
        lalsimulation.SimInspiralChooseFDWaveform(
            m1 * lal.MSUN_SI, m1 * q * lal.MSUN_SI, 0.0, 0.0, chi_1, 0.0, 0.0, chi_2,
            distance * 1e6 * lal.PC_SI, iota, phase, 0.0, 0.0, 0.0, 0.25, 20.0, F_MAX, 20.0,
            None, lalsimulation.IMRPhenomD,
        )  # fmt: skip


def main():
    """Measure, print and write the table beside this file."""
    binary = CompactBinary(f_max=F_MAX)
    theta = binary.prior.sample(ROWS, np.random.default_rng(0))
    x = binary.default_observation().x
    rng = np.random.default_rng(1)
    tasks = {
        "bare waveform (two polarisations)": lambda: bare(theta),
        "simulate: waveform, two detectors, whitening, noise": lambda: binary.simulate(theta, rng),
        "noise-free mean: waveform, two detectors, whitening": lambda: binary.mean(theta),
        "log-likelihood": lambda: binary.log_likelihood(theta, x),
    }
    best = dict.fromkeys(tasks, np.inf)
    with threadpool_limits(1):
        for _ in range(REPEATS):  # in turn, so that a change of the clock hits all alike
            for name, task in tasks.items():
                began = time.process_time()
                task()
                best[name] = min(best[name], (time.process_time() - began) / ROWS)
    reference = best["bare waveform (two polarisations)"]
    lines = [
        "<!-- Made by python tests/benchmarks/gw_throughput.py -->",
        "# Compact binary: time of one simulation beside the bare waveform",
        "",
        f"4 s, 20 to {F_MAX:.0f} Hz, H1 and L1. CPU time on one thread, best of {REPEATS}; "
        f"Python {platform.python_version()}, NumPy {np.__version__}, lalsuite "
        f"{version('lalsuite')}.",
        "",
        "| | ms | relative to the bare waveform |",
        "|---|---:|---:|",
    ]
    lines += [f"| {n} | {1e3 * t:.2f} | {t / reference:.2f} |" for n, t in best.items()]
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
