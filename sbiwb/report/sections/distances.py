"""How far the methods are apart."""

from __future__ import annotations

from markupsafe import Markup

from sbiwb.comparison.agreement import AGREES, C2ST_DRAWS, IS_CLOSE, Distance
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
            f"{count(C2ST_DRAWS)} draws of each, in five folds, with the architecture of the "
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
    ]
    for group in groups:
        if len(report.groups) > 1:
            blocks.append(Heading(clean(group.label)))
        rows = [_row(group, pair) for pair in report.comparison.pairs[group.label]]
        head = [Cell(_HEAD[0]), Cell(_HEAD[1]), *headings(_HEAD[2:], numbers_from=0)]
        caption = f"Distances between methods, {clean(group.label)}"
        blocks.append(Table(caption, head, [Rows(rows)], titled=False))
    blocks.append(csv_copy("distances", report.comparison.distances))
    return Section("distances", "Distances between methods", blocks)


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
    ]
