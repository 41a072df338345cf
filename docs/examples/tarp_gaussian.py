"""Figure of the how-to: the Gaussian experiment of the TARP paper (arXiv:2302.03026, section 4.1).

Run ``python docs/examples/tarp_gaussian.py``; it writes docs/images/tarp_gaussian.png.

Posteriors are Gaussian with means uniform in [-5, 5] and log-uniform widths.  The biased ones are
displaced such that regions of highest density hold the truth exactly as often as they say.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy import special

import sbiwb

SIMULATIONS, DRAWS, DIM = 500, 1000, 10
CASES = {"correct": 1.0, "overconfident": 0.5, "underconfident": 2.0, "biased": 1.0}
TARP, DENSITY, BAND = "#0072B2", "#D55E00", "0.88"


def experiment(case, rng, *, simulations=SIMULATIONS, draws=DRAWS):
    """Truths (N, d), draws (L, N, d), and the log density of the draws' Gaussian at both."""
    mean = rng.uniform(-5, 5, (simulations, DIM))
    sigma = np.exp(rng.uniform(-5, -1, (simulations, DIM)))
    theta = mean + sigma * rng.standard_normal(mean.shape)
    if case == "biased":
        # |mean| / 5 is uniform, so that the distance is as of a Gaussian, but always outwards.
        away = special.ndtri((1 + np.abs(mean) / 5) / 2)
        mean = theta + np.sign(mean) * away * sigma
    width = CASES[case] * sigma
    samples = mean + width * rng.standard_normal((draws, *mean.shape))
    return (
        theta,
        samples,
        *(-0.5 * np.sum(((points - mean) / width) ** 2, axis=-1) for points in (theta, samples)),
    )


def verdicts(case, seed=1, **size):
    """Of TARP with the paper's references, and of regions of highest density."""
    theta, samples, at_theta, at_samples = experiment(case, np.random.default_rng(seed), **size)
    return (
        sbiwb.tarp(theta, samples, references="random"),
        sbiwb.expected_coverage(
            theta, samples, log_prob_theta=at_theta, log_prob_samples=at_samples
        ),
    )


def main(path):
    figure, panels = plt.subplots(1, 4, figsize=(10, 2.9), layout="constrained", sharey=True)
    for axes, case in zip(panels, CASES, strict=True):
        tarp, density = (verdict.curve for verdict in verdicts(case))
        axes.fill_between(tarp["alpha"], tarp["low"], tarp["high"], color=BAND, lw=0)
        axes.plot([0, 1], [0, 1], color="0.5", lw=0.8)
        axes.plot(tarp["alpha"], tarp["ecp"], color=TARP, label="TARP, random references")
        axes.plot(
            density["alpha"], density["ecp"], "--", color=DENSITY, label="highest-density regions"
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")
        axes.set_xlabel("credibility level")
        axes.set_title(case, fontsize=10)
    panels[0].set_ylabel("expected coverage")
    panels[0].legend(loc="upper left", fontsize=7, frameon=False, handlelength=1.6)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    default = Path(__file__).parents[1] / "images" / "tarp_gaussian.png"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
