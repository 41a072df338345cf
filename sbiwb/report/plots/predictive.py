"""Posterior predictive check: the observation against what the posterior predicts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sbiwb.comparison.groups import Group
from sbiwb.core.distributions import Array
from sbiwb.core.simulator import Output
from sbiwb.report.figure import (
    INK,
    MUTED,
    SHADE,
    drawing,
    mark,
    new_figure,
    only_left_and_bottom,
    series,
)
from sbiwb.report.svg import svg
from sbiwb.report.text import plain

Curve = Mapping[str, list[float]]
_COLUMNS = ("observed", "median", "low68", "high68", "low95", "high95")
_MOST_APART = 40  # entries that are drawn as separate points


def predictive_plot(group: Group) -> Markup | None:
    """Draw residuals in units of the predictive spread, with 68 and 95 % bands; None without."""
    curves = _curves(group)
    if not curves:
        return None
    band_of = group.reference if group.reference in curves else next(iter(curves))
    shown = _Shown(group, curves[band_of])
    curves = {method: shown.cut(curve) for method, curve in curves.items()}
    apart = len(_entries(curves[band_of])) <= _MOST_APART
    with drawing():
        figure = new_figure(10, 2.9)
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        only_left_and_bottom(axes)
        _bands(axes, curves[band_of], apart=apart)
        axes.axhline(0, color=MUTED, lw=0.8)
        for k, (method, curve) in enumerate(curves.items()):
            shift = (k - (len(curves) - 1) / 2) * 0.6 / len(curves) if apart else 0.0
            look = series(group.place(method))
            axes.plot(
                _entries(curve) + shift,
                _standardised(curve, "observed"),
                marker=look.marker if apart else "",
                linestyle="none" if apart else look.dashes,
                lw=0.9,
                color=look.colour,
                markeredgecolor=INK,
                mew=0.5,
                ms=5,
                label=plain(method),
            )
        shown.label(axes)
        mark(axes, across="entry", up="residual / σ")
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_ylabel("(observed − median) / σ")
        figure.legend(loc="outside upper left", ncols=5)
        return svg(figure, _alt(group, curves))


class _Shown:
    """Which entries are drawn, and what the axis calls them.

    Rows that are only ever 0 or 1, outlines and masks, have no residuals to see, and are left out
    beside others.
    """

    def __init__(self, group: Group, curve: Curve) -> None:
        problem = group.results[group.reference].problem
        self._output = Output(()) if problem is None else problem.simulator.output
        entries = _entries(curve).astype(int)
        rows = self._output.rows
        width = self._output.shape[-1] if rows else 1
        low, high = np.array(curve["low95"]), np.array(curve["high95"])
        binary = np.isin(curve["observed"], (0.0, 1.0)) & (low >= 0.0) & (high <= 1.0)
        self._left_out = [k for k in range(len(rows)) if np.all(binary[entries // width == k])]
        if len(self._left_out) == len(rows):
            self._left_out = []
        row_of = entries // width if rows else np.zeros(len(entries), dtype=int)
        kept = ~np.isin(row_of, self._left_out)
        self._entries, self._rows = entries[kept], sorted(set(row_of[kept]))
        # A row by itself is numbered from its own first entry.
        self._first = width * self._rows[0] if len(self._rows) == 1 else 0

    def cut(self, curve: Curve) -> Curve:
        """The curve at the entries that are drawn."""
        found = np.flatnonzero(np.isin(_entries(curve), self._entries))
        cut = {name: [column[k] for k in found] for name, column in curve.items()}
        return {**cut, "entry": list(_entries(curve)[found] - self._first)}

    def label(self, axes: Axes) -> None:
        """Name the entries, or number them, and divide the rows."""
        places, output = self._entries - self._first, self._output
        axes.set_xlim(places[0] - 0.6, places[-1] + 0.6)
        if len(places) <= _MOST_APART and output.entries:
            names = [plain(output.entries[e], 24) for e in self._entries]
            turned = max(len(n) for n in names) * len(names) > 110
            rotation, side = (35, "right") if turned else (0, "center")
            axes.set_xticks(places, names, rotation=rotation, ha=side)
            axes.tick_params(axis="x", length=0)
            return
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        if not output.rows:
            axes.set_xlabel("entry of the data")
            return
        for row in self._rows[1:]:
            axes.axvline(row * output.shape[-1] - 0.5, color=MUTED, lw=0.6, ls=":")
        text = f"entry of {', '.join(plain(output.rows[k], 24) for k in self._rows)}"
        if self._left_out:
            without = ", ".join(plain(output.rows[k], 24) for k in self._left_out)
            text += f" (without {without}: yes or no)"
        axes.set_xlabel(text)


def _curves(group: Group) -> dict[str, Curve]:
    """Method → its predictive curve, for methods that have a whole one."""
    found: dict[str, Curve] = {}
    for method, result in group.results.items():
        for verdict in result.verdicts:
            columns = [verdict.curve.get(c, []) for c in _COLUMNS]
            if verdict.name == "predictive" and columns[0] and len({len(c) for c in columns}) == 1:
                found[method] = verdict.curve
    return found


def _entries(curve: Curve) -> Array:
    """Places of the curve's points in the flattened datum: long data come thinned."""
    return np.asarray(curve.get("entry") or range(len(curve["observed"])), dtype=np.float64)


def _standardised(curve: Curve, column: str) -> Array:
    """A column less the median, over half the width of the 68 % band."""
    spread = (np.array(curve["high68"]) - np.array(curve["low68"])) / 2
    difference = np.array(curve[column]) - np.array(curve["median"])
    residual: Array = np.divide(difference, spread, out=np.zeros_like(spread), where=spread > 0)
    return residual


def _bands(axes: Axes, curve: Curve, *, apart: bool) -> None:
    x = _entries(curve)
    for low, high, alpha in (("low95", "high95", 0.55), ("low68", "high68", 1.0)):
        bottom, top = (_standardised(curve, column) for column in (low, high))
        if apart:
            axes.bar(x, top - bottom, 1.0, bottom, color=SHADE, alpha=alpha, lw=0)
        else:
            axes.fill_between(x, bottom, top, color=SHADE, alpha=alpha, lw=0)


def _alt(group: Group, curves: Mapping[str, Curve]) -> str:
    said = []
    for method, curve in curves.items():
        observed, low, high = (np.array(curve[c]) for c in ("observed", "low95", "high95"))
        outside = int(np.sum((observed < low) | (observed > high)))
        said.append(f"{method}: {outside} of {len(observed)} entries outside the 95 % band")
    return f"Residuals of the observation for {group.label}. {'; '.join(said)}."
