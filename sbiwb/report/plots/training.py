"""Losses of networks, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import Panel
from sbiwb.report.figure import (
    MUTED,
    Series,
    drawing,
    mark,
    new_figure,
    only_left_and_bottom,
    series,
)
from sbiwb.report.svg import svg
from sbiwb.report.text import plain


def training_plot(group: Group) -> list[Panel]:
    """Draw training and validation loss of every method that learned."""
    logs = {m: r.provenance.get("training") or {} for m, r in group.results.items()}
    logs = {m: log for m, log in logs.items() if len(log.get("validation", ())) > 1}
    return [Panel(_panel(group, method, log)) for method, log in logs.items()]


def _panel(group: Group, method: str, log: Mapping[str, Any]) -> Markup:
    with drawing():
        figure = new_figure(3.3, 2.3)
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        _losses(axes, series(group.place(method)), log)
        axes.set_title(plain(method))
        axes.set_ylabel("loss")
        mark(axes, across="epoch", up="loss")
        return svg(figure, _alt(group, method, log))


def _losses(axes: Axes, look: Series, log: Mapping[str, Any]) -> None:
    only_left_and_bottom(axes)
    training, validation = np.array(log.get("training", [])), np.array(log["validation"])
    axes.plot(np.arange(1, len(training) + 1), training, color=MUTED, lw=1, label="training")
    epochs = np.arange(1, len(validation) + 1)
    axes.plot(epochs, validation, color=look.colour, label="validation")
    best = int(np.argmin(validation))
    axes.plot(epochs[best], validation[best], "o", color=look.colour, ms=4)
    # The first epochs fall from far above what is of interest.
    finite = np.concatenate([training, validation])
    finite = finite[np.isfinite(finite)]
    low, top = np.min(finite), np.quantile(finite, 0.95)
    if top > low:
        axes.set_ylim(low - 0.08 * (top - low), top + 0.05 * (top - low))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("epoch")
    axes.legend(loc="best")


def _alt(group: Group, method: str, log: Mapping[str, Any]) -> str:
    return (
        f"Losses of {method} for {group.label}: lowest validation loss "
        f"{np.min(log['validation']):.4g} in epoch {int(np.argmin(log['validation'])) + 1} of "
        f"{len(log['validation'])}."
    )
