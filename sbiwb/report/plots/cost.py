"""How near each posterior came to the reference, against what it cost."""

from __future__ import annotations

import math
from collections.abc import Mapping

from markupsafe import Markup

from sbiwb.comparison.agreement import AGREES
from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import Panel
from sbiwb.report.figure import (
    INK,
    MUTED,
    SHADE,
    drawing,
    new_figure,
    only_left_and_bottom,
    series,
)
from sbiwb.report.numbers import count, seconds
from sbiwb.report.svg import svg
from sbiwb.report.text import plain


def cost_plot(group: Group, accuracy: Mapping[str, float]) -> list[Panel]:
    """Draw C2ST against simulator calls and seconds, where several methods have counted them.

    Parameters
    ----------
    group : Group
    accuracy : mapping of str to float
        Method → C2ST against the reference.
    """
    costs = {m: group.results[m].cost for m in accuracy if math.isfinite(accuracy[m])}
    calls = {m: float(c.simulator_calls) for m, c in costs.items() if c.simulator_calls > 0}
    times = {m: c.seconds for m, c in costs.items() if c.seconds > 0}
    panels = []
    if len(calls) > 1:
        said = {m: f"{count(v)} simulations" for m, v in calls.items()}
        panels.append(Panel(_panel(group, calls, accuracy, "simulator calls", said)))
    if len(times) > 1:
        said = {m: seconds(v) for m, v in times.items()}
        panels.append(Panel(_panel(group, times, accuracy, "seconds", said)))
    return panels


def _panel(
    group: Group,
    cost: Mapping[str, float],
    accuracy: Mapping[str, float],
    label: str,
    said: Mapping[str, str],
) -> Markup:
    with drawing():
        figure = new_figure(4.6, 2.6)
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        only_left_and_bottom(axes)
        axes.axhspan(0.5, AGREES[2], color=SHADE, lw=0)
        axes.axhline(0.5, color=MUTED, lw=0.8)
        for method, value in cost.items():
            look = series(group.place(method))
            axes.plot(
                value, accuracy[method], look.marker, color=look.colour, ms=7,
                markeredgecolor=INK, mew=0.6,
            )  # fmt: skip
        low, high = min(cost.values()), max(cost.values())
        axes.set_xscale("log")
        axes.set_xlim(low / 2, high * 2)
        found = [accuracy[m] for m in cost]
        axes.set_ylim(min(0.48, min(found) - 0.02), min(max(0.75, max(found) + 0.05), 1.0))
        axes.set_xlabel(label)
        axes.set_ylabel(f"C2ST to {plain(group.reference, 24)}")
        points = "; ".join(f"{m} {accuracy[m]:.3f} with {said[m]}" for m in cost)
        alt = f"C2ST to {group.reference} against {label} for {group.label}: {points}."
        return svg(figure, alt)
