"""Profile likelihoods beside marginal posteriors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from scipy.interpolate import PchipInterpolator

from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import Panel, Picture, method_cell
from sbiwb.report.figure import INK, drawing, mark, new_figure, only_left_and_bottom, series
from sbiwb.report.labels import drawn
from sbiwb.report.svg import svg
from sbiwb.report.text import clean

Curves = Mapping[str, Mapping[str, list[float]]]
_COLUMNS = ("theta", "profile", "marginal")
_FINE = 200


def profile_plot(group: Group) -> Picture | None:
    """Draw the profile of each parameter that has one, and its marginals; None without any."""
    panels, shown = [], set()
    for name in dict.fromkeys(n for r in group.results.values() for n in r.names):
        curves = {
            method: verdict.curve
            for method, result in group.results.items()
            for verdict in result.verdicts
            if verdict.name == f"profile[{name}]"
            and all(len(verdict.curve.get(column, ())) > 1 for column in _COLUMNS)
        }
        if curves:
            panels.append(Panel(_panel(group, name, curves), clean(name)))
            shown |= set(curves)
    legend = [method_cell(group, m) for m in group.methods if m in shown]
    return Picture(panels, legend=legend) if panels else None


def _panel(group: Group, name: str, curves: Curves) -> Markup:
    with drawing():
        figure = new_figure(2.45, 2.1)
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        only_left_and_bottom(axes)
        for method, curve in curves.items():
            theta = np.asarray(curve["theta"])
            fine = np.linspace(theta[0], theta[-1], _FINE)
            look = series(group.place(method))
            marginal = PchipInterpolator(theta, curve["marginal"])(fine)
            axes.plot(fine, marginal, color=look.colour, linestyle=look.dashes)
            axes.plot(fine, PchipInterpolator(theta, curve["profile"])(fine), color=INK, lw=0.9)
        axes.set_ylim(0, 1.05)
        axes.set_yticks([0, 0.5, 1])
        axes.set_xlabel(drawn(group.quantity(name)))
        axes.set_ylabel("relative to the peak")
        mark(axes, across=name, up="relative to the peak")
        said = "; ".join(
            f"{method}: {verdict.message}"
            for method in curves
            for verdict in group.results[method].verdicts
            if verdict.name == f"profile[{name}]"
        )
        return svg(figure, f"Profile likelihood of {name} for {group.label}. {said}")
