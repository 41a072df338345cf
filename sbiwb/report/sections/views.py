"""Data and predictions as the simulator's field looks at them."""

from __future__ import annotations

import numpy as np

from sbiwb.comparison.groups import Group
from sbiwb.core.distributions import Array
from sbiwb.core.views import HasViews, View
from sbiwb.report.blocks import (
    Block,
    Heading,
    Panel,
    Picture,
    Prose,
    Report,
    Section,
    method_cell,
)
from sbiwb.report.plots.views import view_plot
from sbiwb.report.text import clean
from sbiwb.result import Result

DRAWS = 200
COSTLY_DRAWS = 40
"""Posterior draws that are shown, fewer and of the reference alone where a simulation is costly."""


def section(report: Report) -> Section | None:
    """Make the section; None if no simulator has views."""
    blocks: list[Block] = []
    for group in report.groups:
        found, failed = _views(group)
        if not found and not failed:
            continue
        if len(report.groups) > 1:
            blocks.append(Heading(clean(group.label)))
        blocks.extend(Prose(text, "note") for text in failed)
        titles = list(dict.fromkeys(v.title for views in found.values() for v in views))
        panels = []
        for title in titles:
            own = {m: v for m, views in found.items() for v in views if v.title == title}
            panels.append(Panel(view_plot(group, own)))
        if panels:
            notes = dict.fromkeys(clean(v.note, 400) for views in found.values() for v in views)
            caption = " ".join(note for note in notes if note)
            blocks.append(Picture(panels, caption, [method_cell(group, m) for m in found]))
    if not blocks:
        return None
    explained = Prose(
        "What draws of the posterior predict, beside what was measured. Bands and shades hold 68 "
        "and 95 % of the draws of the first method; lines are the 68 % of the others.",
        "quiet",
    )
    return Section("views", "Data and predictions", [explained, *blocks])


def _views(group: Group) -> tuple[dict[str, list[View]], list[str]]:
    """Method → its views, the reference first; and what went wrong."""
    found: dict[str, list[View]] = {}
    failed: list[str] = []
    for method in (group.reference, *(m for m in group.methods if m != group.reference)):
        result = group.results[method]
        problem = result.problem
        if problem is None or not isinstance(problem.simulator, HasViews):
            continue
        costly = problem.simulator.costly
        if costly and found:
            break
        theta = _spread(result, COSTLY_DRAWS if costly else DRAWS)
        try:
            views = list(problem.simulator.views(theta, problem.observation.x))
        except Exception as error:  # a simulator is anyone's code, and the rest is worth having
            words = clean(f"{type(error).__name__}: {error}", 300)
            failed.append(
                f"{clean(problem.name)} could not show the draws of {clean(method)}: {words}"
            )
            continue
        if views:
            found[method] = views
    return found, failed


def _spread(result: Result, most: int) -> Array:
    """Draws spread evenly over the chains."""
    draws = result.samples()
    rows = np.unique(np.linspace(0, len(draws) - 1, most).astype(int))
    spread: Array = draws[rows]
    return spread
