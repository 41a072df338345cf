"""Corner plot: all one- and two-dimensional marginals of the posteriors of one problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib import cbook
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

from sbiwb.comparison.groups import Group
from sbiwb.core.distributions import Array
from sbiwb.report.density import Density, Window, density_1d, density_2d
from sbiwb.report.figure import INK, MUTED, SHADE, Series, drawing, mark, new_figure, series
from sbiwb.report.labels import drawn
from sbiwb.report.quoting import quote
from sbiwb.report.scales import Scale, scale_for
from sbiwb.report.svg import svg
from sbiwb.report.text import clean, plain
from sbiwb.result import to_array

MOST = 12
"""Parameters shown; more would be too small to read."""
_WIDTHS = {1: 6.4, 2: 5.6, 3: 7.4, 4: 8.8}
_PANEL = 1.1  # inches that a panel of many takes at least
_MASSES = (0.95, 0.68)


def corner(group: Group) -> Markup:
    """Draw the corner plot of a group."""
    names = group.names[:MOST]
    scales = {name: scale_for(group, name) for name in names}
    with drawing():
        figure = _figure(group, scales)
        return svg(figure, _alt(group, names))


def _figure(group: Group, scales: Mapping[str, Scale]) -> Figure:
    names, d = list(scales), len(scales)
    width = _WIDTHS.get(d, max(10.0, 1.0 + _PANEL * d))
    titles = [_title(group, name, scale) for name, scale in scales.items()]
    # Long titles run on to the right, over the empty half; the last one needs room.
    longest = (width - 0.82) / d
    over = max(_inches(titles[-1], _title_size(d)) - longest, 0.0) if d > 1 else 0.0
    height = 3.2 if d == 1 else (width - over) * 0.98
    figure = new_figure(width, height)
    grid = figure.add_gridspec(
        d,
        d,
        left=0.72 / width if d > 1 else 0.02,
        right=1 - (0.1 + over) / width if d > 1 else 0.68,
        bottom=0.58 / height,
        top=1 - 0.3 / height,
        wspace=0.06,
        hspace=0.06,
    )
    panels: dict[tuple[int, int], Axes] = {}
    for i in range(d):
        for j in range(i + 1):
            axes = figure.add_subplot(grid[i, j])
            panels[i, j] = axes
            across, up = scales[names[j]], scales[names[i]]
            _frame(axes, across, up if i != j else None, d)
            spoken = {"up": up.spoken} if i != j else {}
            mark(axes, panel=f"{i} {j}", column=clean(names[j]), across=across.spoken, **spoken)
            mark(axes.xaxis, edge="across")
            mark(axes.yaxis, edge="up")
            if i < d - 1:
                axes.tick_params(labelbottom=False)
            else:
                axes.set_xlabel(scales[names[j]].label)
            if j == 0 and i > 0:
                axes.set_ylabel(scales[names[i]].label)
            else:
                axes.tick_params(labelleft=False)
    figure.align_labels()
    order = [*(m for m in group.methods if m != group.reference), group.reference]
    for method in order:
        look = series(group.place(method))
        _draw_method(group, method, look, scales, panels)
    _draw_prior(group, scales, panels)
    for i, title in enumerate(titles):
        fits = _inches(title, _title_size(d)) < longest
        panels[i, i].set_title(
            title, fontsize=_title_size(d), loc="center" if fits or d == 1 else "left"
        )
    _legend(figure, group)
    return figure


def _frame(axes: Axes, across: Scale, up: Scale | None, d: int) -> None:
    axes.set_xlim(*across.limits)
    axes.set_xticks(_ticks(across.limits, d))
    if up is None:
        axes.set_ylim(0, 1.08)
        axes.yaxis.set_visible(False)
        axes.spines[["left", "right", "top"]].set_visible(False)
    else:
        axes.set_ylim(*up.limits)
        axes.set_yticks(_ticks(up.limits, d))
        axes.tick_params(top=True, right=True)


def _ticks(limits: tuple[float, float], d: int) -> Array:
    """Two or three round numbers, none so near an end that it meets the next panel's."""
    low, high = limits
    margin = 0.1 * (high - low)
    for wanted in range(3, 9):
        ticks = np.asarray(MaxNLocator(wanted).tick_values(low, high))
        ticks = ticks[(ticks > low + margin) & (ticks < high - margin)]
        if len(ticks) >= (3 if d < 5 else 2):
            break
    return ticks


