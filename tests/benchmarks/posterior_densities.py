"""What choices under the network of npe are worth, by density: held-out log q, as a table.

Run ``python tests/benchmarks/posterior_densities.py``; it takes some minutes.  No observation is
looked at: simulations to learn from, and 4,000 others to judge by.  Columns are `npe` as it is, and
with one thing changed: a polynomial in place of a line; data whitened and no more, in place of
scaled by what they tell; one learning rate for small and large batches; twice the rate for all.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

import sbiwb
from sbiwb.estimators import _coordinates, _mixture, _residuals
from sbiwb.estimators._regression import MAX_DEGREE
from sbiwb.estimators.npe import NPE, NPEOptions
from sbiwb.progress import QUIET

TASKS = "two_moons", "slcp", "bernoulli_glm", "sir", "lotka_volterra", "gaussian_linear_uniform"
BUDGETS = 1000, 10_000


def white(_theta, x, _seed):
    """In place of `by_strength`: nothing is scaled."""
    return np.eye(x.shape[1])


CHANGES = {
    "as it is": nullcontext(),
    "polynomial": patch.object(_residuals, "MAX_DEGREE", MAX_DEGREE),
    "white": patch.object(_coordinates, "by_strength", white),
    "one rate": patch.object(_mixture, "RISING", 0.0),
    "twice": patch.object(_mixture, "LEAST_BATCH", _mixture.LEAST_BATCH / 8),
}


def problems():
    """Each problem by the name that the table gives it."""
    for task in TASKS:
        yield task, sbiwb.problem(f"benchmark.{task}")
    options = {"data": ["desi_dr2"], "model": "w0wacdm"}
    yield "DESI DR2, w0waCDM", sbiwb.problem("cosmology.background", **options)


def measured(problem, budget, held, change):
    """Mean log q of held-out pairs."""
    training = sbiwb.simulate(problem.simulator, problem.prior, budget, seed=1, progress=QUIET)
    with change:
        learned = NPE().train(training, problem.prior, NPEOptions(), 1, QUIET)
    return float(np.mean(learned.log_prob(held.theta, held.x)))


def main():
    torch.set_num_threads(1)
    lines = [
        "<!-- Made by python tests/benchmarks/posterior_densities.py -->",
        "# npe as it is, and with one thing changed",
        "",
        "Mean log q of 4,000 held-out pairs, one seed. Polynomial: in place of a line under the",
        "network. White: directions of the data are not scaled by what they tell. One rate: 0.01",
        "for batches of any size. Twice: the rate, for batches of any size.",
        "",
        f"| problem | simulations | {' | '.join(CHANGES)} |",
        "|---|" + "---:|" * (1 + len(CHANGES)),
    ]
    for name, problem in problems():
        held = sbiwb.simulate(problem.simulator, problem.prior, 4000, seed=2, progress=QUIET)
        held = held.select(held.valid)
        for budget in BUDGETS:
            values = [measured(problem, budget, held, change) for change in CHANGES.values()]
            cells = " | ".join(f"{value:.2f}" for value in values)
            lines.append(f"| {name} | {budget:,} | {cells} |")
            text = "\n".join(lines) + "\n"
            Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
            print(lines[-1], flush=True)


if __name__ == "__main__":
    main()
