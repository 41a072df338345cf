"""What each posterior cost."""

from __future__ import annotations

from sbiwb.report.blocks import Cell, Prose, Report, Rows, Section, Table, headings, method_cell
from sbiwb.report.numbers import count, seconds, significant
from sbiwb.report.text import clean


def section(report: Report) -> Section | None:
    """Make the section; None if nothing is known of any cost."""
    body = []
    for group in report.groups:
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
            )
            rows.append([method_cell(group, method), *(Cell(t, number=True) for t in texts)])
        if rows:
            body.append(Rows(rows, clean(group.label) if len(report.groups) > 1 else ""))
    if not body:
        return None
    head = headings(
        ("Method", "Simulator calls", "Likelihood calls", "Time", "Effective draws", "per second")
    )
    table = Table("Cost of each posterior", head, body, titled=False)
    return Section("cost", "Cost", [Prose("Training included, checks not.", "quiet"), table])
