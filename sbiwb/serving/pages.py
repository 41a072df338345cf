"""The two pages of the server: all runs, and one run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import sbiwb.report
from sbiwb import __version__
from sbiwb.report.text import clean
from sbiwb.serving.runs import Run, elapsed

_HERE = Path(__file__).parent
REFRESH = 10
"""Seconds after which the page of something that is running is asked for again."""
_LIGHTS = {
    "done": ("pass", "✓"),
    "running": ("unknown", "…"),
    "waiting": ("unknown", "–"),
    "incomplete": ("warn", "!"),
    "interrupted": ("warn", "!"),
    "stopped": ("warn", "!"),
    "failed": ("fail", "✕"),
    "unreadable": ("fail", "✕"),
}


def index(runs: Sequence[Run], words: str, prefix: str) -> str:
    """The page of all runs that match `words`; addresses begin with `prefix`."""
    found = [run for run in runs if run.matches(words)]
    refresh = any(run.status == "running" for run in found)
    return _render(
        "runs.html", runs=found, total=len(runs), words=words, refresh=refresh, prefix=prefix
    )


def one(run: Run, prefix: str) -> str:
    """The page of one run; addresses begin with `prefix`."""
    return _render("run.html", run=run, refresh=run.status == "running", prefix=prefix)


def style_policy() -> str:
    """Content security policy of these pages: their style by its hash, and the search."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


@cache
def _style() -> str:
    report = Path(sbiwb.report.__path__[0])
    return (report / "style.css").read_text("utf-8") + (_HERE / "serve.css").read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        version=__version__, elapsed=elapsed, light=_light, address=_address, every=REFRESH
    )
    environment.filters["clean"] = clean
    return environment


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(style=Markup(_style()), **values)


def _light(status: str) -> Markup:
    colour, mark = _LIGHTS.get(status, ("unknown", ""))
    return Markup('<span class="light {}">{} {}</span>').format(colour, mark, clean(status, 40))


def _address(run: Run, file: str = "") -> str:
    """Path of a run's page, or of a file in it, from the root of the server."""
    parts = [part for part in (run.path, file) if part not in ("", ".")]
    return "/" + "/".join(quote(part) for part in parts) + ("" if file or not parts else "/")
