"""What a simulator says of its data and predictions, drawn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from sbiwb.comparison.groups import Group
from sbiwb.core.distributions import Array
from sbiwb.core.views import Curves, Outlines, Points, View
from sbiwb.report.figure import INK, MUTED, drawing, mark, new_figure, only_left_and_bottom, series
from sbiwb.report.labels import mathematics
from sbiwb.report.svg import svg
from sbiwb.report.text import clean, plain

_BANDS = ((0.025, 0.975, 0.22), (0.16, 0.84, 0.34))
_GREYS = 110  # of 255: a grey that is seen on white and on black, fainter where there is less
_MARKS = "oosD"


def view_plot(group: Group, views: Mapping[str, View]) -> Markup:
    """Draw one view of every method that has it.

    Parameters
    ----------
    group : Group
    views : mapping of str to View
        Method → its view; all of one title and kind.
    """
    first = next(iter(views.values()))
    with drawing():
        if isinstance(first, Outlines):
            width = 3.3
            shape = np.ptp(first.y) / np.ptp(first.x)
            figure = new_figure(width, 0.75 + (width - 0.6) * float(np.clip(shape, 0.3, 1.8)))
        else:
            figure = new_figure(4.8, 2.9)
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        axes.set_title(_text(first.title))
        axes.set_xlabel(_text(first.across))
        axes.set_ylabel(_text(first.up))
        mark(axes, across=_spoken(first.across), up=_spoken(first.up))
        if isinstance(first, Outlines):
            _outlines(axes, group, {m: v for m, v in views.items() if isinstance(v, Outlines)})
        else:
            _curves(axes, group, {m: v for m, v in views.items() if isinstance(v, Curves)})
        return svg(figure, _alt(group, views))


def _curves(axes: Axes, group: Group, views: Mapping[str, Curves]) -> None:
    only_left_and_bottom(axes)
    first = next(iter(views.values()))
    if first.level is not None:
        axes.axhline(first.level, color=MUTED, lw=0.8, ls=(0, (1, 2)))
    for points in first.points:
        if points.joined:
            axes.plot(points.x, points.y, color=MUTED, lw=0.7, alpha=0.8)
    filled = next(iter(views))
    for method, view in reversed(list(views.items())):
        look = series(group.place(method))
        if method == filled:
            for low, high, alpha in _BANDS:
                below, above = _quantiles(view.curves, (low, high))
                axes.fill_between(view.x, below, above, color=look.colour, alpha=alpha, lw=0)
            axes.plot(view.x, _quantiles(view.curves, (0.5,))[0], color=look.colour, lw=1)
        else:
            for edge in _quantiles(view.curves, (0.16, 0.84)):
                axes.plot(view.x, edge, color=look.colour, ls=look.dashes, lw=1)
    for k, points in enumerate(p for p in first.points if not p.joined):
        _points(axes, points, _MARKS[k % len(_MARKS)])
    axes.set_xlim(first.x[0], first.x[-1])


def _points(axes: Axes, points: Points, marker: str) -> None:
    crowded = len(points.x) > 60
    axes.errorbar(
        points.x, points.y, points.error, fmt=marker, color=INK, ms=1.6 if crowded else 3.4,
        lw=0.8, capsize=0 if crowded else 1.5, label=_text(points.label) or None,
    )  # fmt: skip
    if points.label:
        axes.legend(loc="best")


def _outlines(axes: Axes, group: Group, views: Mapping[str, Outlines]) -> None:
    first = next(iter(views.values()))
    shade = np.clip(first.background.T, 0, 1)
    picture = np.full((*shade.shape, 4), _GREYS, dtype=np.uint8)
    picture[..., 3] = (200 * shade).astype(np.uint8)
    half = (first.x[1] - first.x[0]) / 2, (first.y[1] - first.y[0]) / 2
    extent = (
        first.x[0] - half[0], first.x[-1] + half[0], first.y[0] - half[1], first.y[-1] + half[1],
    )  # fmt: skip
    axes.imshow(picture, origin="lower", extent=extent, interpolation="nearest")
    for k, (method, view) in enumerate(views.items()):
        look, share = series(group.place(method)), view.inside.mean(axis=0).T
        if k == 0:
            for low, high, alpha in _BANDS:
                _filled(axes, view, share, (low, high), look.colour, alpha)
        if np.max(share) > 0.5:
            axes.contour(view.x, view.y, share, [0.5], colors=look.colour,
                         linestyles=[look.dashes], linewidths=1.2)  # fmt: skip
    if first.observed is not None and np.any(first.observed):
        axes.contour(first.x, first.y, first.observed.T.astype(float), [0.5], colors=INK,
                     linewidths=0.8, linestyles=[(0, (1.5, 1.5))])  # fmt: skip
    axes.set_aspect("equal")


def _filled(
    axes: Axes, view: Outlines, share: Array, levels: tuple[float, float], colour: str, alpha: float
) -> None:
    """Shade where some draws, but not nearly all, have the region."""
    if np.any((share > levels[0]) & (share < levels[1])):
        axes.contourf(view.x, view.y, share, list(levels), colors=colour, alpha=alpha)


def _quantiles(curves: Array, levels: tuple[float, ...]) -> Array:
    """Quantiles over draws, NaN where fewer than half of the curves are defined."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        found: Array = np.nanquantile(curves, levels, axis=0)
    found[:, np.mean(np.isfinite(curves), axis=0) < 0.5] = np.nan
    return found


def _text(text: str) -> str:
    """Mathematics between dollar signs where they parse, else plain text."""
    whole = clean(text, 80)
    pieces = whole.split("$")
    if len(pieces) % 2 == 0:
        return plain(text, 80)
    made = [piece if k % 2 == 0 else mathematics(piece) for k, piece in enumerate(pieces)]
    if any(piece is None for piece in made):
        return plain(text, 80)
    return "".join(str(piece) for piece in made)


def _spoken(text: str) -> str:
    """Text without LaTeX's own letters."""
    for letters in ("\\mathrm", "\\,", "$", "{", "}", "\\"):
        text = text.replace(letters, "")
    return clean(text, 40)


def _alt(group: Group, views: Mapping[str, View]) -> str:
    first = next(iter(views.values()))
    what = (
        "regions on the map, shaded where draws differ, and the one observed, dotted"
        if isinstance(first, Outlines)
        else f"{_spoken(first.up)} against {_spoken(first.across)}, bands of 68 and 95 %"
    )
    return f"{_spoken(first.title)} for {group.label} by {', '.join(views)}: {what}."
