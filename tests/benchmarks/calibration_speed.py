"""What calibration costs: sampling 1,000 posteriors, and the checks of them, beside sbi.

Run ``python tests/benchmarks/calibration_speed.py``; the table is written beside this file.  CPU
times on one thread, so that other processes hardly change the ratios.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import sbi
import torch
from sbi.inference import NPE

import sbiwb
from sbiwb.rng import stream
from sbiwb.simulators.benchmark.gaussian import Gaussian

POSTERIORS, BUDGET, DRAWS = 1000, 2000, 200  # as many draws as sbiwb.check makes
DIMENSIONS = 2, 5, 10
DIM = 10  # of the sets that are checked
LOOPED = 50
"""Posteriors that a loop draws: they are all alike, and a thousand take a minute."""


def seconds(function, repeats=3):
    """CPU seconds, the least of a few, and what the function gave."""
    best, value = np.inf, None
    for _ in range(repeats):
        start = time.process_time()
        value = function()
        best = min(best, time.process_time() - start)
    return best, value


def by_sbi(simulator):
    """sbi's default network: speed does not depend on how long it was trained."""
    theta = simulator.prior.sample(BUDGET, stream(0, "train"))
    x = simulator.simulate(theta, stream(0, "train x"))
    d = simulator.prior.dim
    prior = torch.distributions.MultivariateNormal(torch.zeros(d), torch.eye(d))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = NPE(prior, show_progress_bars=False)
        trainer.append_simulations(*(torch.as_tensor(a, dtype=torch.float32) for a in (theta, x)))
        trainer.train(max_num_epochs=2)
    return trainer.build_posterior()


def sampling(d):
    """What samples 1,000 posteriors of d parameters → CPU seconds."""
    simulator = Gaussian(dim=d)
    x = simulator.simulate(simulator.prior.sample(POSTERIORS, stream(0, "theta")), stream(0, "x"))
    tensor = torch.as_tensor(x, dtype=torch.float32)
    posterior = by_sbi(simulator)

    def looped():
        for row in tensor[:LOOPED]:
            posterior.sample((DRAWS,), x=row, show_progress_bars=False)

    def batched():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it draws in smaller batches
            posterior.sample_batched((DRAWS,), x=tensor, show_progress_bars=False)

    rows = {
        "sbi's default flow, a loop over observations": POSTERIORS / LOOPED * seconds(looped)[0],
        "sbi's default flow, `sample_batched`": seconds(batched, 1)[0],
    }
    problem = sbiwb.problem(simulator, observation=x[0])
    for flow in ("mixture", "maf"):
        learned = sbiwb.infer(problem, "npe", budget=BUDGET, flow=flow, steps=20, draws=10).learned
        name = f"`npe` batched, flow `{flow}`" + (", the default" if flow == "mixture" else "")
        rows[name] = seconds(partial(learned.sample, DRAWS, x, stream(0, "all")), 1)[0]
    return rows


def checks():
    """Rows of the second table: CPU seconds of each check, of exact draws."""
    rng = np.random.default_rng(1)
    theta = rng.standard_normal((1000, DIM))
    x = theta + 0.5 * rng.standard_normal((1000, DIM))
    samples = x / 1.25 + np.sqrt(0.2) * rng.standard_normal((1000, 1000, DIM))
    functions = {
        "tarp": lambda: sbiwb.tarp(theta, samples, x),
        "sbc": lambda: sbiwb.sbc(theta, samples),
        "expected_coverage": lambda: sbiwb.expected_coverage(theta, samples),
        "correlations": lambda: sbiwb.correlations(theta, samples),
        "lc2st": lambda: sbiwb.lc2st(theta, samples, samples[:, 0], x, x[0]),
        "power": lambda: sbiwb.power(theta, samples),
        "sharpness": lambda: sbiwb.sharpness(theta, samples),
    }
    return {name: seconds(function)[0] for name, function in functions.items()}


def main():
    torch.set_num_threads(1)
    checked, sampled = checks(), {d: sampling(d) for d in DIMENSIONS}
    versions = (
        f"Python {platform.python_version()}, NumPy {np.__version__}, Torch {torch.__version__}, "
        f"sbi {sbi.__version__}"
    )
    lines = [
        "<!-- Made by python tests/benchmarks/calibration_speed.py -->",
        "# Calibration: what it costs",
        "",
        f"CPU seconds on one thread; {versions}.",
        "",
        f"## Sampling {POSTERIORS:,} posteriors from an amortised network, {DRAWS} draws each",
        "",
        f"The loop over observations draws {LOOPED} posteriors, and its time is scaled. In",
        "brackets: how many times faster than that loop.",
        "",
        "| | " + " | ".join(f"{d} parameters" for d in sampled) + " |",
        "|---|" + "---:|" * len(sampled),
    ]
    for name in sampled[DIM]:
        times = [(rows[name], next(iter(rows.values()))) for rows in sampled.values()]
        cells = " | ".join(f"{t:.2g} ({loop / t:.2g} ×)" for t, loop in times)
        lines.append(f"| {name} | {cells} |")
    three = sum(checked[name] for name in ("tarp", "sbc", "expected_coverage"))
    lines += [
        "",
        f"## Checks of 1,000 calibration sets × 1,000 draws × {DIM} parameters",
        "",
        "| check | seconds |",
        "|---|---:|",
        *(f"| `{name}` | {t:.2g} |" for name, t in checked.items()),
        f"| `tarp`, `sbc` and `expected_coverage` together | {three:.2g} |",
        f"| all | {sum(checked.values()):.2g} |",
    ]
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
