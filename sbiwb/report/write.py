"""From a comparison to one HTML file."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sbiwb import __version__
from sbiwb.errors import StoreError
from sbiwb.report.blocks import Report, Text, method_cell
from sbiwb.report.explorer import plotting_library
from sbiwb.report.labels import named
from sbiwb.report.sections import (
    answer,
    calibration,
    cost,
    distances,
    evidence,
    explore,
    failures,
    parameters,
    posteriors,
    predictive,
    profiles,
    provenance,
    statistics,
    verdicts,
    views,
)
from sbiwb.report.text import clean

if TYPE_CHECKING:
    from sbiwb.comparison import Comparison

_HERE = Path(__file__).parent
_ORDER = (
    answer,
    parameters,
    posteriors,
    explore,
    distances,
    evidence,
    calibration,
    profiles,
    predictive,
    views,
    verdicts,
    statistics,
    failures,
    cost,
    provenance,
)


def write_report(
    comparison: Comparison,
    path: Path,
    *,
    command: str,
    files: Mapping[str, str | os.PathLike[str]],
    notes: Sequence[str],
    interactive: bool = False,
) -> Path:
    """Write a comparison to `path`; see `Comparison.save`."""
    report = Report(comparison, command, _links(files, path.parent), notes, interactive)
    page = render(report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
            partial = Path(folder) / path.name
            partial.write_bytes(page.encode("utf-8", errors="replace"))
            partial.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}", got=error) from error
    return path


def render(report: Report) -> str:
    """Return the page as text; equal comparisons give equal text, but for the time stamp."""
    made = [module.section(report) for module in _ORDER]
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    now = datetime.now(UTC)
    style, *scripts = (_own(name) for name in ("style.css", "page.js"))
    if report.interactive:
        scripts += [plotting_library(), _own("explore.js")]
    return environment.get_template("report.html").render(
        title=clean(report.comparison.title),
        sections=[section for section in made if section is not None],
        style=Markup(style),
        scripts=[Markup(script) for script in scripts],
        policy=_policy(style, scripts, interactive=report.interactive),
        controls=_controls(report),
        version=__version__,
        written=now.strftime("%Y-%m-%d %H:%M UTC"),
        written_iso=now.isoformat(timespec="seconds"),
    )


def _controls(report: Report) -> list[tuple[str, str, list[tuple[str, Text]]]]:
    """What may be shown and hidden: kind, its heading, and each choice's value and text."""
    first = report.groups[0]
    groups = {name: group for group in report.groups for name in group.names}
    methods: list[tuple[str, Text]] = [
        (str(first.place(m)), method_cell(first, m).text) for m in first.order
    ]
    parameters: list[tuple[str, Text]] = [
        (clean(name), named(group.quantity(name))) for name, group in groups.items()
    ]
    kinds = (("method", "Methods", methods), ("parameter", "Parameters", parameters))
    return [kind for kind in kinds if len(kind[2]) > 1]


def _own(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _policy(style: str, scripts: Sequence[str], *, interactive: bool) -> str:
    """What the page may do: nothing but what it brings along, known by its hash.

    The plotting library of interactive reports makes styles as it draws.
    """
    rules = {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'" if interactive else _hash(style),
        "script-src": " ".join(_hash(script) for script in scripts),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _links(files: Mapping[str, str | os.PathLike[str]], folder: Path) -> dict[str, str]:
    """Addresses relative to the report, so that a run's folder can be moved as a whole."""
    return {
        text: "./" + quote(Path(os.path.relpath(target, folder)).as_posix())
        for text, target in files.items()
    }
