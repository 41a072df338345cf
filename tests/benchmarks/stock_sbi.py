"""The default `npe` beside stock sbi: CPU time to a network, and what its posteriors are worth.

Run ``python tests/benchmarks/stock_sbi.py --tasks two_moons slcp``; scores are kept in a CSV file
beside this one, from which the table is made, and are not made again.  Both learn from the same
10,000 simulations on one thread, one after the other: `sbi.inference.NPE().train()` with all its
defaults, and ``sbiwb.infer(problem, "npe")`` with its own, simulation and checks included.  Runs of
ours with fewer steps show what less time gives, and how little it takes to be as near as stock.
``nle+emcee`` is another word for the same problem: its seconds are those of one observation, chains
included, a mean over them.
The classifier of the scores stops when its held-out score stalls, for all alike: it takes seconds
in place of minutes.
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
STOCK = "sbi"
AMORTISED = {"npe": {}, "npe, steps=500": {"steps": 500}, "npe, steps=125": {"steps": 125}}
SAMPLED = "nle+emcee"
RUNS = (*AMORTISED, SAMPLED)
COLUMNS = ("task", "observation", "run", "seconds", "c2st")
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


def scores(task, observations, runs):
    """One row an observation and a run, of stock and of some of ours."""
    names = [f"num_observation_{number}" for number in observations]
    problems = [sbiwb.problem(f"benchmark.{task}", observation=name) for name in names]
    simulator = problems[0].simulator
    simulations = sbiwb.simulate(
        simulator, simulator.prior, BUDGET, seed=integer_seed(SEED, "round", 0)
    )
    network, seconds = stock(simulator, simulations)
    trained = {STOCK: (lambda x, _: stock_draws(network, simulator.prior, x), seconds)}
    for run, options in AMORTISED.items():
        if run in runs:
            trained[run] = learned(problems[0], **options)
    for number, problem in zip(observations, problems, strict=True):
        draws = {
            run: (sample(problem.observation.x, number), seconds)
            for run, (sample, seconds) in trained.items()
        }
        if SAMPLED in runs:
            draws[SAMPLED] = sampled(problem)
        for run, (theta, seconds) in draws.items():
            value = c2st(reference_posterior(task, number), theta, quick=True)
            yield dict(
                zip(COLUMNS, (task, number, run, f"{seconds:.4g}", f"{value:.4g}"), strict=True)
            )


def learned(problem, **options):
    """What draws from our posterior at x, and the CPU seconds of all that it took."""
    start = time.process_time()
    result = sbiwb.infer(problem, "npe", budget=BUDGET, seed=SEED, **options)
    seconds = time.process_time() - start

    def sample(x, number):
        return result.learned.sample(DRAWS, x[np.newaxis], stream(SEED, "draws", number))[0]

    return sample, seconds


def sampled(problem):
    """Draws from a learned likelihood's posterior, and the CPU seconds of all that they took."""
    start = time.process_time()
    result = sbiwb.infer(problem, SAMPLED, budget=BUDGET, seed=SEED, draws=DRAWS)
    return result.samples(DRAWS), time.process_time() - start


def table(rows):
    """The table of all scores, and for each task the fastest of ours that is as near as stock."""
    names = " | ".join(f"`{run}` | C2ST" for run in RUNS)
    lines = [
        "<!-- Made by python tests/benchmarks/stock_sbi.py -->",
        "# The default npe beside stock sbi",
        "",
        f"{BUDGET:,} simulations; CPU seconds on one thread to a trained network, ours with",
        "simulation and checks, as times that ours is as fast; mean C2ST against the reference",
        f"posteriors of the observations (published classifier, stopped early, {DRAWS:,} draws).",
        f"`{SAMPLED}`: with its chains, for one observation (a mean over them).",
        "Last, as near: the fastest of ours with no higher C2ST than stock, known from this table.",
        f"sbi {sbi.__version__}, torch {torch.__version__.partition('+')[0]}, "
        f"Python {platform.python_version()}.",
        "",
        f"| task | observations | sbi / s | C2ST | {names} | as near |",
        "|---|" + "---:|" * (4 + 2 * len(RUNS)),
    ]
    for task in TASKS:
        runs = {
            run: [row for row in rows if row["task"] == task and row["run"] == run]
            for run in (STOCK, *RUNS)
        }
        if not runs[STOCK]:
            continue
        made = {run: of for run, of in runs.items() if of}
        near = {run: np.mean([float(row["c2st"]) for row in of]) for run, of in made.items()}
        seconds = {run: np.mean([float(row["seconds"]) for row in of]) for run, of in made.items()}
        faster = {run: seconds[STOCK] / seconds[run] for run in made if run != STOCK}
        cells = " | ".join(
            f"{faster[run]:.1f}× | {near[run]:.3f}" if run in faster else "not run |"
            for run in RUNS
        )
        enough = [times for run, times in faster.items() if near[run] <= near[STOCK]]
        lines.append(
            f"| {task} | {len(runs[STOCK])} | {seconds[STOCK]:.0f} | {near[STOCK]:.3f} | {cells} "
            f"| {f'{max(enough):.1f}×' if enough else 'none'} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--observations", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--runs", nargs="+", default=list(RUNS), choices=RUNS)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    given = parser.parse_args()
    assert os.environ.get("OMP_NUM_THREADS") == "1", "type OMP_NUM_THREADS=1 before python"
    torch.set_num_threads(1)
    rows = list(csv.DictReader(given.out.open())) if given.out.exists() else []
    for task in given.tasks:
        if any(row["task"] == task for row in rows):
            continue
        rows += scores(task, given.observations, given.runs)
        with given.out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        text = table(rows)
        given.out.with_suffix(".md").write_text(text, encoding="utf-8")
        print(text, flush=True)


if __name__ == "__main__":
    main()
