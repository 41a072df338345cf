"""Forest plot: every method's intervals, parameter by parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import Panel
from sbiwb.report.figure import INK, MUTED, SHADE, drawing, mark, new_figure, series
from sbiwb.report.scales import Scale, scale_over
from sbiwb.report.svg import svg
from sbiwb.report.text import clean, plain

_WIDTH = 3.3  # inches
_ROW = 0.21
_LONGEST = 28  # characters of a name


@dataclass(frozen=True)
class _Row:
    """One line of the plot: a method of a group, or the group's heading."""

    y: float
    group: Group
    method: str | None = None


def forest(groups: Sequence[Group]) -> list[Panel]:
    """Draw medians with 68 and 95 % intervals, one panel a parameter.

    Parameters
    ----------
    groups : sequence of Group
        Problems whose parameters of one name mean the same.
    """
    names = list(dict.fromkeys(name for group in groups for name in group.names))
    rows = _rows(groups)
    return [Panel(_panel(groups, name, rows), clean(name)) for name in names]


def _rows(groups: Sequence[Group]) -> list[_Row]:
    rows: list[_Row] = []
    for group in groups:
        if len(groups) > 1:
            rows.append(_Row(len(rows), group))
        start = len(rows)
        rows.extend(_Row(start + k, group, m) for k, m in enumerate(group.methods))
    return rows


def _panel(groups: Sequence[Group], name: str, rows: Sequence[_Row]) -> Markup:
    with drawing():
        figure = new_figure(_WIDTH, len(rows) * _ROW + 0.62)
        figure.set_layout_engine("constrained")
        _intervals(figure.subplots(), name, rows)
        return svg(figure, _alt(groups, name))


def _intervals(axes: Axes, name: str, rows: Sequence[_Row]) -> None:
    scale = _common_scale(name, rows)
    mark(axes, across=scale.spoken)
    axes.set_xlim(*scale.limits)
    axes.set_ylim(rows[-1].y + 0.7, -0.7)
    axes.xaxis.set_major_locator(MaxNLocator(4, prune="both"))
    axes.set_xlabel(scale.label)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    # A problem named by its options may be longer than the figure is wide.
    texts = [_shortened(plain(row.method or row.group.label)) for row in rows]
    axes.set_yticks([row.y for row in rows], texts)
    for row, tick in zip(rows, axes.get_yticklabels(), strict=False):
        tick.set_fontweight("normal" if row.method else "bold")
    for end, bound in zip(scale.limits, scale.window.support, strict=True):
        if np.isclose(end, bound):
            axes.axvline(bound, color=MUTED, lw=1, ls=(0, (1, 2)))
    for group in dict.fromkeys(row.group.label for row in rows):
        _band(axes, name, [row for row in rows if row.group.label == group and row.method], scale)
    for row in rows:
        if row.method is not None and name in row.group.summaries[row.method].index:
            _interval(axes, row.group, row.method, name, row.y, scale)


def _shortened(text: str) -> str:
    """A name that leaves room for what it names."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _band(axes: Axes, name: str, rows: Sequence[_Row], scale: Scale) -> None:
    """Shade the reference's 68 % interval behind the methods it is compared with."""
    summary = rows[0].group.summaries[rows[0].group.reference]
    if name in summary.index:
        low, high = (float(scale(summary.loc[name, q])) for q in ("q16", "q84"))
        axes.fill_between([low, high], rows[0].y - 0.5, rows[-1].y + 0.5, color=SHADE, lw=0)


def _interval(axes: Axes, group: Group, method: str, name: str, y: float, scale: Scale) -> None:
    look = series(group.place(method))
    columns = ["q025", "q16", "median", "q84", "q975"]
    values = scale(group.summaries[method].loc[name, columns].to_numpy(dtype=float))
    axes.plot(values[[0, 4]], [y, y], color=look.colour, lw=1.1, solid_capstyle="butt")
    axes.plot(values[[1, 3]], [y, y], color=look.colour, lw=3.2, solid_capstyle="butt")
    axes.plot(
        values[2], y, look.marker, color=look.colour, markeredgecolor=INK, markersize=5, mew=0.6
    )


def _common_scale(name: str, rows: Sequence[_Row]) -> Scale:
    groups = {row.group.label: row.group for row in rows if name in row.group.names}
    ends = [
        summary.loc[name, ["q025", "q975"]].to_numpy(dtype=float)
        for group in groups.values()
        for summary in group.summaries.values()
        if name in summary.index
    ]
    quantity = next(iter(groups.values())).quantity(name)
    return scale_over(quantity, float(np.min(ends)), float(np.max(ends)))


def _alt(groups: Sequence[Group], name: str) -> str:
    return (
        f"Medians with 68 and 95 % intervals of {name} for "
        f"{', '.join(group.label for group in groups)}; the numbers are in the table above."
    )
