"""Learned likelihoods of sbibm's tasks, by density: held-out log-likelihood and time, as a table.

Run ``python tests/benchmarks/nle_densities.py``; it takes some minutes.  No observation is looked
at: 5,000 simulations to learn from, and 2,000 others to judge by.  Where rounds follow the
posterior, the regression under the network is not judged against one of second degree.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

import sbiwb
from sbiwb.estimators.nle import NLE, NLEOptions
from sbiwb.progress import QUIET
from sbiwb.registry import build_simulator

TASKS = "two_moons", "slcp", "gaussian_mixture", "gaussian_linear", "sir", "lotka_volterra"
DENSITIES = {
    "mixture, 1 member of each kind": {"members": 1},
    "mixture, 4 members of each kind": {},
    "the same, following the posterior": {"proposal": "posterior"},
    "maf": {"flow": "maf"},
}
CHAINS = 64


def measured(simulator, options):
    """Mean held-out log-likelihood, CPU seconds of training, and CPU milliseconds of a call."""
    training = sbiwb.simulate(simulator, simulator.prior, 5000, seed=1, progress=QUIET)
    held = sbiwb.simulate(simulator, simulator.prior, 2000, seed=2, progress=QUIET)
    held = held.select(held.valid)
    began = time.process_time()
    learned = NLE().train(training, simulator.prior, NLEOptions(**options), 1, QUIET)
    trained = time.process_time()
    for _ in range(50):
        learned.log_likelihood(held.theta[:CHAINS], held.x[:CHAINS])
    called = time.process_time()
    value = learned.log_likelihood(held.theta, held.x)
    return np.mean(value), trained - began, 1e3 * (called - trained) / 50


def main():
    torch.set_num_threads(1)
    lines = [
        "<!-- Made by python tests/benchmarks/nle_densities.py -->",
        "# Densities for learned likelihoods, on sbibm's tasks",
        "",
        "Mean log-likelihood of 2,000 held-out simulations after 5,000; CPU time on one thread,",
        f"of training and of a call with {CHAINS} rows.",
        "",
        "| task | density | held-out log-likelihood | training / s | a call / ms |",
        "|---|---|---:|---:|---:|",
    ]
    for task in TASKS:
        simulator = build_simulator(f"benchmark.{task}")
        for name, options in DENSITIES.items():
            value, seconds, call = measured(simulator, options)
            lines.append(f"| {task} | {name} | {value:.3f} | {seconds:.0f} | {call:.2f} |")
            print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
