"""Corner plots, and the forest of intervals."""

from __future__ import annotations

from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import Block, Heading, Picture, Prose, Report, Section, one
from sbiwb.report.plots.corner import MOST, corner
from sbiwb.report.plots.forest import forest
from sbiwb.report.text import clean


def section(report: Report) -> Section:
    """Make the section."""
    blocks: list[Block] = [
        Prose(
            "Regions hold 68 and 95 % of the posterior; marginals are scaled to equal height. The "
            "filled method is the one that the others are held against: its 68 % intervals stand "
            "above the marginals. The dotted line is its prior, on the same scale.",
            "quiet",
        )
    ]
    for group in report.groups:
        if len(report.groups) > 1:
            blocks.append(Heading(clean(group.label)))
        blocks.append(Picture(one(corner(group)), _corner_caption(group)))
    families: dict[str, list[Group]] = {}
    for group in report.groups:
        simulator = str(group.described.get("simulator", ""))
        families.setdefault(simulator, []).append(group)
    blocks.append(Heading("Intervals side by side"))
    for family in families.values():
        blocks.append(
            Picture(
                forest(family),
                "Medians with 68 % (thick) and 95 % intervals (thin). The band is the 68 % "
                "interval of the method the others are held against; dotted lines are bounds of "
                "the prior.",
            )
        )
    return Section("posteriors", "Posteriors", blocks)


def _corner_caption(group: Group) -> str:
    caption = "Grey: excluded by the prior." if group.constraint is not None else ""
    if len(group.names) > MOST:
        rest = ", ".join(clean(n) for n in group.names[MOST:])
        caption += f" Shown are the first {MOST} parameters; not {rest}."
    return caption
