"""The default `npe` beside stock sbi: CPU time to a network, and what its posteriors are worth.

Run ``python tests/benchmarks/stock_sbi.py --tasks two_moons slcp``; scores are kept in a CSV file
beside this one, from which the table is made, and are not made again.  Both learn from the same
10,000 simulations on one thread, one after the other: `sbi.inference.NPE().train()` with all its
defaults, and ``sbiwb.infer(problem, "npe")`` with its own, simulation and checks included.  A
second run of ours with a quarter of the steps shows what less time gives.  The classifier of the
scores stops when its held-out score stalls, for all alike: it takes seconds in place of minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import platform
import time
import warnings
from pathlib import Path

import numpy as np
import sbi
import torch
from sbi.inference import NPE

import sbiwb
from sbiwb.distances.c2st import c2st
from sbiwb.rng import global_streams, integer_seed, stream
from sbiwb.simulators.benchmark.reference import TASKS, reference_posterior

BUDGET, DRAWS, SEED = 10_000, 10_000, 1
SHORT = 500
COLUMNS = (
    "task",
    "observation",
    "sbi_seconds",
    "seconds",
    "short_seconds",
    "sbi_c2st",
    "c2st",
    "short_c2st",
)
TRIES = 100


def stock(simulator, simulations):
    """sbi's trained network and the CPU seconds that training took."""
    pair = [torch.tensor(a, dtype=torch.float32) for a in (simulations.theta, simulations.x)]
    start = time.process_time()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        global_streams(SEED, "sbi"),
    ):
        warnings.simplefilter("ignore")
        trainer = NPE(show_progress_bars=False)
        network = trainer.append_simulations(*pair).train()
    return network, time.process_time() - start


def stock_draws(network, prior, x):
    """Draws inside the prior, as sbi's posterior gives them: others are drawn again."""
    kept, count = [], 0
    with torch.no_grad(), global_streams(SEED, "sbi draws"):
        for _ in range(TRIES):
            drawn = network.sample((DRAWS,), torch.as_tensor(x[np.newaxis], dtype=torch.float32))
            theta = drawn[:, 0].numpy().astype(float)
            kept.append(theta[np.isfinite(prior.log_prob(theta))])
            count += len(kept[-1])
            if count >= DRAWS:
                return np.concatenate(kept)[:DRAWS]
    raise RuntimeError(f"{count} of {TRIES * DRAWS} draws lie inside the prior")


def scores(task, observations):
    """One row an observation."""
    names = [f"num_observation_{number}" for number in observations]
    problems = [sbiwb.problem(f"benchmark.{task}", observation=name) for name in names]
    simulator = problems[0].simulator
    simulations = sbiwb.simulate(
        simulator, simulator.prior, BUDGET, seed=integer_seed(SEED, "round", 0)
    )
    network, sbi_seconds = stock(simulator, simulations)
    ours, seconds = learned(problems[0])
    short, short_seconds = learned(problems[0], steps=SHORT)
    for number, problem in zip(observations, problems, strict=True):
        x, reference = problem.observation.x, reference_posterior(task, number)
        drawn = [
            stock_draws(network, simulator.prior, x),
            *(
                network.sample(DRAWS, x[np.newaxis], stream(SEED, "draws", number))[0]
                for network in (ours, short)
            ),
        ]
        values = (
            sbi_seconds,
            seconds,
            short_seconds,
            *(c2st(reference, d, quick=True) for d in drawn),
        )
        yield dict(zip(COLUMNS, (task, number, *(f"{v:.4g}" for v in values)), strict=True))


def learned(problem, **options):
    """Our posterior network and the CPU seconds of all that it took."""
    start = time.process_time()
    result = sbiwb.infer(problem, "npe", budget=BUDGET, seed=SEED, **options)
    return result.learned, time.process_time() - start


def table(rows):
    lines = [
        "<!-- Made by python tests/benchmarks/stock_sbi.py -->",
        "# The default npe beside stock sbi",
        "",
        f"{BUDGET:,} simulations; CPU seconds on one thread to a trained network, ours with",
        "simulation and checks; mean C2ST against the reference posteriors of the observations",
        f"(published classifier, stopped early, {DRAWS:,} draws); short is ours with "
        f"`steps={SHORT}`, not 2,000.",
        f"sbi {sbi.__version__}, torch {torch.__version__.partition('+')[0]}, "
        f"Python {platform.python_version()}.",
        "",
        "| task | observations | sbi / s | sbiwb / s | times as fast | short / s | times as fast "
        "| C2ST sbi | C2ST sbiwb | C2ST short |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for task in TASKS:
        of_task = [row for row in rows if row["task"] == task]
        if of_task:
            theirs, ours, short = (float(of_task[0][name]) for name in COLUMNS[2:5])
            means = [np.mean([float(row[name]) for row in of_task]) for name in COLUMNS[5:]]
            lines.append(
                f"| {task} | {len(of_task)} | {theirs:.0f} | {ours:.0f} | {theirs / ours:.1f} "
                f"| {short:.1f} | {theirs / short:.1f} "
                f"| {means[0]:.3f} | {means[1]:.3f} | {means[2]:.3f} |"
            )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--observations", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    given = parser.parse_args()
    assert os.environ.get("OMP_NUM_THREADS") == "1", "type OMP_NUM_THREADS=1 before python"
    torch.set_num_threads(1)
    rows = list(csv.DictReader(given.out.open())) if given.out.exists() else []
    for task in given.tasks:
        if any(row["task"] == task for row in rows):
            continue
        rows += scores(task, given.observations)
        with given.out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        text = table(rows)
        given.out.with_suffix(".md").write_text(text, encoding="utf-8")
        print(text, flush=True)


if __name__ == "__main__":
    main()
