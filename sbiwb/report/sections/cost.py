"""What each posterior cost, and how near to the reference it came for that."""

from __future__ import annotations

from sbiwb.comparison.agreement import AGREES
from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import (
    Block,
    Cell,
    Heading,
    Picture,
    Prose,
    Report,
    Rows,
    Section,
    Table,
    headings,
    method_cell,
)
from sbiwb.report.copies import csv_copy
from sbiwb.report.numbers import count, fixed, seconds, significant
from sbiwb.report.plots.cost import cost_plot
from sbiwb.report.text import clean

_HEAD = (
    "Method",
    "Simulator calls",
    "Likelihood calls",
    "Time",
    "Effective draws",
    "per second",
    "C2ST to reference",
)


def section(report: Report) -> Section | None:
    """Make the section; None if nothing is known of any cost."""
    body: list[Rows] = []
    pictures: list[Block] = []
    for group in report.groups:
        accuracy = _accuracy(report, group)
        rows = []
        for method, result in group.results.items():
            if result.origin is not None:  # files of other programs do not tell
                continue
            cost, effective = result.cost, group.effective(method)
            rate = effective / cost.seconds if cost.seconds > 0 else float("nan")
            texts = (
                count(cost.simulator_calls),
                count(cost.likelihood_calls),
                seconds(cost.seconds),
                count(effective),
                significant(rate, 2),
                "reference" if method == group.reference else fixed(accuracy.get(method), 3),
            )
            rows.append([method_cell(group, method), *(Cell(t, number=True) for t in texts)])
        if rows:
            body.append(Rows(rows, clean(group.label) if len(report.groups) > 1 else ""))
        if panels := cost_plot(group, accuracy):
            if len(report.groups) > 1:
                pictures.append(Heading(clean(group.label)))
            pictures.append(Picture(panels, legend=[method_cell(group, m) for m in accuracy]))
    if not body:
        return None
    blocks: list[Block] = [
        Prose("Training included, checks not.", "quiet"),
        Table("Cost of each posterior", headings(_HEAD), body, titled=False),
        csv_copy("cost", report.comparison.cost),
    ]
    if pictures:
        blocks.append(
            Prose(
                "How near each method came to the reference for its cost: a C2ST of 0.5 cannot be "
                f"told from it; up to {AGREES[2]}, shaded, methods agree. Where the reference is "
                "not exact, this is how like they are, not how right.",
                "quiet",
            )
        )
    return Section("cost", "Cost", [*blocks, *pictures])


def _accuracy(report: Report, group: Group) -> dict[str, float]:
    """Method → C2ST against the reference."""
    return {
        pair.second: pair.c2st
        for pair in report.comparison.pairs[group.label]
        if pair.first == group.reference
    }
