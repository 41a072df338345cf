"""Names and symbols of parameters: LaTeX where it parses, plain text where it does not."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from markupsafe import Markup, escape
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from sbiwb.comparison.groups import Quantity
from sbiwb.report.figure import drawing, is_outlined
from sbiwb.report.text import LONGEST, clean, plain

_SIZE = 16.0
_DEEPEST = 12  # of the classes .deep-N of the style sheet


def drawn(quantity: Quantity) -> str:
    """Symbol of a parameter for Matplotlib, or its name if it has none."""
    symbol = mathematics(quantity.label)
    return symbol or plain(quantity.label or quantity.name, 20)


def symbol(quantity: Quantity) -> Markup:
    """Symbol of a parameter for the page: outlines in the text's colour and size."""
    return _outline(quantity.name, quantity.label)


def named(quantity: Quantity) -> Markup:
    """Symbol and, where that is not the same, the name to type."""
    shown = symbol(quantity)
    if not quantity.label:
        return shown
    return Markup("{} <code>{}</code>").format(shown, escape(clean(quantity.name)))


@cache
def _outline(name: str, label: str) -> Markup:
    text = mathematics(label)
    if text is None:
        return Markup("<bdi><i>{}</i></bdi>").format(clean(label or name))
    font = FontProperties(size=_SIZE)
    with drawing():
        width, height, depth, *_ = MathTextParser("path").parse(text, dpi=72, prop=font)
        outline = _path_data(TextPath((0, 0), text, prop=font, usetex=False))
    # 8 % of room on each side: italics lean out of their boxes.
    pad = 0.08 * _SIZE
    # The style sheet lowers symbols in steps of a tenth of the size.
    steps = min(math.ceil(10 * (depth + pad) / _SIZE), _DEEPEST)
    below = max(depth + pad, steps * _SIZE / 10)
    box = f"{-pad:.2f} {-height - pad:.2f} {width + 2 * pad:.2f} {height + pad + below:.2f}"
    return Markup(
        '<svg class="symbol deep-{}" role="img" aria-label="{}" viewBox="{}" height="{:.3f}em">'
        '<path d="{}"/></svg>'
    ).format(steps, clean(name), box, (height + pad + below) / _SIZE, outline)


def mathematics(label: str) -> str | None:
    """`label` as Matplotlib mathematics, or None if it is not."""
    label = label.strip()
    if label.startswith("$") and label.endswith("$") and len(label) > 2:
        label = label[1:-1]
    if not label or "$" in label or len(label) > LONGEST or not is_outlined(label):
        return None
    text = f"${label}$"
    return text if _parses(text) else None


@cache
def _parses(text: str) -> bool:
    try:
        MathTextParser("path").parse(text, dpi=72)
    except (ValueError, RecursionError):
        return False
    return True


def _path_data(path: TextPath) -> str:
    """SVG path commands of an outline; Matplotlib's y points up, SVG's down."""
    letters = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
    parts = []
    for vertices, code in path.iter_segments(curves=True, simplify=False):
        if code == Path.CLOSEPOLY:
            parts.append("Z")
            continue
        points = np.asarray(vertices, dtype=float).reshape(-1, 2) * (1, -1)
        parts.append(letters[code] + " ".join(f"{_near(v)}" for v in points.ravel()))
    return "".join(parts)


def _near(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if math.isfinite(value) else "0"
