"""Likelihoods a second of DESI DR2 + Union3 on one core, written as a table beside this file.

Run ``python tests/benchmarks/background_throughput.py``.  Everything runs on one thread, and times
are CPU times, best of five, so that other processes hardly change the rates.  For models that
astropy ships, the same likelihood with its distances is timed in the same run.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import astropy
import numpy as np
from astropy.cosmology import FlatLambdaCDM, Flatw0waCDM, FlatwCDM, wCDM
from threadpoolctl import threadpool_limits

from sbiwb.rng import stream
from sbiwb.simulators.cosmology.background import Background
from sbiwb.simulators.cosmology.models import MODELS
from sbiwb.simulators.cosmology.points import published_points
from sbiwb.simulators.cosmology.supernovae import REFERENCE, differences
from sbiwb.simulators.cosmology.tables import table

BATCH = 10_000


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


def theirs(model, om, own):
    """astropy's cosmology, None if it ships none."""
    build = {
        "lcdm": lambda: FlatLambdaCDM(100.0, om, Tcmb0=0.0),
        "wcdm": lambda: FlatwCDM(100.0, om, w0=own[0], Tcmb0=0.0),
        "w0wacdm": lambda: Flatw0waCDM(100.0, om, w0=own[0], wa=own[1], Tcmb0=0.0),
        "olcdm": lambda: wCDM(100.0, om, 1 - om - own[0], Tcmb0=0.0),
    }.get(model)
    return build and build()


def with_astropy(simulator):
    """The same log-likelihood with astropy's distances at one point, up to a constant."""
    points, nodes = published_points("desi_dr2"), table("union3_nodes")[:, 0]
    quantity, x = np.array(points.quantity), simulator.default_observation().x
    z = np.concatenate([points.z, nodes])
    contrast = differences(REFERENCE, len(nodes))
    inverse = np.linalg.inv(simulator.covariance)

    def log_likelihood(theta):
        om, hrd, *own = theta
        cosmology = theirs(simulator.options["model"], om, own)
        transverse = cosmology.comoving_transverse_distance(z).value
        across = transverse[: len(points)] / hrd
        along = 2997.92458 / cosmology.efunc(points.z) / hrd
        volume = np.cbrt(points.z * across**2 * along)
        bao = np.where(
            quantity == "DM_over_rs", across, np.where(quantity == "DH_over_rs", along, volume)
        )
        modulus = 5 * np.log10((1 + nodes) * transverse[len(points) :])
        residual = x - np.concatenate([bao, modulus @ contrast])
        return -0.5 * residual @ inverse @ residual

    return log_likelihood


def measure(model):
    """Rates of one model: one point a call, 1,000 and BATCH points a call, astropy's."""
    simulator = Background(["desi_dr2", "union3"], model)
    x = simulator.default_observation().x
    many = simulator.prior.sample(BATCH, stream(0, "theta"))
    rates = [rate(lambda n=n: simulator.log_likelihood(many[:n], x), n) for n in (1, 1000, BATCH)]
    if theirs(model, 0.3, [0.0, 0.0]) is None:
        return [*rates, None]
    bare = with_astropy(simulator)
    ours = simulator.log_likelihood(many[:2], x)
    assert np.isclose(bare(many[0]) - bare(many[1]), ours[0] - ours[1], rtol=1e-5)
    return [*rates, rate(lambda: bare(many[0]), 1)]


def two_figures(value):
    """A rate with two figures: more would not repeat."""
    return "–" if value is None else f"{float(f'{value:.2g}'):,.0f}"


def main():
    with threadpool_limits(1):
        rows = {model: measure(model) for model in MODELS}
    versions = (
        f"Python {platform.python_version()}, NumPy {np.__version__}, astropy {astropy.__version__}"
    )
    lines = [
        "<!-- Made by python tests/benchmarks/background_throughput.py -->",
        "# DESI DR2 + Union3: likelihoods a second on one core",
        "",
        f"CPU time on one thread, best of five; {versions}.",
        "",
        f"| model | one point a call | 1,000 points | {BATCH:,} points | astropy's distances |",
        "|---|" + "---:|" * 4,
        *(f"| {model} | " + " | ".join(map(two_figures, r)) + " |" for model, r in rows.items()),
    ]
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
