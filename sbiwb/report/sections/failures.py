"""Simulations that failed."""

from __future__ import annotations

from collections import Counter

from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import (
    Block,
    Cell,
    Picture,
    Prose,
    Report,
    Rows,
    Section,
    Table,
    headings,
    method_cell,
)
from sbiwb.report.numbers import count, significant
from sbiwb.report.plots.failures import MOST, failures_plot
from sbiwb.report.text import clean

_REASONS = 5


def section(report: Report) -> Section | None:
    """Make the section; None if no method recorded its simulations."""
    body, total, failed = [], 0, 0
    details: list[Block] = []
    for group in report.groups:
        rows = []
        for method, result in group.results.items():
            counts = result.provenance.get("simulations") or {}
            counts = {k: v for k, v in counts.items() if isinstance(v, int)}
            bad = {k: v for k, v in counts.items() if k != "ok"}
            total += sum(counts.values())
            failed += sum(bad.values())
            if any(bad.values()):
                details += _details(group, method)
                rows.append(
                    [
                        method_cell(group, method),
                        Cell(count(sum(counts.values())), number=True),
                        Cell(count(sum(bad.values())), number=True),
                        Cell(
                            f"{significant(100 * sum(bad.values()) / sum(counts.values()), 2)} %",
                            number=True,
                        ),
                        Cell(", ".join(f"{count(v)} {clean(k)}" for k, v in bad.items())),
                    ]
                )
        if rows:
            body.append(Rows(rows, clean(group.label)))
    if not total:
        return None
    if not failed:
        return Section(
            "failures",
            "Simulations",
            [Prose(f"All {count(total)} simulations that methods learned from succeeded.")],
        )
    head = [*headings(("Method", "Simulations", "Failed", "Share")), Cell("How")]
    return Section(
        "failures",
        "Failed simulations",
        [
            Prose(
                "A method that learns from the simulations that succeeded sees the prior without "
                "the region where they fail.",
                "quiet",
            ),
            Table("Simulations that failed", head, body),
            *details,
        ],
    )


def _details(group: Group, method: str) -> list[Block]:
    """Where the simulations of a method failed, and with what words."""
    panels = failures_plot(group, method)
    if not panels:
        return []
    kept = group.results[method].tree["failed_simulations"].to_dataset()
    reasons = [str(reason) for reason in kept["reason"].values]
    theta = kept["theta"].transpose("simulation", "parameter").values
    names = group.results[method].names
    rows = []
    for reason, number in Counter(reasons).most_common(_REASONS):
        first = theta[reasons.index(reason)]
        where = ", ".join(f"{clean(n)} = {v:.4g}" for n, v in zip(names, first, strict=True))
        rows.append([Cell(clean(reason)), Cell(count(number), number=True), Cell(clean(where))])
    what = f"{clean(method)} on {clean(group.label)}"
    rest = len(set(reasons)) - len(rows)
    return [
        Picture(
            panels,
            f"Where simulations for {what} failed (line), against the prior (filled)."
            + (f" Shown are the {MOST} clearest parameters." if len(names) > MOST else ""),
        ),
        Table(
            f"What they said, {what}" + (f"; {count(rest)} more are not shown" if rest else ""),
            [Cell("Reason"), Cell("Times", number=True), Cell("First at")],
            [Rows(rows)],
        ),
    ]