def _draw_method(
    group: Group,
    method: str,
    look: Series,
    scales: Mapping[str, Scale],
    panels: Mapping[tuple[int, int], Axes],
) -> None:
    result, names = group.results[method], list(scales)
    draws, effective = result.samples(), group.effective(method)
    shown = {
        k: scales[name](draws[:, result.names.index(name)])
        for k, name in enumerate(names)
        if name in result.names and np.ptp(draws[:, result.names.index(name)]) > 0
    }
    filled = method == group.reference
    for i in shown:
        density = density_1d(shown[i], scales[names[i]].window, effective)
        x, y = _to_the_ends(density.centres[0], density.values, scales[names[i]].limits)
        y = y / np.max(y)
        panels[i, i].plot(x, y, color=look.colour, linestyle=look.dashes)
        if filled:
            panels[i, i].fill_between(x, y, color=look.colour, alpha=0.14, linewidth=0)
        for j in (j for j in shown if j < i):
            pair = scales[names[j]], scales[names[i]]
            allowed = allowed_by_prior(group, pair)
            points = np.stack([shown[j], shown[i]], axis=1)
            joint = density_2d(points, (pair[0].window, pair[1].window), effective, allowed)
            _contours(panels[i, j], joint, pair, allowed, look, filled=filled)


def _contours(
    axes: Axes,
    joint: Density,
    pair: tuple[Scale, Scale],
    allowed: tuple[float, float, float] | None,
    look: Series,
    *,
    filled: bool,
) -> None:
    levels = [joint.level(mass) for mass in _MASSES]
    if not 0 < levels[0] < levels[1] < np.max(joint.values):
        return
    x, values = _to_the_ends(joint.centres[0], joint.values, pair[0].limits)
    y, flipped = _to_the_ends(joint.centres[1], values.T, pair[1].limits)
    sets = [
        axes.contour(
            x, y, flipped, levels, colors=look.colour, linestyles=[look.dashes], linewidths=1.1
        )
    ]
    if filled:
        for low, alpha in zip(levels, (0.2, 0.38), strict=True):
            top = [low, float(np.max(flipped)) * 1.01]
            sets.append(axes.contourf(x, y, flipped, top, colors=look.colour, alpha=alpha))
    if allowed is not None:
        inside = Polygon(_half_plane(axes, allowed), transform=axes.transData)
        for drawn_set in sets:
            drawn_set.set_clip_path(inside)


def _draw_prior(
    group: Group, scales: Mapping[str, Scale], panels: Mapping[tuple[int, int], Axes]
) -> None:
    """The prior: dotted on the diagonal, relative to the reference's peak; grey where excluded."""
    names = list(scales)
    for (i, j), axes in panels.items():
        allowed = allowed_by_prior(group, (scales[names[j]], scales[names[i]])) if i != j else None
        if allowed is not None:
            a, b, c = allowed
            axes.add_patch(
                Polygon(_half_plane(axes, (-a, -b, -c)), facecolor=SHADE, edgecolor="none")
            )
    result = group.results[group.reference]
    if "prior" not in result.tree.children:
        return
    prior = to_array(result.tree["prior"].to_dataset(), result.names)
    prior = prior.reshape(-1, prior.shape[-1])
    for k, name in enumerate(names):
        if name not in result.names or np.ptp(result.samples()[:, result.names.index(name)]) == 0:
            continue
        column, scale = result.names.index(name), scales[name]
        heights = _prior_heights(prior[:, column], result.samples()[:, column], scale)
        panels[k, k].plot(*heights, color=MUTED, linestyle=(0, (1, 2)), linewidth=1)


