"""Simulations that failed."""

from __future__ import annotations

from sbiwb.report.blocks import Cell, Prose, Report, Rows, Section, Table, headings, method_cell
from sbiwb.report.numbers import count, significant
from sbiwb.report.text import clean


def section(report: Report) -> Section | None:
    """Make the section; None if no method recorded its simulations."""
    body, total, failed = [], 0, 0
    for group in report.groups:
        rows = []
        for method, result in group.results.items():
            counts = result.provenance.get("simulations") or {}
            counts = {k: v for k, v in counts.items() if isinstance(v, int)}
            bad = {k: v for k, v in counts.items() if k != "ok"}
            total += sum(counts.values())
            failed += sum(bad.values())
            if any(bad.values()):
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
        ],
    )
