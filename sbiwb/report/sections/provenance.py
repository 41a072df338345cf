"""Where the results come from and how to make them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import (
    Block,
    Cell,
    Heading,
    Items,
    Prose,
    Report,
    Rows,
    Section,
    Table,
    headings,
    side_by_side,
)
from sbiwb.report.labels import named
from sbiwb.report.numbers import as_typed
from sbiwb.report.sections.statistics import said
from sbiwb.report.text import clean
from sbiwb.result import Result

_OWN_TABLES = ("stats", "options", "versions", "box", "simulations")


def section(report: Report) -> Section:
    """Make the section."""
    blocks: list[Block] = []
    if report.command:
        blocks.append(
            Prose(Markup("To make it again: <code>{}</code>").format(clean(report.command)))
        )
    for group in report.groups:
        if len(report.groups) > 1:
            blocks.append(Heading(clean(group.label)))
        described = group.described
        if "simulator" in described:
            blocks.append(_problem(described))
            blocks.append(_priors(group))
        runs = side_by_side(
            group,
            f"Runs of {clean(group.label)}",
            {"Runs": {m: _run(r) for m, r in group.results.items()}},
        )
        if runs is not None:
            blocks.append(runs)
    versions = _versions(report)
    if versions is not None:
        blocks.append(Heading("Software"))
        blocks.append(versions)
    if report.files:
        blocks.append(Heading("Files"))
        blocks.append(
            Items(
                [
                    Markup('<a href="{}">{}</a>').format(address, clean(text))
                    for text, address in report.files.items()
                ]
            )
        )
    return Section("provenance", "Provenance", blocks)


def _problem(described: Mapping[str, Any]) -> Table:
    observation = described.get("observation", {})
    options = described.get("options", {})
    version = described.get("version", "unknown")
    entries = {
        "Simulator": f"{described.get('simulator', 'unknown')}, version {version}",
        "Options": ", ".join(f"{k} = {said(v)}" for k, v in options.items()) or "none",
        "Held fixed": ", ".join(f"{k} = {said(v)}" for k, v in described.get("fixed", {}).items()),
        "Data": observation.get("name", "unknown"),
        "Source of the data": observation.get("source", "unknown"),
        "SHA-256 of the data": observation.get("sha256", "unknown"),
    }
    rows = [[Cell(k), Cell(clean(v))] for k, v in entries.items() if v]
    return Table("Problem", [Cell(""), Cell("")], [Rows(rows)])


def _priors(group: Group) -> Table:
    described = group.described.get("prior", {})
    rows = []
    for parameter in described.get("parameters", []):
        numbers = {
            k: v
            for k, v in parameter.items()
            if k not in ("name", "unit", "label", "periodic", "distribution")
        }
        distribution = f"{parameter.get('distribution', 'unknown')}"
        distribution += "(" + ", ".join(f"{k} = {as_typed(v)}" for k, v in numbers.items()) + ")"
        rows.append(
            [
                Cell(named(group.quantity(parameter["name"]))),
                Cell(clean(distribution)),
                Cell(clean(parameter.get("unit", ""))),
            ]
        )
    if group.constraint is not None:
        weights = zip(group.constraint["weights"], group.constraint["names"], strict=True)
        terms = " + ".join(f"{as_typed(w)} · {clean(n)}" for w, n in weights)
        rows.append(
            [Cell("and"), Cell(f"{terms} < {as_typed(group.constraint['below'])}"), Cell("")]
        )
    if "correlation" in described:
        rows.append(
            [
                Cell("correlated"),
                Cell(clean(", ".join(described["correlation"]["names"]))),
                Cell(""),
            ]
        )
    if (joint := described.get("joint")) is not None:
        nodes = " × ".join(map(str, joint["nodes"]))
        text = f"joint density of {', '.join(joint['names'])}, linear between {nodes} nodes"
        rows.append([Cell("and"), Cell(clean(text)), Cell("")])
    return Table("Prior", headings(("Parameter", "Distribution", "Unit"), 3), [Rows(rows)])


def _run(result: Result) -> dict[str, str]:
    entries = {} if result.origin else {"seed": str(result.seed)}
    for key, value in result.provenance.items():
        if key not in _OWN_TABLES and not isinstance(value, Mapping) and value is not None:
            entries[clean(key)] = said(value)
    return entries


def _versions(report: Report) -> Table | None:
    """Versions of packages; several where results were made with different ones."""
    found: dict[str, dict[str, None]] = {}
    for group in report.groups:
        for result in group.results.values():
            for package, version in (result.provenance.get("versions") or {}).items():
                found.setdefault(str(package), {})[str(version)] = None
    rows = [[Cell(clean(p)), Cell(clean(", ".join(v)))] for p, v in sorted(found.items())]
    return Table("Versions", [Cell("Package"), Cell("Version")], [Rows(rows)]) if rows else None
