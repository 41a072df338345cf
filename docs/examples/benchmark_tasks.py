"""Figure of the how-to: reference posteriors of the benchmark tasks, two parameters of each.

Run ``python docs/examples/benchmark_tasks.py``; it writes docs/images/benchmark_tasks.png.  The
reference posteriors are downloaded, or found through ``SBIWB_DATA``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import sbiwb
from sbiwb.simulators.benchmark.reference import reference_posterior, true_parameters

# The two parameters that show most, the title, and how far the axes reach: all draws where modes
# lie apart, otherwise 99.8 % of them.
PANELS = {
    "gaussian_linear": (0, 1, "Gaussian linear", 0.001),
    "gaussian_linear_uniform": (0, 2, "Gaussian linear uniform", 0.0),
    "gaussian_mixture": (0, 1, "Gaussian mixture", 0.001),
    "two_moons": (0, 1, "Two moons", 0.0),
    "slcp": (2, 3, "SLCP, with distractors or without", 0.0),
    "bernoulli_glm": (2, 4, "Bernoulli GLM, raw or not", 0.001),
    "sir": (0, 1, "SIR", 0.001),
    "lotka_volterra": (0, 3, "Lotka–Volterra", 0.001),
}
DRAWS, TRUTH = "#0072B2", "#D55E00"


def panel(axes, task, number):
    """Draws of one reference posterior, and the parameters that the data came from."""
    i, j, title, tail = PANELS[task]
    parameters = sbiwb.problem(f"benchmark.{task}").prior.parameters
    draws, truth = reference_posterior(task, number), true_parameters(task, number)
    axes.plot(draws[:, i], draws[:, j], ".", ms=1.2, alpha=0.25, color=DRAWS, mew=0)
    axes.plot(truth[i], truth[j], "+", ms=9, mew=1.6, color=TRUTH)
    for k, limit in ((i, axes.set_xlim), (j, axes.set_ylim)):
        low, high = np.quantile(draws[:, k], [tail, 1 - tail])
        low, high = min(low, truth[k]), max(high, truth[k])
        limit(low - 0.06 * (high - low), high + 0.06 * (high - low))
    for k, label in ((i, axes.set_xlabel), (j, axes.set_ylabel)):
        unit = f" [{parameters[k].unit}]" if parameters[k].unit else ""
        label(f"${parameters[k].label}${unit}", labelpad=2)
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=4)


def main(path):
    figure, grid = plt.subplots(2, 4, figsize=(10, 5.2), layout="constrained")
    for axes, task in zip(grid.flat, PANELS, strict=True):
        panel(axes, task, 1)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    default = Path(__file__).parents[1] / "images" / "benchmark_tasks.png"
    main(sys.argv[1] if len(sys.argv) > 1 else default)
