"""C2ST of a method on the benchmark tasks beside published scores, as a table beside this file.

Run ``python tests/benchmarks/npe_tasks.py --tasks two_moons slcp --budgets 1000``; the reference
posteriors are downloaded, or found through ``SBIWB_DATA``.  An amortised posterior is trained once
for a task and a budget and conditioned on each observation; other methods learn once for each.
Scores are added to a CSV file as they come, and those that are there are not made again: delete it
to start anew.  The classifier is the published one, on 10,000 draws.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import sbiwb
from sbiwb.distances.c2st import c2st
from sbiwb.estimators.base import LearnedPosterior
from sbiwb.rng import stream
from sbiwb.simulators.benchmark.reference import TASKS, published_c2st, reference_posterior

OBSERVATIONS = range(1, 6)
DRAWS = 10_000
COLUMNS = ("method", "task", "simulations", "seed", "observation", "c2st", "seconds")


def posteriors(task, method, budget, seed):
    """Draws for each observation, and the CPU seconds that learning took, one after the other."""
    problems = {
        number: sbiwb.problem(f"benchmark.{task}", observation=f"num_observation_{number}")
        for number in OBSERVATIONS
    }
    learned = None
    for number, problem in problems.items():
        start = time.process_time()
        if learned is None:
            result = sbiwb.infer(problem, method, budget=budget, seed=seed)
            seconds = time.process_time() - start
            learned = result.learned if isinstance(result.learned, LearnedPosterior) else None
        if learned is None:
            yield number, result.samples(DRAWS, seed=seed), seconds
        else:
            x = problem.observation.x[np.newaxis]
            yield number, learned.sample(DRAWS, x, stream(seed, "draws", number))[0], seconds


def read(path):
    """Scores that were made before, by everything that they depend on."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {tuple(row[c] for c in COLUMNS[:5]): row for row in rows}


def table(scores):
    """The table in Markdown, one line for a method, a task and a budget."""
    lines = [
        "<!-- Made by python tests/benchmarks/npe_tasks.py -->",
        "# C2ST on the benchmark tasks",
        "",
        "Mean over observations 1 to 5, 0.5 is best; the published classifier on 10,000 draws of",
        "each posterior.  Published scores are means over the same observations (Lueckmann et al.",
        "2021); the best is of eight algorithms, of which those with S spend the budget on one",
        "observation.  Seconds are CPU time of simulation, training and checks on one thread.",
        "",
        "| method | task | simulations | C2ST | 1 | 2 | 3 | 4 | 5 | published NPE | best published "
        "| seconds |",
        "|---|---|---:|---:|" + "---:|" * 5 + "---:|---:|---:|",
    ]
    groups = {}
    for key, row in scores.items():
        groups.setdefault(key[:4], {})[int(row["observation"])] = row
    for (method, task, budget, _seed), rows in sorted(
        groups.items(), key=lambda item: (item[0][0], TASKS.index(item[0][1]), int(item[0][2]))
    ):
        mine = {number: float(row["c2st"]) for number, row in rows.items()}
        published = published_c2st(task, int(budget))
        means = {name: np.mean([c[k - 1] for k in mine]) for name, (c, _) in published.items()}
        best = min(means, key=means.get)
        each = " | ".join(f"{mine[k]:.3f}" if k in mine else "" for k in OBSERVATIONS)
        seconds = np.mean([float(row["seconds"]) for row in rows.values()])
        lines.append(
            f"| {method} | {task} | {int(budget):,} | {np.mean(list(mine.values())):.3f} | {each} "
            f"| {means['NPE']:.3f} | {means[best]:.3f} ({best}) | {seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--budgets", nargs="+", type=int, default=[1000])
    parser.add_argument("--method", default="npe")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    scores = read(given.out)
    with threadpool_limits(1):
        for task in given.tasks:
            for budget in given.budgets:
                about = (given.method, task, str(budget), str(given.seed))
                if all((*about, str(number)) in scores for number in OBSERVATIONS):
                    continue
                for number, draws, seconds in posteriors(task, given.method, budget, given.seed):
                    key = (*about, str(number))
                    if key in scores:
                        continue
                    score = c2st(reference_posterior(task, number), draws)
                    row = dict(zip(COLUMNS, (*key, f"{score:.4f}", f"{seconds:.1f}"), strict=True))
                    scores[key] = row
                    is_new = not given.out.exists()
                    with given.out.open("a", encoding="utf-8", newline="") as file:
                        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                        if is_new:
                            writer.writeheader()
                        writer.writerow(row)
                    print(*row.values(), flush=True)
    text = table(scores)
    given.out.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
