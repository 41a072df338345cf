"""One look for all figures.

Figures are drawn in placeholder colours, which become CSS variables (`sbiwb.report.svg`): so they
follow the page from light to dark and into print.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode

from matplotlib import font_manager, rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

INK, MUTED, RULE, SHADE = "#010101", "#020202", "#030303", "#040404"
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    SHADE: "var(--shade)",
}
MARK = "data:"
"""How identifiers start that `mark` made."""
_SERIES = 8
_DASHES: tuple[str | tuple[float, tuple[float, ...]], ...] = (
    "solid",
    (0, (5, 1.6)),
    (0, (1.4, 1.2)),
    (0, (6, 1.6, 1.4, 1.6)),
)
_MARKERS = "osD^vPX*"

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "mathtext.fontset": "dejavusans",
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.titlesize": 9,
    "figure.titlesize": 9,
    "axes.linewidth": 0.7,
    "axes.facecolor": "none",
    "axes.formatter.use_mathtext": False,
    "figure.facecolor": "none",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "path.simplify": True,
    "path.simplify_threshold": 0.1,
    "svg.hashsalt": "sbiwb",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Series:
    """How one method is drawn, in every figure: colour, dashes and marker tell it apart.

    `number` is that of the page's variable ``--series-<number>``, which holds the colour.  The
    placeholder `colour` also says which method it is: in the page, what is drawn in it carries the
    method's place as ``data-method``.
    """

    number: int
    colour: str
    dashes: str | tuple[float, tuple[float, ...]]
    marker: str


def series(index: int) -> Series:
    """Look of the method at place `index`."""
    number = 1 + index % _SERIES
    return Series(
        number,
        f"#0{number}{index % 256:02x}00",
        _DASHES[index % len(_DASHES)],
        _MARKERS[index % len(_MARKERS)],
    )


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the report's style: figures are made and turned to SVG within this."""
    with rc_context(_STYLE), warnings.catch_warnings():
        # `svg` writes such letters as text, for the browser's fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure, sizes in inches; 10 in fill the page."""
    figure = Figure(figsize=(width, height))
    FigureCanvasSVG(figure)
    return figure


def only_left_and_bottom(axes: Axes) -> None:
    """Take the upper and right side of the frame away."""
    axes.spines[["top", "right"]].set_visible(False)


def mark(artist: Artist, **data: object) -> None:
    """Let what is drawn of `artist` carry ``data-NAME="value"`` attributes, for the script."""
    artist.set_gid(MARK + urlencode(data))


@cache
def _outlines() -> FT2Font:
    return font_manager.get_font(font_manager.findfont("DejaVu Sans"))


def is_outlined(text: str) -> bool:
    """Whether the font has every letter of `text`, and no letters join or run leftward."""
    return not any(
        unicodedata.bidirectional(c) in ("R", "AL")
        or unicodedata.combining(c)
        or not (c.isspace() or _outlines().get_char_index(ord(c)))
        for c in text
    )
