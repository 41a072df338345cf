"""Corner plots that zoom, for reports that carry a plotting library."""

from __future__ import annotations

from sbiwb.report.blocks import Block, Explorer, Heading, Prose, Report, Section
from sbiwb.report.explorer import explorable
from sbiwb.report.text import clean


def section(report: Report) -> Section | None:
    """Make the section; None unless the report is to be interactive."""
    if not report.interactive:
        return None
    blocks: list[Block] = [
        Prose(
            "Drag over a panel to enlarge it: all panels of a parameter follow; double-click to "
            "return. Contours hold 68 and 95 % of the posterior. What is chosen at the top of the "
            "page is shown. This part needs JavaScript; the figures above do not.",
            "quiet",
        )
    ]
    for group in report.groups:
        if len(report.groups) > 1:
            blocks.append(Heading(clean(group.label)))
        label = f"Corner plot of {clean(group.label)} to zoom; the same is drawn above."
        blocks.append(Explorer(label, explorable(group)))
    return Section("explore", "Explore", blocks)
