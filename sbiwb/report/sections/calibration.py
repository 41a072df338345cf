"""Calibration on held-out simulations: whether credible regions are as credible as they say."""

from __future__ import annotations

from sbiwb.report.blocks import Block, Heading, Prose, Report, Section
from sbiwb.report.plots.calibration import calibration_plot
from sbiwb.report.text import clean


def section(report: Report) -> Section:
    """Make the section."""
    pictures = [(group, calibration_plot(group)) for group in report.groups]
    if not any(picture for _, picture in pictures):
        return Section(
            "calibration",
            "Calibration",
            [Prose("No calibration curves: sbiwb.check makes them for methods that learn.")],
        )
    blocks: list[Block] = [
        Prose(
            "On simulations whose parameters are known, a calibrated method stays in the grey "
            "band. Coverage: below the diagonal the posterior is too narrow or displaced, above "
            "it too wide. Ranks of the true value among the draws: an arc on one side of zero "
            "says bias; first above, then below zero, too narrow; the other way round, too wide.",
            "quiet",
        )
    ]
    for group, picture in pictures:
        if len(report.groups) > 1:
            blocks.append(Heading(clean(group.label)))
        if picture is None:
            blocks.append(Prose("No calibration curves."))
            continue
        blocks.append(picture)
    return Section("calibration", "Calibration", blocks)
