"""Seconds a solve of Fisher–Kolmogorov growth: the compiled kernel beside NumPy and Torch.

Run ``python tests/benchmarks/tumour_throughput.py``; the table is written beside this file.  All
do the same 200 explicit steps on one thread.  Times are CPU times, the best of several taken in
turns, so that other processes on the machine change all of them alike.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numba
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from sbiwb.simulators.tumour.anatomy import brain
from sbiwb.simulators.tumour.fisher_kolmogorov import FisherKolmogorov
from sbiwb.simulators.tumour.growth import Growth

STEPS, ROUNDS = 200, 7
MU1, MU2, ORIGIN = 0.9, 2.6, (2.9, -2.1, 2.2)
GRIDS = {
    "slice, 4 mm": {"spacing_mm": 4, "slice_mm": 20.0},
    "slice, 2 mm": {"spacing_mm": 2, "slice_mm": 20.0},
    "brain, 4 mm": {"spacing_mm": 4},
    "brain, 2 mm": {"spacing_mm": 2},
}


def plainly(c, faces, diffusion, growth, xp):
    """The same steps as whole-array operations of `xp`."""
    rise = float(np.expm1(growth))
    for _ in range(STEPS):
        change = xp.zeros_like(c)
        for axis, face in enumerate(faces):
            if c.shape[axis] < 2:
                continue
            low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(c.ndim))
            high = tuple(slice(1, None) if a == axis else slice(None) for a in range(c.ndim))
            flow = face[low] * (c[high] - c[low])
            change[low] += flow
            change[high] -= flow
        c = c + diffusion * change
        c = c + rise * c * (1 - c) / (1 + rise * c)
    return c


def measure(options):
    """CPU seconds of each way, best of `ROUNDS`, and the largest difference between them."""
    anatomy = brain(**options)
    solver = Growth(anatomy)
    origin = np.array([ORIGIN[: anatomy.tissue.ndim]])
    mu1, mu2 = np.array([MU1]), np.array([MU2])
    start = solver.start(origin)
    shape = anatomy.shape if anatomy.tissue.ndim == 3 else (3, *anatomy.shape)
    faces = [face.reshape(shape) for face in solver._geometry[:3]]
    field = start[0]
    if anatomy.tissue.ndim == 2:
        faces = [face[1:2] for face in faces]
        field = field[np.newaxis]
    tensors = [torch.tensor(face) for face in faces]
    share = MU1**2 / STEPS, MU2**2 / STEPS
    ways = {
        "compiled": lambda: solver.advance(start, mu1, mu2, STEPS)[0],
        "NumPy": lambda: plainly(field, faces, *share, np),
        "Torch": lambda: plainly(torch.tensor(field), tensors, *share, torch).numpy(),
    }
    ends = {name: way().reshape(anatomy.shape) for name, way in ways.items()}
    worst = max(float(np.abs(end - ends["NumPy"]).max()) for end in ends.values())
    best = dict.fromkeys(ways, np.inf)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            way()
            best[name] = min(best[name], time.process_time() - began)
    return best, worst, int(solver.steps(mu1, mu2)[0])


def likelihood(dimensions):
    """CPU seconds of one exact log-likelihood at the synthetic truth, best of `ROUNDS`."""
    simulator = FisherKolmogorov(dimensions=dimensions)
    x, theta = simulator.default_observation().x, np.array([simulator.truth()])
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        simulator.log_likelihood(theta, x)
        times.append(time.process_time() - began)
    return min(times)


def main():
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = {name: measure(options) for name, options in GRIDS.items()}
        whole = {d: likelihood(d) for d in (2, 3)}
    lines = [
        "<!-- Made by python tests/benchmarks/tumour_throughput.py -->",
        "# Fisher–Kolmogorov growth: milliseconds of a solve of 200 steps on one core",
        "",
        f"CPU time on one thread, best of {ROUNDS}, all ways in turns; Python "
        f"{platform.python_version()}, NumPy {np.__version__}, numba {numba.__version__}, Torch "
        f"{torch.__version__}.",
        "",
        "| grid | compiled | NumPy | Torch | NumPy / compiled | largest difference in c |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, (best, worst, _) in rows.items():
        figures = " | ".join(f"{1e3 * best[way]:.3g}" for way in ("compiled", "NumPy", "Torch"))
        ratio = best["NumPy"] / best["compiled"]
        lines.append(f"| {name} | {figures} | {ratio:.1f} | {worst:.0e} |")
    lines += [
        "",
        f"At the synthetic truth a tumour needs {rows['brain, 4 mm'][2]} steps at 4 mm; one exact "
        f"log-likelihood then takes {1e3 * whole[2]:.2g} ms in the slice and {1e3 * whole[3]:.2g} "
        "ms in the brain.",
    ]
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
