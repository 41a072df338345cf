"""Learned posteriors over a line and over a polynomial, by density: held-out log q, as a table.

Run ``python tests/benchmarks/posterior_densities.py``; it takes some minutes.  No observation is
looked at: 10,000 simulations to learn from, and 4,000 others to judge by.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import sbiwb
from sbiwb.estimators import _residuals
from sbiwb.estimators._regression import MAX_DEGREE
from sbiwb.estimators.npe import NPE, NPEOptions
from sbiwb.progress import QUIET

TASKS = "two_moons", "slcp", "bernoulli_glm", "sir", "lotka_volterra", "gaussian_linear_uniform"
DEGREES = {"line": 1, "polynomial": MAX_DEGREE}


def problems():
    """Each problem by the name that the table gives it."""
    for task in TASKS:
        yield task, sbiwb.problem(f"benchmark.{task}")
    options = {"data": ["desi_dr2"], "model": "w0wacdm"}
    yield "DESI DR2, w0waCDM", sbiwb.problem("cosmology.background", **options)


def measured(problem, degree):
    """Mean log q of held-out pairs, with a regression of at most some degree under the network."""
    training = sbiwb.simulate(problem.simulator, problem.prior, 10_000, seed=1, progress=QUIET)
    held = sbiwb.simulate(problem.simulator, problem.prior, 4000, seed=2, progress=QUIET)
    held = held.select(held.valid)
    _residuals.MAX_DEGREE = degree
    learned = NPE().train(training, problem.prior, NPEOptions(), 1, QUIET)
    return float(np.mean(learned.log_prob(held.theta, held.x)))


def main():
    torch.set_num_threads(1)
    lines = [
        "<!-- Made by python tests/benchmarks/posterior_densities.py -->",
        "# A line or a polynomial under the network of npe",
        "",
        "Mean log q of 4,000 held-out pairs after 10,000 simulations, one seed.",
        "",
        f"| problem | {' | '.join(DEGREES)} |",
        "|---|" + "---:|" * len(DEGREES),
    ]
    for name, problem in problems():
        values = [measured(problem, degree) for degree in DEGREES.values()]
        lines.append(f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} |")
        text = "\n".join(lines) + "\n"
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
        print(lines[-1], flush=True)


if __name__ == "__main__":
    main()
