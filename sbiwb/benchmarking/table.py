"""Scores as a Markdown table, beside what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sbiwb.benchmarking.scores import MEASURES
from sbiwb.benchmarking.tasks import SUFFIX, find_task
from sbiwb.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

_GROUP = ["task", "method", "options", "budget", "rounds", "seed"]
_HEADINGS = {"c2st": "C2ST", "sliced_wasserstein": "sliced W₁", "mmd": "MMD²"}


def markdown(scores: pd.DataFrame, command: str) -> str:
    """A table with one line for each task, budget and method: means over observations.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `sbiwb.benchmarking.bench` returns it.
    command : str
        What makes the scores again.

    Returns
    -------
    str
    """
    headings = ["task", "method", "simulations", "observations"]
    headings += [_HEADINGS[name] for name in MEASURES]
    headings += ["published NPE", "best published", "calibration", "seconds", "MiB"]
    rule = ["---"] * 2 + ["---:"] * (len(headings) - 2)
    lines = [
        f"<!-- Made by {command} -->",
        f"| {' | '.join(headings)} |",
        f"|{'|'.join(rule)}|",
    ]
    for _, rows in scores.groupby(_GROUP, sort=False):
        cells = _cells(rows)
        lines.append(f"| {' | '.join(cells + [''] * (len(headings) - len(cells)))} |")
    return "\n".join(lines) + "\n"


def title(task: str) -> str:
    """The name of a task in tables and figures."""
    return Path(task).stem if task.endswith(SUFFIX) else task.removeprefix("benchmark.")


def label(row: Mapping[str, Any] | pd.Series[Any]) -> str:
    """The method of a row, with the options and rounds that were asked for."""
    options = "" if row["options"] == "{}" else f" {row['options']}"
    return f"{row['method']}{options}" + (f", {row['rounds']} rounds" if row["rounds"] else "")


def published(task: str, observations: Sequence[str], budget: str) -> dict[str, float]:
    """Mean published C2ST over some observations, by algorithm; empty if there is none."""
    if not budget:
        return {}
    try:
        known = find_task(task)
        each = [known.published(one, int(budget)) for one in observations]
    except UsageError:  # the simulator is not installed where the table is made
        return {}
    if not all(each):
        return {}
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def _cells(rows: pd.DataFrame) -> list[str]:
    first, whole = rows.iloc[0], rows[rows["error"] == ""]
    count = f"{len(whole)} of {len(rows)}" if len(whole) < len(rows) else str(len(rows))
    budget = f"{int(first['budget']):,}" if first["budget"] else "none"
    cells = [title(first["task"]), label(first), budget, count]
    if whole.empty:
        return [*cells, f"failed: {first['error']}".replace("|", "/")]
    means = published(first["task"], list(whole["observation"]), first["budget"])
    best = min(means, key=means.__getitem__, default=None)
    return [
        *cells,
        *(f"{whole[name].mean():.3g}" for name in MEASURES),
        f"{means['NPE']:.3f}" if "NPE" in means else "",
        "" if best is None else f"{means[best]:.3f} ({best})",
        ", ".join(sorted({word for word in whole["calibration"] if word})),
        f"{whole['seconds'].mean():.0f}",
        f"{whole['peak_mib'].max():.0f}",
    ]
