"""Posterior predictive check."""

from __future__ import annotations

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
    one,
)
from sbiwb.report.checks import WORDS, check_of, sentence
from sbiwb.report.plots.predictive import predictive_plot
from sbiwb.report.text import clean


def section(report: Report) -> Section:
    """Make the section."""
    blocks: list[Block] = [
        Prose(
            "Residuals of the observation against the predicted median, in units of half the 68 % "
            "width of the prediction; bands hold 68 and 95 % of the predictions.",
            "quiet",
        )
    ]
    for group in report.groups:
        if len(report.groups) > 1:
            blocks.append(Heading(clean(group.label)))
        picture = predictive_plot(group)
        if picture is None:
            blocks.append(Prose("No posterior predictive check was made."))
            continue
        blocks.append(Picture(one(picture)))
    table = _likeness(report)
    if table is not None:
        blocks.append(Heading("Is the observation like what the prior predicts?"))
        blocks.append(table)
    return Section("predictive", "Predictive checks", blocks)


def _likeness(report: Report) -> Table | None:
    """What the checks against the prior predictive say, one row a method."""
    body = []
    for group in report.groups:
        rows = [
            [
                method_cell(group, method),
                Cell(WORDS[verdict.outcome], outcome=verdict.outcome),
                Cell(sentence(verdict)),
            ]
            for method, verdicts in report.comparison.judgements[group.label].items()
            for verdict in verdicts
            if check_of(verdict) == "prior_predictive"
        ]
        if rows:
            body.append(Rows(rows, clean(group.label) if len(report.groups) > 1 else ""))
    if not body:
        return None
    head = headings(("Method", "Outcome", "Meaning"), numbers_from=3)
    return Table("Observation against prior predictions", head, body, titled=False)
