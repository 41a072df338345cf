"""Every check in full: the number judged, the limit and what it means."""

from __future__ import annotations

from sbiwb.report.blocks import Block, Cell, Fold, Report, Rows, Section, Table, method_cell
from sbiwb.report.checks import WORDS, sentence
from sbiwb.report.numbers import significant
from sbiwb.report.text import clean


def section(report: Report) -> Section | None:
    """Make the section; None if no check was made."""
    tables: list[Block] = []
    for group in report.groups:
        body = []
        for method, verdicts in report.comparison.judgements[group.label].items():
            rows = [
                [
                    Cell(clean(v.name)),
                    Cell(WORDS[v.outcome], outcome=v.outcome),
                    Cell(significant(v.statistic), number=True),
                    Cell(significant(v.threshold), number=True),
                    Cell(significant(v.p_value, 2), number=True),
                    Cell(sentence(v)),
                ]
                for v in verdicts
            ]
            if rows:
                body.append(Rows(rows, method_cell(group, method).text))
        if body:
            head = [Cell("Check"), Cell("Outcome"), Cell("Statistic", number=True)]
            head += [Cell("Limit", number=True), Cell("p", number=True), Cell("Meaning")]
            tables.append(Table(f"Checks of {clean(group.label)}", head, body))
    if not tables:
        return None
    return Section("checks", "Checks", [Fold("All checks, with their numbers", tables)])
