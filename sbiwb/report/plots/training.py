"""Losses of networks, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sbiwb.comparison.groups import Group
from sbiwb.report.figure import MUTED, Series, drawing, new_figure, only_left_and_bottom, series
from sbiwb.report.svg import svg
from sbiwb.report.text import plain


def training_plot(group: Group) -> Markup | None:
    """Draw training and validation loss of every method that learned; None if none did."""
    logs = {m: r.provenance.get("training") or {} for m, r in group.results.items()}
    logs = {m: log for m, log in logs.items() if len(log.get("validation", ())) > 1}
    if not logs:
        return None
    with drawing():
        figure = new_figure(min(0.4 + 3.2 * len(logs), 10), 2.3)
        figure.set_layout_engine("constrained", w_pad=0.06)
        panels = figure.subplots(1, len(logs), squeeze=False).ravel()
        for axes, (method, log) in zip(panels, logs.items(), strict=True):
            _losses(axes, series(group.place(method)), log)
            axes.set_title(plain(method))
        panels[0].set_ylabel("loss")
        return svg(figure, _alt(group, logs))


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
    axes.legend(loc="upper right")


def _alt(group: Group, logs: Mapping[str, Mapping[str, Any]]) -> str:
    said = "; ".join(
        f"{method}: lowest validation loss {np.min(log['validation']):.4g} in epoch "
        f"{int(np.argmin(log['validation'])) + 1} of {len(log['validation'])}"
        for method, log in logs.items()
    )
    return f"Losses of the networks for {group.label}. {said}."
