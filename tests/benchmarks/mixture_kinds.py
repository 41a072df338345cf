"""Members of a mixture with layers of their own, with shared ones, and of both kinds, by density.

Run ``python tests/benchmarks/mixture_kinds.py``; it takes some ten minutes, less with
``--estimators`` or ``--budgets``.  No observation is looked at: networks are judged by 4,000 other
simulations.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from posterior_densities import problems

import sbiwb
from sbiwb.estimators.nle import NLE, NLEOptions, dequantised
from sbiwb.estimators.npe import NPE, NPEOptions
from sbiwb.progress import QUIET

MEMBERS = {"separate": [4, 0], "shared": [0, 4], "both": [4, 4]}
HELD_OUT = 4000


def of(options_type, members):
    """The default options, for so many members of each kind."""

    class Of(options_type):
        def recipe(self, estimator, target, condition):
            return {**super().recipe(estimator, target, condition), "members": members}

    return Of()


def measured(problem, estimator, budget, members):
    """Mean log density of held-out pairs, and CPU seconds of training."""
    training = sbiwb.simulate(problem.simulator, problem.prior, budget, seed=1, progress=QUIET)
    held = sbiwb.simulate(problem.simulator, problem.prior, HELD_OUT, seed=2, progress=QUIET)
    held = held.select(held.valid)
    began = time.process_time()
    if estimator == "npe":
        learned = NPE().train(training, problem.prior, of(NPEOptions, members), 1, QUIET)
        seconds = time.process_time() - began
        density = learned.log_prob(held.theta, held.x)
    else:
        learned = NLE().train(training, problem.prior, of(NLEOptions, members), 1, QUIET)
        seconds = time.process_time() - began
        density = learned.log_likelihood(held.theta, dequantised(held.x, 2))
    return np.mean(density), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--estimators", nargs="+", default=["npe", "nle"], choices=["npe", "nle"])
    parser.add_argument("--budgets", nargs="+", type=int, default=[1000, 10_000])
    given = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        "<!-- Made by python tests/benchmarks/mixture_kinds.py -->",
        "# Members with layers of their own, with shared ones, and both",
        "",
        f"Mean log density of {HELD_OUT:,} held-out simulations (of the parameters for npe, of the",
        "data for nle), one seed; in brackets CPU seconds of training on one thread.",
        "",
        f"| problem | | simulations | {' | '.join(MEMBERS)} |",
        "|---|---|---:|" + "---:|" * len(MEMBERS),
    ]
    for name, problem in problems():
        for estimator in given.estimators:
            for budget in given.budgets:
                cells = [measured(problem, estimator, budget, m) for m in MEMBERS.values()]
                text = " | ".join(f"{value:.2f} ({seconds:.0f})" for value, seconds in cells)
                lines.append(f"| {name} | {estimator} | {budget:,} | {text} |")
                print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