def _prior_heights(prior: Array, draws: Array, scale: Scale) -> tuple[Array, Array]:
    """Density of the prior over the axis, where the posterior's peak is 1."""
    whole = scale(prior)
    bounds = scale.window.support
    ends = [
        bound if np.isfinite(bound) else end
        for bound, end in zip(bounds, (np.min(whole), np.max(whole)), strict=True)
    ]
    # Far fewer effective draws than there are: priors are smooth, and the line should be.
    density = density_1d(whole, Window(ends[0], ends[1], bounds), effective=100)
    peak = np.max(density_1d(scale(draws), scale.window, len(draws)).values)
    x = np.linspace(*scale.limits, 60)
    centres, values = _to_the_ends(density.centres[0], density.values, (ends[0], ends[1]))
    return x, np.interp(x, centres, values, left=0, right=0) / peak


def allowed_by_prior(group: Group, pair: Sequence[Scale]) -> tuple[float, float, float] | None:
    """The prior's linear inequality in the units of two axes, if it is about them."""
    constraint = group.constraint
    names = [scale.quantity.name for scale in pair]
    if constraint is None or set(constraint["names"]) != set(names):
        return None
    weights = dict(zip(constraint["names"], constraint["weights"], strict=True))
    across, up = pair
    a, b = weights[names[0]], weights[names[1]]
    rest = constraint["below"] - a * across.offset - b * up.offset
    return a * 10.0**across.power, b * 10.0**up.power, float(rest)


def _half_plane(axes: Axes, allowed: tuple[float, float, float]) -> Array:
    """Corners of the part of the axes where a·x + b·y < c."""
    a, b, c = allowed
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    kept = []
    for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside, beyond = c - here @ (a, b), c - there @ (a, b)
        if inside >= 0:
            kept.append(here)
        if inside * beyond < 0:
            kept.append(here + (there - here) * inside / (inside - beyond))
    return np.array(kept).reshape(-1, 2)


def _to_the_ends(centres: Array, values: Array, limits: tuple[float, float]) -> tuple[Array, Array]:
    """Carry cell values on to the ends of the axis, half a cell away."""
    x = np.concatenate([[limits[0]], centres, [limits[1]]])
    return x, np.concatenate([values[:1], values, values[-1:]])


def _title(group: Group, name: str, scale: Scale) -> str:
    result = group.results[group.reference]
    if name not in result.names:
        return ""
    said = quote(group, name, scale)
    value = said.value if said.relation == "=" else f"{said.relation} {said.value}"
    return value if scale.offset else f"{drawn(scale.quantity)} {said.relation} {said.value}"


def _title_size(d: int) -> float:
    return 8.5 if d < 6 else 7.5


def _inches(text: str, size: float) -> float:
    """Width of a text."""
    width, *_ = text_to_path.get_text_width_height_descent(
        text, FontProperties(size=size), ismath=cbook.is_math_text(text)
    )
    return float(width) / 72


def _legend(figure: Figure, group: Group) -> None:
    handles = []
    for method in group.methods:
        look = series(group.place(method))
        text = plain(method) + (" (filled)" if method == group.reference else "")
        handles.append(Line2D([], [], color=look.colour, linestyle=look.dashes, label=text))
    if "prior" in group.results[group.reference].tree.children:
        dotted = Line2D([], [], color=MUTED, linestyle=(0, (1, 2)), linewidth=1, label="prior")
        handles.append(dotted)
    legend = figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(0.995, 0.97),
        handlelength=2.6,
        labelcolor=INK,
    )
    mark(legend, legend="methods")


def _alt(group: Group, names: Sequence[str]) -> str:
    rows = group.summaries[group.reference]
    found = ", ".join(
        f"{name} {rows.loc[name, 'mean']:.4g} ± {rows.loc[name, 'sd']:.2g}"
        for name in names
        if name in rows.index
    )
    return (
        f"Corner plot of {group.label}: 68 and 95 % regions by {', '.join(group.methods)}. "
        f"{group.reference}: {found}."
    )
