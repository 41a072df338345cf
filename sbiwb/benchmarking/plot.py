"""C2ST of every method on every task, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sbiwb.benchmarking.table import label, published, title

if TYPE_CHECKING:
    import pandas as pd

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_MARKERS = "osD^vP"
_PALE = "#9a9a9a"
_PUBLISHED = {"best published": "-", "published NPE": ":"}


def draw(scores: pd.DataFrame, path: Path) -> None:
    """Draw C2ST to a PNG: a panel a budget, a row a task, a dot a method, observations as specks.

    Published scores, where there are any, are vertical strokes: the best algorithm's, and NPE's.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `sbiwb.benchmarking.bench` returns it, with one finite C2ST at least.
    path : Path
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    whole = scores[scores["c2st"].notna()]
    learned: list[int | None] = [*sorted({int(b) for b in whole["budget"] if b})] or [None]
    tasks = list(dict.fromkeys(whole["task"]))
    methods = list(dict.fromkeys(label(row) for _, row in whole.iterrows()))
    looks: list[dict[str, Any]] = [
        {"color": _COLOURS[k % 6], "marker": _MARKERS[k % 6]} for k in range(len(methods))
    ]
    figure = Figure(figsize=(1.8 + 3.4 * len(learned), 1.3 + 0.36 * len(tasks)), dpi=150)
    FigureCanvasAgg(figure)
    panels = np.atleast_1d(figure.subplots(1, len(learned), sharey=True))
    for axes, budget in zip(panels, learned, strict=True):
        # Methods with the exact likelihood cost no simulations and stand in every panel.
        shown = whole[[b in ("", str(budget)) for b in whole["budget"]]]
        for row, task in enumerate(tasks):
            of_task = shown[shown["task"] == task]
            _strokes(axes, row, of_task)
            for number, method in enumerate(methods):
                values = [r["c2st"] for _, r in of_task.iterrows() if label(r) == method]
                if values:
                    place = row + 0.5 * ((number + 0.5) / len(methods) - 0.5)
                    look = looks[number]
                    axes.plot(values, [place] * len(values), ls="", ms=2, alpha=0.5, **look)
                    axes.plot(np.mean(values), place, ls="", ms=5, **look)
        axes.set_xlim(0.48, 1.0)
        axes.axvline(0.5, color=_PALE, lw=0.7)
        axes.set_xlabel("C2ST (0.5: cannot be told apart)")
        axes.set_title("exact" if budget is None else f"{budget:,} simulations", fontsize=9)
        axes.grid(axis="x", color="#e6e6e6", lw=0.6)
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(tasks)), [title(task) for task in tasks])
    panels[0].invert_yaxis()
    handles = [
        *(
            Line2D([], [], ls="", label=name, **look)
            for name, look in zip(methods, looks, strict=True)
        ),
        *(Line2D([], [], ls=ls, color=_PALE, label=name) for name, ls in _PUBLISHED.items()),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.set_layout_engine("constrained")
    figure.savefig(path, metadata={"Software": None})


def _strokes(axes: object, row: int, of_task: pd.DataFrame) -> None:
    """Published scores of a task over the observations that are shown."""
    budgets = [budget for budget in of_task["budget"] if budget]
    if not budgets:
        return
    means = published(of_task["task"].iloc[0], sorted(set(of_task["observation"])), budgets[0])
    if means:
        values = (min(means.values()), means.get("NPE"))
        for value, style in zip(values, _PUBLISHED.values(), strict=True):
            if value is not None:
                axes.plot(  # type: ignore[attr-defined]
                    [value] * 2, [row - 0.36, row + 0.36], color=_PALE, lw=1.4, ls=style, zorder=1
                )
