"""Posterior predictive check: the observation against what the posterior predicts."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sbiwb.comparison.groups import Group
from sbiwb.core.distributions import Array
from sbiwb.report.figure import (
    INK,
    MUTED,
    SHADE,
    drawing,
    new_figure,
    only_left_and_bottom,
    series,
    svg,
)
from sbiwb.report.labels import plain

_COLUMNS = ("observed", "median", "low68", "high68", "low95", "high95")
MOST_NAMED = 40
MOST_DRAWN = 800
"""Entries drawn; of longer data every k-th is."""


def predictive_curves(group: Group) -> dict[str, Mapping[str, list[float]]]:
    """Method → its predictive curve, for methods that have a whole one."""
    found: dict[str, Mapping[str, list[float]]] = {}
    for method, result in group.results.items():
        for verdict in result.verdicts:
            columns = [verdict.curve.get(c, []) for c in _COLUMNS]
            if verdict.name == "predictive" and columns[0] and len({len(c) for c in columns}) == 1:
                found[method] = verdict.curve
    return found


def predictive_plot(group: Group) -> Markup | None:
    """Draw residuals in units of the predictive spread, with 68 and 95 % bands; None without."""
    curves = predictive_curves(group)
    if not curves:
        return None
    size = max(len(c["observed"]) for c in curves.values())
    stride = math.ceil(size / MOST_DRAWN)
    with drawing():
        figure = new_figure(10, 2.9 if size <= MOST_NAMED else 2.6)
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        only_left_and_bottom(axes)
        band_of = group.reference if group.reference in curves else next(iter(curves))
        _bands(axes, curves[band_of], stride)
        axes.axhline(0, color=MUTED, lw=0.8)
        for k, (method, curve) in enumerate(curves.items()):
            shift = (k - (len(curves) - 1) / 2) * 0.6 / len(curves) if size <= MOST_NAMED else 0.0
            _residuals(axes, group, method, curve, shift, stride)
        _name_entries(axes, group, size)
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_ylabel("(observed − median) / σ")
        figure.legend(loc="outside upper left", ncols=5)
        return svg(figure, _alt(group, curves))


def standardised(curve: Mapping[str, list[float]], column: str) -> Array:
    """A column less the median, over half the width of the 68 % band."""
    spread = (np.array(curve["high68"]) - np.array(curve["low68"])) / 2
    difference = np.array(curve[column]) - np.array(curve["median"])
    residual: Array = np.divide(difference, spread, out=np.zeros_like(spread), where=spread > 0)
    return residual


def _bands(axes: Axes, curve: Mapping[str, list[float]], stride: int) -> None:
    edges = np.arange(len(curve["median"]) + 1, dtype=float)[::stride] - 0.5
    for low, high, alpha in (("low95", "high95", 0.55), ("low68", "high68", 1.0)):
        ends = [standardised(curve, c)[::stride][: len(edges)] for c in (low, high)]
        drawn_edges = np.append(edges[: len(ends[0])], len(curve["median"]) - 0.5)
        bottom, top = (np.append(e, e[-1]) for e in ends)
        axes.fill_between(drawn_edges, bottom, top, step="post", color=SHADE, alpha=alpha, lw=0)


def _residuals(
    axes: Axes,
    group: Group,
    method: str,
    curve: Mapping[str, list[float]],
    shift: float,
    stride: int,
) -> None:
    look = series(group.methods.index(method))
    y = standardised(curve, "observed")[::stride]
    x = np.arange(len(curve["observed"]))[::stride] + shift
    few = len(curve["observed"]) <= MOST_NAMED
    axes.plot(
        x,
        y,
        look.marker if few else "",
        linestyle="none" if few else look.dashes,
        lw=0.9,
        color=look.colour,
        markeredgecolor=INK,
        mew=0.5,
        ms=5,
        label=plain(method),
    )


def _name_entries(axes: Axes, group: Group, size: int) -> None:
    axes.set_xlim(-0.6, size - 0.4)
    names = entry_names(group, size)
    if names and size <= MOST_NAMED:
        turned = max(len(n) for n in names) * size > 110
        axes.set_xticks(
            range(size),
            [plain(n, 24) for n in names],
            rotation=35 if turned else 0,
            ha="right" if turned else "center",
        )
        axes.tick_params(axis="x", length=0)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("entry of the data")


def entry_names(group: Group, size: int) -> tuple[str, ...]:
    """Names of the data's entries, empty if the simulator does not name them all."""
    problem = group.results[group.reference].problem
    names = problem.simulator.output.names if problem is not None else ()
    return names if len(names) == size else ()


def _alt(group: Group, curves: Mapping[str, Mapping[str, list[float]]]) -> str:
    said = []
    for method, curve in curves.items():
        observed, low, high = (np.array(curve[c]) for c in ("observed", "low95", "high95"))
        outside = int(np.sum((observed < low) | (observed > high)))
        said.append(f"{method}: {outside} of {len(observed)} entries outside the 95 % band")
    return f"Residuals of the observation for {group.label}. {'; '.join(said)}."
