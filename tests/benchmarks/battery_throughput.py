"""Solves a second of the battery simulators beside PyBaMM's own, as a table beside this file.

Run ``python tests/benchmarks/battery_throughput.py``.  What is compared is timed in turns, several
times, and the median of the ratios is given: so another process on the machine changes them little.
Solves in one process are timed in CPU time, those in child processes by the wall clock.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
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
GUARDED_TURNS, GUARDED_SOLVES = 5, 200


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


def bare(theta_file):
    """Build, say so, wait for a line, solve with bare PyBaMM and say so: for `side_by_side`."""
    theta = np.load(theta_file)
    solve = pybamm_resolve(DFN, DFN().times)
    solve(theta[:2])
    for word in ("ready", "done"):
        print(word, flush=True)
        if word == "ready":
            sys.stdin.readline()
            solve(theta)


def side_by_side(theta, processes):
    """Seconds for rows of theta (n, 2), shared out to so many processes of bare PyBaMM."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        children = []
        for k in range(processes):
            file = Path(folder) / f"{k}.npy"
            np.save(file, theta[k::processes])
            command = [sys.executable, __file__, "--bare", str(file)]
            pipe = subprocess.PIPE
            child = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, text=True, start_new_session=True
            )
            children.append(stack.enter_context(child))
        for child in children:
            assert child.stdout.readline() == "ready\n"
        start = time.perf_counter()
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in children:
            assert child.stdout.readline() == "done\n"
        return time.perf_counter() - start


def guarded(kind):
    """Seconds for the same solves: one and two workers, one and two bare processes, in turns."""
    simulator = kind()
    spent = np.empty((GUARDED_TURNS + 1, 4))
    with (
        running(Execution("local", workers=1)) as one,
        running(Execution("local", workers=2)) as two,
    ):
        for turn in range(GUARDED_TURNS + 1):
            n = GUARDED_SOLVES if turn else 40  # in the first turn every worker builds its model
            for k, execution in enumerate((one, two)):
                start = time.perf_counter()
                made = sbiwb.simulate(simulator, simulator.prior, n, seed=turn, execution=execution)
                spent[turn, k] = time.perf_counter() - start
            for k in (1, 2):
                spent[turn, 1 + k] = side_by_side(made.theta, k)
            print(f"turn {turn}: {np.round(spent[turn], 2)} s", flush=True)
    return spent[1:]


def _spread(ratio):
    return f"{np.median(ratio):.2f} ({ratio.min():.2f}–{ratio.max():.2f})"


def main():
    """Measure and write the table."""
    load, cores = os.getloadavg()[0], os.cpu_count()
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
    ours, ceiling = spent[:, 0] / spent[:, 1], spent[:, 2] / spent[:, 3]
    one, two, bare_one, bare_two = np.median(spent, axis=0)
    lines += [
        "",
        f"{GUARDED_SOLVES} solves of the DFN by the wall clock, median of {GUARDED_TURNS} turns; "
        "the same parameter vectors, and models that are built:",
        "",
        "| | one process | two processes | times as fast with two |",
        "|---|---:|---:|---:|",
        f"| simulations in guard processes | {one:.1f} s | {two:.1f} s | {_spread(ours)} |",
        f"| bare PyBaMM, the ceiling of the machine | {bare_one:.1f} s | {bare_two:.1f} s "
        f"| {_spread(ceiling)} |",
        "",
        f"{cores} cores, with a load of {load:.1f} by other work when this began: the ceiling is 2 "
        "on an idle machine, and both rows are to be compared in one run.",
        "",
        "Smaller sets gain less: workers take blocks of 10, and one ends up to a block early.",
    ]
    print("\n".join(lines[-9:]))
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        bare(sys.argv[2])
    else:
        main()
