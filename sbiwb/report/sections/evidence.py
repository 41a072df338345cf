"""Evidence of the problems that explain the same data."""

from __future__ import annotations

from sbiwb.comparison.evidence import Evidence
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
    one,
)
from sbiwb.report.copies import csv_copy
from sbiwb.report.numbers import fixed, significant
from sbiwb.report.plots.evidence import evidence_plot
from sbiwb.report.text import clean

_HEAD = ("Method", "ln Z", "±", "Δ ln Z", "±", "Probability", "best ln L", "Δχ²", "In words")


def section(report: Report) -> Section | None:
    """Make the section; None if no method gives an evidence."""
    found = report.comparison.evidences
    if not found:
        return None
    blocks: list[Block] = [
        Prose(
            "Z = p(x) is the probability of the data under a model and its prior, whose width "
            "counts: a wider prior lowers it. Δ is against the best model by the same method; "
            "probabilities hold for models that were equally probable before the data. Bars and "
            "± are standard errors. Words after Kass & Raftery (1995), for the best model against "
            "this one. Best ln L is the highest log-likelihood among the draws, and Δχ² is −2 ln L "
            "against the first model: below zero, the fit is better. A model that fits better and "
            "has the lower Z spreads its prior over much that the data exclude.",
            "quiet",
        )
    ]
    for data in dict.fromkeys(e.data for e in found):
        comparable = [e for e in found if e.data == data]
        if len(comparable) > 1:
            first = report.groups[0]
            shown = dict.fromkeys(e.method for e in comparable)
            legend = [method_cell(first, m) for m in first.order if m in shown]
            blocks.append(Picture(one(evidence_plot(comparable, first.order)), legend=legend))
    body = [
        Rows([_row(group, e) for e in found if e.problem == group.label], clean(group.label))
        for group in report.groups
        if any(e.problem == group.label for e in found)
    ]
    head = [*headings(_HEAD[:-1]), Cell(_HEAD[-1])]
    blocks.append(Table("Evidence of each model", head, body, titled=False))
    blocks.append(csv_copy("evidence", report.comparison.evidence))
    return Section("evidence", "Evidence", blocks)


def _row(group: Group, e: Evidence) -> list[Cell]:
    return [
        method_cell(group, e.method),
        Cell(fixed(e.log_evidence, 2), number=True),
        Cell(fixed(e.error, 2), number=True),
        Cell(fixed(e.difference, 2), number=True),
        Cell(fixed(e.difference_error or None, 2), number=True),
        Cell(significant(e.weight, 2), number=True),
        Cell(fixed(e.best, 2), number=True),
        Cell(fixed(e.chi_squared, 2), number=True),
        Cell(e.words),
    ]
