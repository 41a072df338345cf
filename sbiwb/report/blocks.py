"""What a section is made of; ``report.html`` knows how each looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from markupsafe import Markup

from sbiwb.comparison.groups import Group
from sbiwb.core.verdict import Outcome
from sbiwb.report.figure import series
from sbiwb.report.text import clean

if TYPE_CHECKING:
    from sbiwb.comparison import Comparison

Text = str | Markup
"""Plain text, which is escaped, or markup of our own making."""


@dataclass(frozen=True)
class Report:
    """What sections are made from.

    Parameters
    ----------
    comparison : Comparison
    command : str
        What makes the results again; may be empty.
    files : mapping of str to str
        Text of a link → address relative to the report.
    notes : sequence of str
        What a reader must know first.
    interactive : bool
        Whether the page carries a plotting library.
    """

    comparison: Comparison
    command: str
    files: Mapping[str, str]
    notes: Sequence[str] = ()
    interactive: bool = False

    @property
    def groups(self) -> tuple[Group, ...]:
        """The problems."""
        return self.comparison.groups


@dataclass(frozen=True)
class Heading:
    """Title of a part of a section."""

    kind: ClassVar[str] = "heading"
    text: Text


@dataclass(frozen=True)
class Prose:
    """A paragraph; `tone` is empty, ``"quiet"``, ``"note"`` or ``"alarm"``."""

    kind: ClassVar[str] = "prose"
    text: Text
    tone: str = ""


@dataclass(frozen=True)
class Entry:
    """Paragraphs beside their title."""

    kind: ClassVar[str] = "entry"
    title: Text
    paragraphs: Sequence[Prose]


@dataclass(frozen=True)
class Items:
    """A list."""

    kind: ClassVar[str] = "items"
    items: Sequence[Text]


@dataclass(frozen=True)
class Panel:
    """A part of a figure; `parameter` names the one that it is about, if there is one."""

    svg: Markup
    parameter: Text = ""


@dataclass(frozen=True)
class Picture:
    """A figure, and what its reader must know beyond what the section says.

    Its panels stand side by side where there is room, and one below the other where there is not.
    `legend` names the methods if they share one.
    """

    kind: ClassVar[str] = "picture"
    panels: Sequence[Panel]
    caption: Text = ""
    legend: Sequence[Cell] = ()


@dataclass(frozen=True)
class Cell:
    """A cell of a table: text, a number (set right) or the outcome of a check.

    `methods` are the places of the methods that it is about: with them its row comes and goes.
    """

    text: Text
    number: bool = False
    outcome: Outcome | None = None
    methods: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rows:
    """Rows under a common heading; the first cell of each is its name.

    `parameter` names the one that they are about, if there is one.
    """

    rows: Sequence[Sequence[Cell]]
    title: Text = ""
    parameter: Text = ""


@dataclass(frozen=True)
class Table:
    """A table; the first column names the rows.

    `titled` is False where the caption would repeat the heading above: it is then only spoken.
    """

    kind: ClassVar[str] = "table"
    caption: Text
    head: Sequence[Cell]
    body: Sequence[Rows]
    titled: bool = True


@dataclass(frozen=True)
class Copies:
    """A table's text in the forms in which it is wanted elsewhere: form → text."""

    kind: ClassVar[str] = "copies"
    of: str
    forms: Mapping[str, str]


@dataclass(frozen=True)
class Explorer:
    """A figure that the page's plotting library draws from `data`, JSON that is safe in a page."""

    kind: ClassVar[str] = "explorer"
    label: str
    data: Markup


@dataclass(frozen=True)
class Fold:
    """Blocks that are shown on demand, and always in print."""

    kind: ClassVar[str] = "fold"
    summary: Text
    blocks: Sequence[Block]


Block = Heading | Prose | Entry | Items | Picture | Table | Copies | Explorer | Fold


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Parameters
    ----------
    anchor : str
        Its identifier in the page.
    title : str
    blocks : sequence of Block
    """

    anchor: str
    title: str
    blocks: Sequence[Block]


def headings(texts: Sequence[str], numbers_from: int = 1) -> list[Cell]:
    """Head of a table whose columns hold numbers from place `numbers_from` on."""
    return [Cell(text, number=k >= numbers_from) for k, text in enumerate(texts)]


def method_cell(group: Group, method: str) -> Cell:
    """Name of a method behind the line and marker that it has in the figures."""
    look = series(group.place(method))
    dashes = look.dashes if isinstance(look.dashes, str) else " ".join(map(str, look.dashes[1]))
    swatch = Markup(
        '<svg class="swatch" viewBox="0 0 22 8" aria-hidden="true">'
        '<path d="M0 4H22" stroke="var(--series-{})" stroke-dasharray="{}"/></svg>'
    ).format(look.number, "none" if dashes == "solid" else dashes)
    return Cell(swatch + clean(method), methods=(group.place(method),))


def one(svg: Markup) -> list[Panel]:
    """A figure that is a single panel."""
    return [Panel(svg)]


def side_by_side(
    group: Group, caption: Text, parts: Mapping[str, Mapping[str, Mapping[str, Text]]]
) -> Table | None:
    """Table with a column a method and a row an entry; None if there is no entry.

    Parameters
    ----------
    group : Group
    caption : str
    parts : mapping of str to mapping of str to mapping of str to str
        Title of a part of the table → method → entry → text.
    """
    body = []
    for title, values in parts.items():
        entries = dict.fromkeys(entry for own in values.values() for entry in own)
        rows = [
            [Cell(entry), *(Cell(values[m].get(entry, ""), number=True) for m in group.methods)]
            for entry in entries
        ]
        if rows:
            body.append(Rows(rows, title))
    head = [Cell(""), *(Cell(method_cell(group, m).text, number=True) for m in group.methods)]
    return Table(caption, head, body, titled=False) if body else None
