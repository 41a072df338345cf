"""Calibration curves: expected coverage (TARP) and ranks of the true parameters (SBC)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import Panel, Picture, method_cell
from sbiwb.report.figure import (
    MUTED,
    SHADE,
    drawing,
    mark,
    new_figure,
    only_left_and_bottom,
    series,
)
from sbiwb.report.labels import drawn
from sbiwb.report.svg import svg
from sbiwb.report.text import clean

Curve = Mapping[str, list[float]]
_COVERAGE = ("alpha", "ecp", "low", "high")
_RANKS = ("u", "difference", "low", "high")


def calibration_plot(group: Group) -> Picture | None:
    """Draw the coverage curves and, parameter by parameter, the ranks; None without such checks."""
    coverage = {
        check: curves
        for check in ("tarp", "expected_coverage")
        if (curves := _curves(group, check, _COVERAGE))
    }
    checks = dict.fromkeys(v.name for r in group.results.values() for v in r.verdicts)
    ranks = {
        check.partition("[")[2].removesuffix("]"): _curves(group, check, _RANKS)
        for check in checks
        if check.startswith("sbc[")
    }
    ranks = {name: curves for name, curves in ranks.items() if curves}
    if not coverage and not ranks:
        return None
    largest = max(
        (_extent(curve) for curves in ranks.values() for curve in curves.values()), default=0
    )
    panels = [Panel(_coverage(group, check, curves)) for check, curves in coverage.items()]
    panels += [
        Panel(_ranks(group, name, curves, largest), clean(name)) for name, curves in ranks.items()
    ]
    shown = {m for curves in (*coverage.values(), *ranks.values()) for m in curves}
    legend = [method_cell(group, m) for m in group.methods if m in shown]
    return Picture(panels, legend=legend)


def _extent(curve: Curve) -> float:
    """How far the curve and its band go from zero."""
    return float(max(np.max(np.abs(curve[column])) for column in _RANKS[1:]))


def _curves(group: Group, check: str, columns: Sequence[str]) -> dict[str, Curve]:
    found: dict[str, Curve] = {}
    for method, result in group.results.items():
        verdict = next((v for v in result.verdicts if v.name == check), None)
        if verdict is not None and all(len(verdict.curve.get(c, ())) > 1 for c in columns):
            found[method] = verdict.curve
    return found


def _coverage(group: Group, check: str, curves: Mapping[str, Curve]) -> Markup:
    with drawing():
        figure, axes = _panel()
        figure.suptitle("coverage (TARP)" if check == "tarp" else "coverage (densest regions)")
        _bands(axes, curves, "alpha")
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8)
        _lines(axes, group, curves, "alpha", "ecp")
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        axes.set_xlabel("credibility level")
        axes.set_ylabel("expected coverage")
        mark(axes, across="credibility level", up="coverage")
        return svg(figure, _alt("Coverage curve", group, check, curves))


def _ranks(group: Group, name: str, curves: Mapping[str, Curve], largest: float) -> Markup:
    with drawing():
        figure, axes = _panel()
        figure.suptitle(f"ranks of {drawn(group.quantity(name))}")
        _bands(axes, curves, "u")
        axes.axhline(0, color=MUTED, lw=0.8)
        _lines(axes, group, curves, "u", "difference")
        axes.set(xlim=(0, 1), xticks=[0, 0.5, 1])
        axes.set_ylim(-1.15 * largest, 1.15 * largest)
        axes.yaxis.set_major_locator(MaxNLocator(5, symmetric=True))
        axes.set_xlabel("rank / draws")
        axes.set_ylabel("ECDF − uniform")
        mark(axes, across="rank / draws", up="ECDF − uniform")
        return svg(figure, _alt(f"Ranks of {name}", group, f"sbc[{name}]", curves))


def _panel() -> tuple[Figure, Axes]:
    figure = new_figure(2.45, 2.3)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    only_left_and_bottom(axes)
    return figure, axes


def _bands(axes: Axes, curves: Mapping[str, Curve], across: str) -> None:
    """Shade the region in which a calibrated method stays; the same for equal numbers of trials."""
    seen: list[tuple[float, ...]] = []
    for curve in curves.values():
        band = (*curve["low"], *curve["high"])
        if band not in seen:
            seen.append(band)
            axes.fill_between(curve[across], curve["low"], curve["high"], color=SHADE, lw=0)


def _lines(
    axes: Axes,
    group: Group,
    curves: Mapping[str, Curve],
    across: str,
    up: str,
) -> None:
    for method, curve in curves.items():
        look = series(group.place(method))
        axes.plot(
            curve[across],
            curve[up],
            color=look.colour,
            linestyle=look.dashes,
        )


def _alt(what: str, group: Group, check: str, methods: Iterable[str]) -> str:
    judged = "; ".join(
        f"{method}: {verdict.message}"
        for method in methods
        for verdict in group.results[method].verdicts
        if verdict.name == check
    )
    return f"{what} for {group.label}. {judged}"
