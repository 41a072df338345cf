"""One look for all figures, and their way from Matplotlib into the page.

Figures are drawn in placeholder colours, which become CSS variables: so they follow the page from
light to dark and into print.  Letters are drawn as outlines, which look the same everywhere.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from sbiwb.report.text import clean

INK, MUTED, RULE, SHADE = "#010101", "#020202", "#030303", "#040404"
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    SHADE: "var(--shade)",
}
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
_POINTS = 72  # per inch: the unit of SVG output
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_NAMESPACE = re.compile(r"^\{[^}]*\}")
_DECIMAL = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_COLOUR = re.compile(r"#0[0-9a-f]{5}")


@dataclass(frozen=True)
class Series:
    """How one method is drawn, in every figure: colour, dashes and marker tell it apart.

    `number` is that of the page's variable ``--series-<number>``, which holds the colour.
    """

    number: int
    colour: str
    dashes: str | tuple[float, tuple[float, ...]]
    marker: str


def series(index: int) -> Series:
    """Look of the method at place `index`."""
    number = 1 + index % _SERIES
    return Series(
        number, f"#0{number}0000", _DASHES[index % len(_DASHES)], _MARKERS[index % len(_MARKERS)]
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


def svg(figure: Figure, alt: str) -> Markup:
    """Turn a figure into an inline SVG element.

    Parameters
    ----------
    figure : Figure
    alt : str
        What the figure shows, for those who do not see it.

    Returns
    -------
    Markup
        Without identifiers that another figure of the page may have, dates or style sheets; the
        same bytes for the same figure.
    """
    buffer = io.StringIO()
    figure.set_dpi(_POINTS)
    width, height = figure.get_size_inches() * _POINTS
    renderer: Any = _Renderer(width, height, buffer, image_dpi=_POINTS, metadata=_NO_METADATA)  # type: ignore[no-untyped-call]
    figure.draw(renderer)
    renderer.finalize()
    text = buffer.getvalue()
    root = ElementTree.fromstring(text)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    spoken = clean(alt, 2000)
    root.set("role", "img")
    root.set("aria-label", spoken)
    # A page pixel is 0.75 pt; letters stay legible down to two thirds of the natural size.
    root.set("style", f"--width:{width / 0.75:.0f}px;--least:{width / 0.75 * 0.62:.0f}px")
    # Figures of two problems may be equal, but never what is said of them.
    digest = hashlib.sha256((spoken + text).encode("utf-8")).hexdigest()
    _tidy(root, prefix=f"f{digest[:6]}")
    return Markup(ElementTree.tostring(root, encoding="unicode"))


class _Renderer(RendererSVG):
    """Draws letters as outlines, but leaves those that the font lacks to the browser."""

    def draw_text(self, gc: Any, x: Any, y: Any, s: str, *args: Any, **options: Any) -> None:
        with rc_context({"svg.fonttype": "path" if is_outlined(s) else "none"}):
            super().draw_text(gc, x, y, s, *args, **options)  # type: ignore[no-untyped-call]


def _tidy(root: ElementTree.Element, prefix: str) -> None:
    """Keep what is drawn; make identifiers unique and numbers short."""
    for parent in list(root.iter()):
        for child in list(parent):
            if _NAMESPACE.sub("", child.tag) in ("metadata", "style"):
                parent.remove(child)
    used: set[str] = set()
    for element in root.iter():
        for value in element.attrib.values():
            used.update(re.findall(r"(?:^|url\()#([^)]+)", value))
    for element in root.iter():
        element.tag = _NAMESPACE.sub("", element.tag)
        old = dict(element.attrib)
        element.attrib.clear()
        for key, value in old.items():
            name = _NAMESPACE.sub("", key)
            if name == "id":
                if value in used:
                    element.set("id", f"{prefix}-{value}")
            elif name == "aria-label":
                element.set(name, value)
            else:
                element.set(name, _short(name, value, prefix))
        element.text = element.text if element.tag in ("text", "tspan") else None
        element.tail = None


def _short(name: str, value: str, prefix: str) -> str:
    decimals = 6 if name == "transform" else 2  # glyphs are scaled down by a factor of 64
    value = re.sub(r"(^|url\()#([^)]+)", rf"\1#{prefix}-\2", value)
    value = _COLOUR.sub(lambda m: _variable(m.group()), value)
    return _DECIMAL.sub(lambda m: f"{float(m.group()):.{decimals}f}".rstrip("0").rstrip("."), value)


def _variable(colour: str) -> str:
    return _VARIABLES.get(colour) or f"var(--series-{int(colour[2])})"


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
