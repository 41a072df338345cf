"""Solves a second of the battery simulators beside PyBaMM's own, as a table beside this file.

Run ``python tests/benchmarks/battery_throughput.py``.  What is compared is timed in turns, several
times, and the median of the ratios is given: so another process on the machine changes them little.
Solves in one process are timed in CPU time, those in child processes by the wall clock.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numpy as np
import pybamm

import sbiwb
from sbiwb.execute import Execution, running
from sbiwb.rng import stream
from sbiwb.simulators.battery.cell import ATOL, RTOL
from sbiwb.simulators.battery.dfn import DFN
from sbiwb.simulators.battery.spm import SPM
from sbiwb.simulators.battery.spme import SPMe

TURNS, SOLVES = 5, 20
GUARDED_TURNS, GUARDED_SOLVES = 3, 100


def pybamm_resolve(kind, times):
    """A function of two multipliers that solves again as PyBaMM's user guide does."""
    values = pybamm.ParameterValues("Chen2020")
    exchange = values["Negative electrode exchange-current density [A.m-2]"]
    diffusivity = values["Positive particle diffusivity [m2.s-1]"]
    values.update(
        {
            "Negative electrode exchange-current density [A.m-2]": lambda *a: (
                pybamm.InputParameter("j0_n") * exchange(*a)
            ),
            "Positive particle diffusivity [m2.s-1]": pybamm.InputParameter("D_p") * diffusivity,
            "Current function [A]": 10.0,
        }
    )
    simulation = pybamm.Simulation(
        getattr(pybamm.lithium_ion, kind.model)(),
        parameter_values=values,
        solver=pybamm.IDAKLUSolver(rtol=RTOL, atol=ATOL, output_variables=["Voltage [V]"]),
    )

    def solve(theta):
        for j0_n, d_p in theta:
            solution = simulation.solve(
                [0, times[-1]], t_interp=times, inputs={"j0_n": j0_n, "D_p": d_p}
            )
            assert len(solution["Voltage [V]"].entries) > len(times)

    return solve


def one_process(kind):
    """Milliseconds of CPU a solve: PyBaMM's, ours with noise, and ours with the likelihood."""
    simulator = kind()
    solve = pybamm_resolve(kind, simulator.times)
    x = simulator.simulate(np.array([[1.4, 3.5]]), stream(1, "x"))[0]
    ways = (
        solve,
        lambda theta: simulator.simulate(theta, stream(1, "noise")),
        lambda theta: simulator.log_likelihood(theta, x),
    )
    spent = np.empty((TURNS + 1, len(ways)))
    for turn in range(TURNS + 1):
        theta = simulator.prior.sample(SOLVES, stream(1, "theta", turn))
        for k, way in enumerate(ways):
            start = time.process_time()
            way(theta)
            spent[turn, k] = time.process_time() - start
    return spent[1:] / SOLVES * 1e3  # the first turn warms up


def guarded(kind):
    """Seconds for the same simulations with one worker and with two, in turns."""
    simulator = kind()
    spent = np.empty((GUARDED_TURNS + 1, 2))
    n = GUARDED_SOLVES
    with (
        running(Execution("local", workers=1)) as one,
        running(Execution("local", workers=2)) as two,
    ):
        for turn in range(GUARDED_TURNS + 1):
            for k, execution in enumerate((one, two)):
                start = time.perf_counter()
                sbiwb.simulate(simulator, simulator.prior, n, seed=turn, execution=execution)
                spent[turn, k] = time.perf_counter() - start
    return spent[1:]  # in the first turn every worker builds its model


def main():
    """Measure and write the table."""
    lines = [
        "<!-- Made by python tests/benchmarks/battery_throughput.py -->",
        "# Battery models: milliseconds a solve",
        "",
        "100 voltages of a 2C discharge, two inputs, tolerances "
        f"{RTOL:g} and {ATOL:g}; median of {TURNS} turns of {SOLVES} solves, CPU time on one "
        f"thread; Python {platform.python_version()}, PyBaMM {pybamm.__version__}.",
        "",
        "| | PyBaMM's own re-solve | simulation with noise | likelihood | simulation / PyBaMM |",
        "|---|---:|---:|---:|---:|",
    ]
    for kind in (SPM, SPMe, DFN):
        spent = one_process(kind)
        ratio = np.median(spent[:, 1] / spent[:, 0])
        cells = [f"{v:.2f}" for v in np.median(spent, axis=0)]
        lines.append(f"| {kind.model} | {' | '.join(cells)} | {ratio:.2f} |")
        print(lines[-1], flush=True)
    spent = guarded(DFN)
    ratio = spent[:, 0] / spent[:, 1]
    lines += [
        "",
        f"DFN in guard processes, {GUARDED_SOLVES} simulations by the wall clock, {GUARDED_TURNS} "
        f"turns: one worker {np.median(spent[:, 0]):.1f} s, two workers "
        f"{np.median(spent[:, 1]):.1f} s; {np.median(ratio):.2f} times as fast with two (from "
        f"{ratio.min():.2f} to {ratio.max():.2f}).",
    ]
    print(lines[-1])
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
