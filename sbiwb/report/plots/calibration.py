"""Calibration curves: expected coverage (TARP) and ranks of the true parameters (SBC)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from sbiwb.comparison.groups import Group
from sbiwb.core.verdict import Verdict
from sbiwb.report.figure import MUTED, SHADE, drawing, new_figure, only_left_and_bottom, series
from sbiwb.report.labels import drawn
from sbiwb.report.svg import svg
from sbiwb.report.text import plain

_COLUMNS = 5
_COVERAGE = ("alpha", "ecp", "low", "high")
_RANKS = ("u", "difference", "low", "high")


def calibration_plot(group: Group) -> Markup | None:
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
    count = len(coverage) + len(ranks)
    if not count:
        return None
    across = min(count, _COLUMNS)
    down = math.ceil(count / across)
    with drawing():
        figure = new_figure(min(0.3 + 2.4 * across, 10), 2.3 * down + 0.35)
        figure.set_layout_engine("constrained", w_pad=0.06)
        panels = list(figure.subplots(down, across, squeeze=False).ravel())
        for axes in panels[count:]:
            axes.set_visible(False)
        for axes, (check, curves) in zip(panels, coverage.items(), strict=False):
            _coverage(axes, group, curves)
            axes.set_title("coverage (TARP)" if check == "tarp" else "coverage (densest regions)")
        largest = max(
            (
                np.max(np.abs(c[k]))
                for curves in ranks.values()
                for c in curves.values()
                for k in _RANKS[1:]
            ),
            default=0.0,
        )
        for axes, (name, curves) in zip(panels[len(coverage) :], ranks.items(), strict=False):
            _ranks(axes, group, curves, largest)
            axes.set_title(f"ranks of {drawn(group.quantity(name))}")
            if name == next(iter(ranks)):
                axes.set_ylabel("ECDF − uniform")
        drawn_methods = {m for c in (*coverage.values(), *ranks.values()) for m in c}
        methods = [m for m in group.methods if m in drawn_methods]
        handles = [line for line in panels[0].get_lines() if line.get_gid() in methods]
        figure.legend(handles=handles, loc="outside upper left", ncols=4)
        return svg(figure, _alt(group, methods))


def _curves(
    group: Group, check: str, columns: Sequence[str]
) -> dict[str, Mapping[str, list[float]]]:
    found: dict[str, Mapping[str, list[float]]] = {}
    for method, result in group.results.items():
        verdict = next((v for v in result.verdicts if v.name == check), None)
        if verdict is not None and all(len(verdict.curve.get(c, ())) > 1 for c in columns):
            found[method] = verdict.curve
    return found


def _coverage(axes: Axes, group: Group, curves: Mapping[str, Mapping[str, list[float]]]) -> None:
    only_left_and_bottom(axes)
    _bands(axes, curves, "alpha")
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8)
    _lines(axes, group, curves, "alpha", "ecp")
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    axes.set_xlabel("credibility level")
    axes.set_ylabel("expected coverage")


def _ranks(
    axes: Axes, group: Group, curves: Mapping[str, Mapping[str, list[float]]], largest: float
) -> None:
    only_left_and_bottom(axes)
    _bands(axes, curves, "u")
    axes.axhline(0, color=MUTED, lw=0.8)
    _lines(axes, group, curves, "u", "difference")
    axes.set(xlim=(0, 1), xticks=[0, 0.5, 1])
    axes.set_ylim(-1.15 * largest, 1.15 * largest)
    axes.set_xlabel("rank / draws")


def _bands(axes: Axes, curves: Mapping[str, Mapping[str, list[float]]], across: str) -> None:
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
    curves: Mapping[str, Mapping[str, list[float]]],
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
            label=plain(method),
            gid=method,
        )


def _alt(group: Group, methods: Sequence[str]) -> str:
    judged = "; ".join(
        f"{method}: {verdict.message}"
        for method in methods
        for verdict in group.results[method].verdicts
        if _is_calibration(verdict)
    )
    return f"Coverage and rank curves of {', '.join(methods)} for {group.label}. {judged}"


def _is_calibration(verdict: Verdict) -> bool:
    return verdict.name.partition("[")[0] in ("tarp", "expected_coverage", "sbc")
