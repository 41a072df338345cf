"""What samplers and trainings say of themselves, and how they were set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbiwb.report.blocks import Block, Heading, Picture, Report, Section, side_by_side
from sbiwb.report.numbers import MINUS, count
from sbiwb.report.plots.training import training_plot
from sbiwb.report.text import clean


def section(report: Report) -> Section | None:
    """Make the section; None if nothing was recorded."""
    blocks: list[Block] = []
    for group in report.groups:
        recorded = {m: r.provenance for m, r in group.results.items()}
        parts = {
            title: {m: _flat(p.get(key)) for m, p in recorded.items()}
            for key, title in (("stats", "Measured"), ("options", "Options"))
        }
        panels = training_plot(group)
        table = side_by_side(group, f"Sampling and training, {clean(group.label)}", parts)
        if len(report.groups) > 1 and (table or panels):
            blocks.append(Heading(clean(group.label)))
        if panels:
            blocks.append(Picture(panels))
        if table:
            blocks.append(table)
    return Section("statistics", "Sampling and training", blocks) if blocks else None


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested plain JSON types as one level of text."""
    if not isinstance(value, Mapping):
        return {} if value is None else {prefix or "value": said(value)}
    flat: dict[str, str] = {}
    for key, inner in value.items():
        name = clean(f"{prefix}.{key}" if prefix else key)
        flat.update(_flat(inner, name) if isinstance(inner, Mapping) else {name: said(inner)})
    return flat


def said(value: Any) -> str:
    """A plain JSON value in a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "default"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", MINUS)
    if isinstance(value, (list, tuple)):
        return clean(", ".join(said(v) for v in value))
    return clean(value)
