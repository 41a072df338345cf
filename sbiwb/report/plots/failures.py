"""Where simulations failed: parameter by parameter, against the prior."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sbiwb.comparison.groups import Group
from sbiwb.core.distributions import Array
from sbiwb.report.blocks import Panel
from sbiwb.report.figure import (
    SHADE,
    Series,
    drawing,
    mark,
    new_figure,
    only_left_and_bottom,
    series,
)
from sbiwb.report.scales import Scale, scale_over
from sbiwb.report.svg import svg
from sbiwb.report.text import clean
from sbiwb.result import Result, to_array

MOST = 5
"""Parameters that are shown: those in which failures lie least like the prior."""
_BINS = 20


def failures_plot(group: Group, method: str) -> list[Panel]:
    """Draw histograms of the failed simulations and of the prior."""
    result = group.results[method]
    if not {"failed_simulations", "prior"} <= set(result.tree.children):
        return []
    failed, prior = _failed(result), to_array(result.tree["prior"].to_dataset(), result.names)
    prior = prior.reshape(-1, prior.shape[-1])
    apart = np.array([_distance(failed[:, k], prior[:, k]) for k in range(failed.shape[1])])
    shown = np.sort(np.argsort(-apart, kind="stable")[:MOST])
    panels = []
    for k in shown:
        name, look = result.names[k], series(group.place(method))
        low, high = float(np.min(prior[:, k])), float(np.max(prior[:, k]))
        scale = scale_over(group.quantity(name), low, high)
        alt = _alt(group, method, name, failed[:, k])
        panels.append(Panel(_panel(failed[:, k], prior[:, k], scale, look, alt), clean(name)))
    return panels


def _failed(result: Result) -> Array:
    kept = result.tree["failed_simulations"].to_dataset()
    return np.asarray(kept["theta"].transpose("simulation", "parameter").values, dtype=np.float64)


def _distance(a: Array, b: Array) -> float:
    """Largest difference of the two empirical distribution functions (Kolmogorov–Smirnov)."""
    at = np.concatenate([a, b])
    below = [np.searchsorted(np.sort(v), at, side="right") / len(v) for v in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def _panel(failed: Array, prior: Array, scale: Scale, look: Series, alt: str) -> Markup:
    with drawing():
        figure = new_figure(2.45, 1.9)
        figure.set_layout_engine("constrained")
        _histograms(figure.subplots(), failed, prior, scale, look)
        return svg(figure, alt)


def _histograms(axes: Axes, failed: Array, prior: Array, scale: Scale, look: Series) -> None:
    mark(axes, across=scale.spoken)
    only_left_and_bottom(axes)
    edges = np.linspace(*scale.limits, _BINS + 1).tolist()
    axes.hist(scale(prior), edges, density=True, color=SHADE)
    axes.hist(scale(failed), edges, density=True, histtype="step", color=look.colour, lw=1.4)
    axes.set_xlim(*scale.limits)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(4, prune="both"))
    axes.set_xlabel(scale.label)
    axes.set_ylabel("density")


def _alt(group: Group, method: str, name: str, where: Array) -> str:
    low, middle, high = np.quantile(where, [0.05, 0.5, 0.95])
    return (
        f"Where simulations for {method} on {clean(group.label)} failed, against the prior: 90 % "
        f"of them at {name} between {low:.4g} and {high:.4g}, half below {middle:.4g}."
    )
