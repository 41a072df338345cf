"""How far the methods are apart."""

from __future__ import annotations

from itertools import groupby

from markupsafe import Markup

from sbiwb.comparison.agreement import AGREES, C2ST_DRAWS, IS_CLOSE, Distance, marginals
from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import (
    Block,
    Cell,
    Fold,
    Heading,
    Prose,
    Report,
    Rows,
    Section,
    Table,
    headings,
    method_cell,
)
from sbiwb.report.checks import WORDS
from sbiwb.report.copies import csv_copy
from sbiwb.report.numbers import count, fixed
from sbiwb.report.text import clean

_HEAD = (
    "Methods",
    "Agreement",
    "C2ST",
    "Shift of a mean, σ",
    "Ratio of widths",
    "JS divergence, bits",
    "Sliced W₂, σ",
    "Tension, σ",
)


def section(report: Report) -> Section | None:
    """Make the section; None if no problem has two methods."""
    groups = [g for g in report.groups if len(g.methods) > 1]
    if not groups:
        return None
    shift, width, accuracy = AGREES
    blocks: list[Block] = [
        Prose(
            "C2ST is the accuracy of a classifier that tells draws of one method from draws of "
            "the other: 0.5 if they are alike, 1 if they do not overlap. It is trained on up to "
            f"{count(C2ST_DRAWS[0])} draws of each ({count(C2ST_DRAWS[1])} where neither is the "
            "reference), in five folds, with the architecture of the "
            "published benchmark (Lueckmann et al. 2021) and early stopping; chance moves it by "
            "about 0.01. Shifts come with their Monte Carlo error; each number is that of the "
            "parameter named, the farthest apart.",
            "quiet",
        ),
        Prose(
            f"Methods agree up to a shift of {shift}σ, widths within a factor of {width} and a "
            f"C2ST of {accuracy}; they are close (warn) up to {IS_CLOSE[0]}σ, {IS_CLOSE[1]} and "
            f"{IS_CLOSE[2]}.",
            "quiet",
        ),
        Prose(
            "JS is the Jensen–Shannon divergence of a marginal; sliced W₂ is how far draws would "
            "have to be moved, over random directions (Bonneel et al. 2015). The tension is that "
            "of two posteriors of independent data, taken as Gaussian (Raveri & Hu 2019) and, in "
            "brackets, in their own shape (Raveri & Doux 2021; 3.5 stands for more): between "
            "methods for the same data it says how much their difference would matter.",
            "quiet",
        ),
    ]
    for group in groups:
        if len(report.groups) > 1:
            blocks.append(Heading(clean(group.label)))
        rows = [_row(group, pair) for pair in report.comparison.pairs[group.label]]
        head = [Cell(_HEAD[0]), Cell(_HEAD[1]), *headings(_HEAD[2:], numbers_from=0)]
        caption = f"Distances between methods, {clean(group.label)}"
        blocks.append(Table(caption, head, [Rows(rows)], titled=False))
    blocks.append(Fold("Every parameter", _marginals(report)))
    blocks.append(csv_copy("distances", report.comparison.distances))
    return Section("distances", "Distances between methods", blocks)


def _marginals(report: Report) -> list[Block]:
    """A table a problem: shift, ratio of widths and divergence of each pair in each parameter."""
    tables: list[Block] = []
    for group in report.groups:
        body = []
        pairs = groupby(marginals(group), key=lambda one: (one.first, one.second))
        for (first, second), found in pairs:
            rows = [
                [
                    Cell(Markup("<code>{}</code>").format(clean(one.parameter))),
                    Cell(fixed(one.shift, 2), number=True),
                    Cell(fixed(one.width, 2), number=True),
                    Cell(fixed(one.divergence, 3), number=True),
                ]
                for one in found
            ]
            body.append(Rows(rows, clean(f"{first} – {second}")))
        if body:
            head = [Cell("Parameter"), *headings(_HEAD[3:6], numbers_from=0)]
            tables.append(Table(f"Distances in each parameter, {clean(group.label)}", head, body))
    return tables


def _cell(number: str, name: str) -> Cell:
    """A number and the parameter it belongs to."""
    return Cell(Markup("{} <code>{}</code>").format(number, clean(name)), number=True)


def _row(group: Group, pair: Distance) -> list[Cell]:
    names = method_cell(group, pair.first).text + " – " + method_cell(group, pair.second).text
    error = "" if pair.shift_error != pair.shift_error else f" ± {fixed(pair.shift_error, 2)}"
    return [
        Cell(names, methods=(group.place(pair.first), group.place(pair.second))),
        Cell(WORDS[pair.outcome], outcome=pair.outcome),
        Cell(fixed(pair.c2st, 3), number=True),
        _cell(f"{fixed(pair.shift, 2)}{error}", pair.shift_name),
        _cell(fixed(pair.width, 2), pair.width_name),
        _cell(fixed(pair.divergence, 3), pair.divergence_name),
        Cell(fixed(pair.wasserstein, 2), number=True),
        Cell(_tension(pair), number=True),
    ]


def _tension(pair: Distance) -> str:
    free = pair.parameter_shift
    return fixed(pair.tension, 1) + (f" ({fixed(free, 1)})" if free == free else "")
