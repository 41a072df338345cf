"""Densities of all parameters and pairs as data, for the part of the report that can be zoomed.

Behind ``interactive=True``, as the plotting library alone weighs 4.8 MB.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from markupsafe import Markup

from sbiwb.comparison.groups import Group
from sbiwb.errors import UsageError
from sbiwb.report.density import Density, density_1d, density_2d
from sbiwb.report.figure import series
from sbiwb.report.plots.corner import MOST, allowed_by_prior
from sbiwb.report.scales import Scale, scale_for
from sbiwb.report.text import clean

_CELLS = 64
_LEVELS = 65534  # heights are sixteen bits: contours move by less than a line is wide
_EXCLUDED = 65535  # what stands for cells that the prior excludes


def plotting_library() -> str:
    """Source of plotly.js, as the package plotly ships it.

    Raises
    ------
    UsageError
        If that package is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as error:
        raise UsageError(
            "an interactive report needs the package plotly",
            got="none installed",
            remedy='pip install "sbiwb[interactive]", or leave out interactive',
        ) from error
    source: str = get_plotlyjs()
    return source


def explorable(group: Group) -> Markup:
    """Densities of a group as JSON that may stand in a page."""
    scales = [scale_for(group, name) for name in group.names[:MOST]]
    described = {
        "parameters": [
            {"name": clean(s.quantity.name), "label": s.spoken, "range": s.limits} for s in scales
        ],
        "methods": [_method(group, method, scales) for method in group.methods],
    }
    text = json.dumps(described, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _method(group: Group, method: str, scales: list[Scale]) -> dict[str, Any]:
    result, effective = group.results[method], group.effective(method)
    look = series(group.place(method))
    names, draws = result.names, result.samples()
    shown = {
        k: scale(draws[:, names.index(scale.quantity.name)])
        for k, scale in enumerate(scales)
        if scale.quantity.name in names and np.ptp(draws[:, names.index(scale.quantity.name)]) > 0
    }
    marginals, joints = {}, {}
    for i in shown:
        density = density_1d(shown[i], scales[i].window, effective)
        marginals[str(i)] = _packed(density)
        for j in (j for j in shown if j < i):
            pair = scales[j], scales[i]
            joint = density_2d(
                np.stack([shown[j], shown[i]], axis=1),
                (pair[0].window, pair[1].window),
                effective,
                allowed_by_prior(group, pair),
                cells=_CELLS,
            )
            peak = float(np.max(joint.values))
            joints[f"{i} {j}"] = {
                **_packed(joint),
                "levels": [joint.level(mass) / peak for mass in (0.95, 0.68)],
            }
    return {
        "name": clean(method),
        "place": group.place(method),
        "colour": f"--series-{look.number}",
        "dash": ("solid", "dash", "dot", "dashdot")[group.place(method) % 4],
        "marginals": marginals,
        "joints": joints,
    }


def _packed(density: Density) -> dict[str, Any]:
    """Heights relative to the peak, row by row, as little-endian numbers of sixteen bits."""
    values = np.round(np.clip(density.values / np.max(density.values), 0, 1) * _LEVELS)
    heights = np.where(density.inside, values, _EXCLUDED).T.astype("<u2")
    return {"cells": heights.shape[-1], "heights": base64.b64encode(heights.tobytes()).decode()}
