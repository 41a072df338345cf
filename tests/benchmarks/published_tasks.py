"""Methods of the workbench on the ten published tasks, by the published classifier.

Run ``python tests/benchmarks/published_tasks.py``; it takes a day on one core, most of it the
classifier's, so ``--tasks``, ``--methods`` and ``--observations`` take some of it.  Scores are kept
in a CSV file beside this one and are not made again; `docs/benchmarks.md` is made from them.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import pandas as pd

import sbiwb
from sbiwb.benchmarking.running import read_scores
from sbiwb.benchmarking.table import label, markdown, published, title
from sbiwb.simulators.benchmark.reference import TASKS

METHODS = {
    "npe": ("npe", {}, None),
    "npe-rounds": ("npe", {}, 3),
    "nle-rounds": ("nle+emcee", {}, 3),
    "nle-follows": ("nle+emcee", {"proposal": "posterior"}, 10),
}
"""The same for all tasks: one round, three that truncate, ten that follow the posterior."""
KEPT = Path(__file__).with_suffix(".csv")
PAGE = KEPT.parents[2] / "docs" / "benchmarks.md"
COMMAND = f"python tests/benchmarks/{Path(__file__).name}"
INTRODUCTION = f"""# Benchmarks

How near posteriors come to reference posteriors, and what they cost, on the ten tasks of Lueckmann
et al. (2021, arXiv:2101.04653): means over published observations, the first ones, of the accuracy
of their classifier on 10,000 draws (C2ST; 0.5: it cannot tell them from the reference's). What they
published, for eight algorithms, is averaged over the same observations. Settings are the same for
all tasks, one seed, and were chosen on other observations. Seconds are those of one run, on one
thread of a machine that had other work. Rows were made with different versions of the workbench:
what changed numbers since is in the changelog.

Made by `{COMMAND}`, which says what the settings are.
"""


def best_of_each(scores: pd.DataFrame) -> list[str]:
    """Lines of a table: the default, and the best of all methods, beside what was published.

    Each beside what was published for its own observations; their numbers are given if they differ.
    """
    lines = [
        "| task | simulations | observations | `npe` | published NPE | best | best published |",
        "|---|---:|---:|---:|---:|---|---|",
    ]
    for (task, budget), rows in scores.groupby(["task", "budget"], sort=False):
        by_method = rows.groupby(rows.apply(label, axis=1), sort=False)
        means = by_method["c2st"].mean()
        seen = {name: sorted(of["observation"]) for name, of in by_method}
        best = means.idxmin()
        others = pd.Series(published(task, seen[best], budget))
        npe, others_npe = "", ""
        if "npe" in means:
            npe = f"{means['npe']:.3f}"
            others_npe = f"{published(task, seen['npe'], budget)['NPE']:.3f}"
        counts = dict.fromkeys(len(seen[name]) for name in ("npe", best) if name in seen)
        lines.append(
            f"| {title(task)} | {int(budget):,} | {', '.join(map(str, counts))} | {npe} "
            f"| {others_npe} | {means.min():.3f} (`{best}`) "
            f"| {others.min():.3f} ({others.idxmin()}) |"
        )
    return lines


def write_page() -> None:
    """Write the page from all scores that are kept."""
    scores = read_scores(KEPT)
    places = scores["task"].map({f"benchmark.{task}": k for k, task in enumerate(TASKS)})
    scores = scores.iloc[places.argsort(kind="stable")]
    text = [
        f"<!-- Made by {COMMAND} -->",
        INTRODUCTION,
        *best_of_each(scores[scores["error"] == ""]),
        "",
        "## All methods",
        "",
        *markdown(scores, COMMAND).splitlines()[1:],
    ]
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--budget", type=int, default=10_000)
    parser.add_argument("--observations", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--work", type=Path, default=Path("published_tasks"))
    given = parser.parse_args()
    assert os.environ.get("OMP_NUM_THREADS") == "1", "type OMP_NUM_THREADS=1 before python"
    given.work.mkdir(exist_ok=True)
    if KEPT.exists():
        shutil.copy(KEPT, given.work / "scores.csv")
    for task in given.tasks:
        for method, options, rounds in (METHODS[name] for name in given.methods):
            sbiwb.bench(
                [task],
                {method: options},
                budgets=[given.budget],
                observations=given.observations,
                rounds=rounds,
                out=given.work,
                command=COMMAND,
            )
            shutil.copy(given.work / "scores.csv", KEPT)
            write_page()


if __name__ == "__main__":
    main()
