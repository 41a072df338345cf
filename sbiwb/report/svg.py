"""The way of a figure from Matplotlib into the page.

Letters are drawn as outlines, which look the same everywhere.  Nothing needs a style attribute,
which the page's content security policy would not let pass.
"""

from __future__ import annotations

import hashlib
import io
import re
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure

from sbiwb.report.figure import MARK, VARIABLES, is_outlined, mark
from sbiwb.report.text import clean

_POINTS = 72  # per inch: the unit of SVG output
_PIXEL = 0.75  # of the page, in points
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_NAMESPACE = re.compile(r"^\{[^}]*\}")
_DECIMAL = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_COLOUR = re.compile(r"#0[0-9a-f]{5}")


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
        Without identifiers that another figure of the page may have, dates or styles; the same
        bytes for the same figure.  Axes carry where they are and what they span (``data-box``),
        and what is drawn in a method's colour carries its place (``data-method``).
    """
    buffer = io.StringIO()
    figure.set_dpi(_POINTS)
    width, height = figure.get_size_inches() * _POINTS
    for k, axes in enumerate(figure.axes):
        own = dict(parse_qsl((axes.get_gid() or "").removeprefix(MARK)))
        mark(axes, **own, axes=k)
    renderer: Any = _Renderer(width, height, buffer, image_dpi=_POINTS, metadata=_NO_METADATA)  # type: ignore[no-untyped-call]
    figure.draw(renderer)
    renderer.finalize()
    text = buffer.getvalue()
    root = ElementTree.fromstring(text)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    spoken = clean(alt, 2000)
    # Figures of two problems may be equal, but never what is said of them.
    digest = hashlib.sha256((spoken + text).encode("utf-8")).hexdigest()
    _tidy(root, prefix=f"f{digest[:6]}")
    boxes = [_box(axes, height) for axes in figure.axes]
    for element in root.iter():
        if "data-axes" in element.attrib:
            element.set("data-box", boxes[int(element.attrib.pop("data-axes"))])
    root.set("width", f"{width / _PIXEL:.0f}")
    root.set("role", "img")
    root.set("aria-label", spoken)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


class _Renderer(RendererSVG):
    """Draws letters as outlines, but leaves those that the font lacks to the browser."""

    def draw_text(self, gc: Any, x: Any, y: Any, s: str, *args: Any, **options: Any) -> None:
        with rc_context({"svg.fonttype": "path" if is_outlined(s) else "none"}):
            super().draw_text(gc, x, y, s, *args, **options)  # type: ignore[no-untyped-call]


def _box(axes: Axes, height: float) -> str:
    """Left, top, right and bottom of the axes in the figure, and the values there."""
    if axes.get_xscale() != "linear" or axes.get_yscale() != "linear" or not axes.get_visible():
        return ""
    box = axes.get_window_extent()
    places = (box.x0, height - box.y1, box.x1, height - box.y0)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    values = (left, top, right, bottom)
    return " ".join([*(f"{p:.2f}" for p in places), *(f"{v:.6g}" for v in values)])


def _tidy(root: ElementTree.Element, prefix: str) -> None:
    """Keep what is drawn; make identifiers unique, styles attributes and numbers short."""
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
                _identify(element, value, prefix if value in used else "")
            elif name == "style":
                _styled(element, value, prefix)
            else:
                element.set(name, _short(name, value, prefix))
        element.text = element.text if element.tag in ("text", "tspan") else None
        element.tail = None


def _identify(element: ElementTree.Element, value: str, prefix: str) -> None:
    """Keep an identifier that is used, and marks as data."""
    if value.startswith(MARK):
        for name, text in parse_qsl(value.removeprefix(MARK)):
            element.set(f"data-{name}", clean(text))
    elif prefix:
        element.set("id", f"{prefix}-{value}")


def _styled(element: ElementTree.Element, style: str, prefix: str) -> None:
    """A style as presentation attributes."""
    for declaration in style.split(";"):
        name, colon, value = (part.strip() for part in declaration.partition(":"))
        if not colon:
            continue
        if (found := _COLOUR.fullmatch(value)) and found.group() not in VARIABLES:
            element.set("data-method", str(int(value[3:5], 16)))
        element.set(name, _short(name, value, prefix))


def _short(name: str, value: str, prefix: str) -> str:
    decimals = 6 if name == "transform" else 2  # glyphs are scaled down by a factor of 64
    if name == "href" or "url(#" in value:
        return value.replace("#", f"#{prefix}-")
    value = _COLOUR.sub(lambda m: _variable(m.group()), value)
    return _DECIMAL.sub(lambda m: f"{float(m.group()):.{decimals}f}".rstrip("0").rstrip("."), value)


def _variable(colour: str) -> str:
    return VARIABLES.get(colour) or f"var(--series-{int(colour[2])})"
