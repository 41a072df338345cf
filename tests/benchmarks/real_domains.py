"""Methods of the workbench against the reference posteriors of real problems.

Run ``python tests/benchmarks/real_domains.py`` (hours on one core; ``--domains`` takes some of
them).  Each file of `tests/references` becomes a saved result, which `sbiwb bench` takes for the
posterior to reach; scores are kept, and written to the table beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

import numpy as np
import xarray as xr

import sbiwb
from sbiwb.benchmarking.running import read_scores
from sbiwb.benchmarking.table import markdown
from sbiwb.config import find_recipe, read_recipe
from sbiwb.core.draws import Draws
from sbiwb.result import make_result
from sbiwb.simulators.lisa.massive_binary import INJECTION

KEPT = Path(__file__).with_suffix(".csv")
COMMAND = f"python tests/benchmarks/{Path(__file__).name}"
REFERENCES = Path(__file__).parents[1] / "references"
LEARNED = ("npe", "fmpe", "npse", "nle+emcee", "nre+emcee")
CORRECTED = ("npe+importance",)
EXACT = ("exact+emcee", "exact+dynesty", "exact+slice")
FREE = ("abc-smc",)
ROUNDS = 3
DRAWS = 2000
"""Scored by each classifier, which tells them apart by 0.008 with chance alone."""


def desi_union3(reference):
    problem = sbiwb.problem("cosmology.background", data=["desi_dr2", "union3"], model="w0wacdm")
    return problem, columns(reference, problem.prior.names)


def gw150914(reference):
    """The event with its phase integrated out, in coordinates of the detectors' network."""
    posed = read_recipe(find_recipe("gw150914")).problems["gw150914"]
    problem = sbiwb.problem(posed.simulator, **posed.options)
    frame = problem.simulator.frame
    where = frame.from_equatorial(*columns(reference, ("t_c", "ra", "dec")).T)
    intrinsic = columns(reference, problem.prior.names[:6])
    psi = columns(reference, ("psi",)) % (np.pi / 2)
    return problem, np.column_stack([intrinsic, psi, *where])


def lisa_binary(reference):
    options = json.loads(reference.attrs["options"])
    fixed = {name: value for name, value in INJECTION.items() if name not in options["ranges"]}
    problem = sbiwb.problem("lisa.massive_binary", **options, fixed=fixed)
    return problem, columns(reference, problem.prior.names)


def battery_dfn_2c(reference):
    options, x = json.loads(reference.attrs["options"]), reference["x"].values
    simulator = sbiwb.problem("battery.dfn", observation=x, **options).simulator
    return sbiwb.problem(simulator, observation=x), columns(reference, ("j0_n", "D_p", "sigma"))


def tumour_4mm(reference):
    problem = sbiwb.problem("tumour.fisher_kolmogorov", dimensions=3, spacing_mm=4)
    return problem, columns(reference, problem.prior.names)


def tumour_4mm_summaries(reference):
    """For networks: what summarises the images.  The reference saw the images themselves."""
    images, theta = tumour_4mm(reference)
    x = images.simulator.summarise(images.observation.x[np.newaxis])[0]
    problem = sbiwb.problem(
        "tumour.fisher_kolmogorov", dimensions=3, spacing_mm=4, output="summary", observation=x
    )
    return problem, theta


DOMAINS = {
    "desi_union3_w0wacdm": (desi_union3, 10_000, LEARNED + CORRECTED + EXACT + FREE),
    "gw150914": (gw150914, 10_000, LEARNED + CORRECTED + EXACT + FREE),
    "lisa_binary": (lisa_binary, 10_000, LEARNED + CORRECTED + EXACT + FREE),
    "battery_dfn_2c": (battery_dfn_2c, 1_000, LEARNED + CORRECTED + ("exact+emcee",) + FREE),
    "tumour_4mm": (tumour_4mm, 10_000, EXACT),
    "tumour_4mm_summaries": (tumour_4mm_summaries, 10_000, LEARNED + FREE),
}
REASONS = {
    ("tumour_4mm", "exact+dynesty"): "not run to its end: stopped after half an hour of one core",
    ("tumour_4mm", "exact+slice"): "not run: several solves for each that exact+emcee takes",
}
"""Why a cell was not filled, if it was not."""


def columns(reference, names):
    """Draws of some parameters, shape (n, k)."""
    return np.stack([reference[name].values.ravel().astype(float) for name in names], axis=1)


def as_result(name, folder):
    """The reference posterior of a domain as a saved result."""
    file = REFERENCES / f"{name.removesuffix('_summaries')}.nc"
    with xr.open_dataset(file, engine="h5netcdf") as opened:
        reference = opened.load()
    problem, theta = DOMAINS[name][0](reference)
    provenance = {"box": [[0.0, 1.0]] * problem.prior.dim, "options": {}}
    made = make_result(
        problem, Draws(theta[np.newaxis]), method="reference", seed=0, provenance=provenance
    )
    return made.save(folder / f"{name}.nc")


def with_reasons(table, scores):
    """The table of scores, and why others are not in it."""
    done = set(zip(scores["task"].str.removesuffix(".nc"), scores["method"], strict=True))
    left = [
        f"- {name}, `{method}`: {REASONS.get((name, method), 'no reason is known')}"
        for name, (_, _, methods) in DOMAINS.items()
        for method in methods
        if (name, method) not in done
    ]
    return table if not left else "\n".join([table.rstrip("\n"), "", "Not run:", "", *left, ""])


def write_table():
    """Write the table of all scores that are kept."""
    scores = read_scores(KEPT)
    text = with_reasons(markdown(scores, COMMAND), scores)
    KEPT.with_suffix(".md").write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domains", nargs="+", default=list(DOMAINS), choices=DOMAINS)
    parser.add_argument("--methods", nargs="+", help="some of the domain's methods")
    parser.add_argument("--work", type=Path, default=Path("real_domains"))
    given = parser.parse_args()
    assert os.environ.get("OMP_NUM_THREADS") == "1", "type OMP_NUM_THREADS=1 before python"
    given.work.mkdir(exist_ok=True)
    if KEPT.exists():
        shutil.copy(KEPT, given.work / "scores.csv")
    for name in given.domains:
        _, budget, methods = DOMAINS[name]
        truth = as_result(name, given.work)
        chosen = [m for m in methods if given.methods is None or m in given.methods]
        # The file is named without its folder, so that the scores do not depend on where it is.
        before = Path.cwd()
        os.chdir(given.work)
        try:
            sbiwb.bench(
                [truth.name],
                chosen,
                budgets=[budget],
                rounds=ROUNDS,
                draws=DRAWS,
                out=".",
                command=COMMAND,
            )
        finally:
            os.chdir(before)
        shutil.copy(given.work / "scores.csv", KEPT)
        write_table()


if __name__ == "__main__":
    main()
