"""Simulations a second of the benchmark's tasks on one core, written as a table beside this file.

Run ``python tests/benchmarks/ode_throughput.py``.  The tasks with differential equations are solved
by scipy in the same run, one parameter vector after the other, at tolerances that leave the same
error.  Times are CPU times on one thread, best of three, so that other processes matter little.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numpy as np
import scipy
from scipy.integrate import solve_ivp
from threadpoolctl import threadpool_limits

from sbiwb.registry import build_simulator
from sbiwb.rng import stream
from sbiwb.simulators.benchmark import _ode, lotka_volterra, sir
from sbiwb.simulators.benchmark.reference import TASKS

MANY, FEW = 5000, 30
SYSTEMS = {"sir": sir, "lotka_volterra": lotka_volterra}


def rate(function, count):
    """Calls a second of CPU time, best of three, of a function that makes `count` of them."""
    best = 0.0
    for _ in range(3):
        start = time.process_time()
        function()
        best = max(best, count / (time.process_time() - start))
    return best


def by_scipy(module, theta, tolerance, method):
    """Solutions of all rows, by scipy; shape (n, times, components)."""
    times = module.DAYS
    return np.stack(
        [
            solve_ivp(
                lambda _t, y, point=point: module.rate(y, point),
                (0.0, times[-1]),
                module.START,
                method=method,
                t_eval=times,
                rtol=tolerance,
                atol=tolerance,
            ).y.T
            for point in theta
        ]
    )


def compare(name):
    """One line a solver: simulations a second and the largest error in the logarithm."""
    module = SYSTEMS[name]
    task = build_simulator(f"benchmark.{name}")
    theta = task.prior.sample(MANY, stream(0, name))
    exact = by_scipy(module, theta[:FEW], 1e-12, "DOP853")

    def ours(rows):
        y = _ode.solve(module.rate, module.START, module.DAYS, rows, module.TOLERANCE)
        return np.moveaxis(y, 2, 0)

    rows = [("this package, all at once", rate(lambda: ours(theta), MANY), ours(theta[:FEW]))]
    for method, tolerance in (("RK45", 1e-9), ("LSODA", 1e-9)):
        rows.append(
            (
                f"scipy {method}, one by one",
                rate(lambda m=method, t=tolerance: by_scipy(module, theta[:FEW], t, m), FEW),
                by_scipy(module, theta[:FEW], tolerance, method),
            )
        )
    return [(label, speed, np.abs(y - exact).max()) for label, speed, y in rows]


def main():
    with threadpool_limits(1):
        lines = [
            "<!-- Made by python tests/benchmarks/ode_throughput.py -->",
            "# Benchmark tasks: simulations a second on one core",
            "",
            f"CPU time on one thread, best of three, {MANY:,} at once; Python "
            f"{platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}.",
            "",
            "| task | simulations | likelihoods of one x |",
            "|---|---:|---:|",
        ]
        for name in TASKS:
            task = build_simulator(f"benchmark.{name}")
            theta, x = task.prior.sample(MANY, stream(0, name)), task.default_observation().x
            speeds = (
                rate(lambda t=task, at=theta: t.simulate(at, stream(1, "x")), MANY),
                rate(lambda t=task, at=theta, x=x: t.log_likelihood(at, x), MANY),
            )
            lines.append(
                f"| {name} | " + " | ".join(f"{float(f'{s:.2g}'):,.0f}" for s in speeds) + " |"
            )
        lines += [
            "",
            "## Differential equations beside scipy",
            "",
            "Errors are the largest in a logarithm over thirty draws of the prior.",
            "",
            "| task | solver | solutions a second | error |",
            "|---|---|---:|---:|",
        ]
        for name in SYSTEMS:
            for label, speed, error in compare(name):
                lines.append(f"| {name} | {label} | {float(f'{speed:.2g}'):,.0f} | {error:.0e} |")
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
