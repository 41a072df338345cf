"""Evaluations a second of the BAO likelihood on one core, written as a table beside this file.

Run ``python tests/benchmarks/bao_throughput.py``.  Everything runs on one thread, and times are CPU
times, best of five, so that other processes hardly change the rates.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import astropy
import numpy as np
import torch
from astropy.cosmology import Flatw0waCDM, FlatwCDM, LambdaCDM
from threadpoolctl import threadpool_limits

from sbiwb.likelihoods.exact import Exact
from sbiwb.rng import stream
from sbiwb.samplers.base import Target
from sbiwb.simulators.cosmology.bao import BAO, HUBBLE_DISTANCE

BATCH = 10_000
MODELS = "lcdm", "wcdm", "w0wacdm"  # those of DESI's analysis


def rate(function, evaluations, seconds=0.5):
    """Evaluations a second of CPU time, best of five."""
    function()
    best = 0.0
    for _ in range(5):
        calls, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds / 5 or calls == 0:
            function()
            calls += 1
        best = max(best, calls * evaluations / spent)
    return best


def with_astropy(bao, theta):
    """The same log-likelihood with astropy's distances, one point, up to a constant."""
    om, hrd, *dark = theta
    cosmology = {
        "lcdm": lambda: LambdaCDM(100.0, om, 1 - om, Tcmb0=0.0),
        "wcdm": lambda: FlatwCDM(100.0, om, w0=dark[0], Tcmb0=0.0),
        "w0wacdm": lambda: Flatw0waCDM(100.0, om, w0=dark[0], wa=dark[1], Tcmb0=0.0),
    }[bao.options["model"]]()
    z = bao.points.z
    transverse = cosmology.comoving_distance(z).value / hrd
    radial = HUBBLE_DISTANCE / cosmology.efunc(z) / hrd
    quantity = np.array(bao.points.quantity)
    volume = np.cbrt(z * transverse**2 * radial)
    mean = np.where(
        quantity == "DM_over_rs", transverse, np.where(quantity == "DH_over_rs", radial, volume)
    )
    residual = bao.points.value - mean
    return -0.5 * residual @ np.linalg.solve(bao.points.covariance, residual)


def measure(model):
    """Rates of one model: name of the evaluation → evaluations a second."""
    bao = BAO(model=model)
    x = bao.default_observation().x
    many = bao.prior.sample(BATCH, stream(0, "theta"))
    one = many[:1]
    target, which = Target(bao.prior, Exact(bao), x[np.newaxis]), np.zeros(1, dtype=np.intp)
    tensor, data = torch.tensor(many[:1000], requires_grad=True), torch.tensor(x)

    def gradient():
        return torch.autograd.grad(bao.log_likelihood_torch(tensor, data).sum(), tensor)

    return {
        "likelihood, one point a call": rate(lambda: bao.log_likelihood(one, x), 1),
        "prior × likelihood as samplers call it, one point": rate(
            lambda: target.log_prob(one, which), 1
        ),
        "likelihood, 32 points a call": rate(lambda: bao.log_likelihood(many[:32], x), 32),
        f"likelihood, {BATCH:,} points a call": rate(lambda: bao.log_likelihood(many, x), BATCH),
        f"simulation, {BATCH:,} points a call": rate(
            lambda: bao.simulate(many, stream(0, "x")), BATCH
        ),
        "likelihood and gradient in Torch, 1,000 points a call": rate(gradient, 1000),
        "likelihood with astropy's distances, one point": rate(
            lambda: with_astropy(bao, one[0]), 1
        ),
    }


def main():
    torch.set_num_threads(1)
    with threadpool_limits(1):
        columns = {model: measure(model) for model in MODELS}
    versions = (
        f"Python {platform.python_version()}, NumPy {np.__version__}, Torch {torch.__version__}, "
        f"astropy {astropy.__version__}"
    )
    lines = [
        "<!-- Made by python tests/benchmarks/bao_throughput.py -->",
        "# BAO likelihood: evaluations a second on one core",
        "",
        f"CPU time on one thread, best of five; {versions}.",
        "",
        "| evaluation | " + " | ".join(columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    for name in columns["lcdm"]:
        # Two figures: more would not repeat.
        values = (f"{float(f'{column[name]:.2g}'):,.0f}" for column in columns.values())
        lines.append(f"| {name} | " + " | ".join(values) + " |")
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
