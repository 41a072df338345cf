"""Table of means and intervals of every parameter by every method."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import (
    Block,
    Cell,
    Heading,
    Prose,
    Report,
    Rows,
    Section,
    Table,
    headings,
    method_cell,
)
from sbiwb.report.copies import posterior_copies
from sbiwb.report.labels import named
from sbiwb.report.numbers import MISSING, count, decimals_for, fixed, power_of_ten, scale_of
from sbiwb.report.text import clean

_HEAD = ("Method", "Mean", "± MC", "SD", "Median", "68 % interval", "95 % interval", "ESS", "R̂")


def section(report: Report) -> Section:
    """Make the section."""
    blocks: list[Block] = [
        Prose(
            "± MC is the Monte Carlo standard error of the mean: what another seed would change. "
            "Intervals are between quantiles. ESS is the effective number of draws.",
            "quiet",
        )
    ]
    for group in report.groups:
        if len(report.groups) > 1:
            blocks.append(Heading(clean(group.label)))
        blocks.append(_table(group))
        blocks.append(posterior_copies(group, report.comparison.table.loc[group.label]))
    return Section("parameters", "Parameters", blocks)


def _table(group: Group) -> Table:
    body = []
    for name in group.names:
        quantity = group.quantity(name)
        first = next(s.loc[name] for s in group.summaries.values() if name in s.index)
        power = scale_of(first["mean"], error=first["sd"])
        widths = [s.loc[name, "sd"] for s in group.summaries.values() if name in s.index]
        decimals = decimals_for(min(widths) / 10.0**power, digits=3)
        unit = " ".join(p for p in (power_of_ten(power) if power else "", quantity.unit) if p)
        title = named(quantity)
        if unit:
            title += Markup(" [{}]").format(clean(unit))
        rows = []
        for method, summary in group.summaries.items():
            row = summary.loc[name] if name in summary.index else None
            rows.append([method_cell(group, method), *_cells(row, power, decimals)])
        body.append(Rows(rows, title, clean(name)))
    caption = f"Posterior of {clean(group.label)}"
    return Table(caption, headings(_HEAD), body, titled=False)


def _cells(row: Any, power: int, decimals: int) -> list[Cell]:
    if row is None:
        return [Cell(MISSING, number=True) for _ in _HEAD[1:]]
    factor = 10.0**power

    def shown(column: str) -> str:
        return fixed(row[column] / factor, decimals)

    texts = (
        shown("mean"),
        fixed(row["mcse"] / factor, decimals_for(row["mcse"] / factor, digits=1)),
        shown("sd"),
        shown("median"),
        f"{shown('q16')} to {shown('q84')}",
        f"{shown('q025')} to {shown('q975')}",
        count(row["ess"]),
        fixed(row["rhat"], 3),
    )
    return [Cell(text, number=True) for text in texts]
