"""Where simulations failed: parameter by parameter, against the prior."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sbiwb.comparison.groups import Group
from sbiwb.core.distributions import Array
from sbiwb.report.figure import SHADE, Series, drawing, new_figure, only_left_and_bottom, series
from sbiwb.report.scales import Scale, scale_over
from sbiwb.report.svg import svg
from sbiwb.report.text import clean
from sbiwb.result import Result, to_array

MOST = 5
"""Parameters that are shown: those in which failures lie least like the prior."""
_BINS = 20


def failures_plot(group: Group, method: str) -> Markup | None:
    """Draw histograms of the failed simulations and of the prior; None if they were not kept."""
    result = group.results[method]
    if not {"failed_simulations", "prior"} <= set(result.tree.children):
        return None
    failed, prior = _failed(result), to_array(result.tree["prior"].to_dataset(), result.names)
    prior = prior.reshape(-1, prior.shape[-1])
    apart = np.array([_distance(failed[:, k], prior[:, k]) for k in range(failed.shape[1])])
    shown = np.sort(np.argsort(-apart, kind="stable")[:MOST])
    with drawing():
        figure = new_figure(min(0.5 + 2.2 * len(shown), 10), 1.9)
        figure.set_layout_engine("constrained", w_pad=0.06)
        panels = figure.subplots(1, len(shown), squeeze=False).ravel()
        for axes, k in zip(panels, shown, strict=True):
            low, high = np.min(prior[:, k]), np.max(prior[:, k])
            scale = scale_over(group.quantity(result.names[k]), float(low), float(high))
            _panel(axes, failed[:, k], prior[:, k], scale, series(group.place(method)))
        panels[0].set_ylabel("density")
        worst = int(np.argmax(apart))
        return svg(figure, _alt(group, method, result.names[worst], failed[:, worst]))


def _failed(result: Result) -> Array:
    kept = result.tree["failed_simulations"].to_dataset()
    return np.asarray(kept["theta"].transpose("simulation", "parameter").values, dtype=np.float64)


def _distance(a: Array, b: Array) -> float:
    """Largest difference of the two empirical distribution functions (Kolmogorov–Smirnov)."""
    at = np.concatenate([a, b])
    below = [np.searchsorted(np.sort(v), at, side="right") / len(v) for v in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def _panel(axes: Axes, failed: Array, prior: Array, scale: Scale, look: Series) -> None:
    only_left_and_bottom(axes)
    edges = np.linspace(*scale.limits, _BINS + 1).tolist()
    axes.hist(scale(prior), edges, density=True, color=SHADE)
    axes.hist(scale(failed), edges, density=True, histtype="step", color=look.colour, lw=1.4)
    axes.set_xlim(*scale.limits)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(4, prune="both"))
    axes.set_xlabel(scale.label)


def _alt(group: Group, method: str, worst: str, where: Array) -> str:
    low, middle, high = np.quantile(where, [0.05, 0.5, 0.95])
    return (
        f"Where simulations for {method} on {clean(group.label)} failed, against the prior. They "
        f"stand out most in {worst}: 90 % of them lie between {low:.4g} and {high:.4g}, "
        f"half below {middle:.4g}."
    )
