"""What MkDocs must know of this tree: pages outside of docs/, and pages made from docstrings.

Pages are written to be read in the tree as well, so their links are relative to it.  Here links
that leave docs/ are led to the pages that stand for their targets.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

import sbiwb

ROOT = Path(__file__).parents[2]
# File in the tree → page of the site.
OUTSIDE = {"CONTRIBUTING.md": "contributing.md"} | {
    f"tests/benchmarks/{path.name}": f"benchmarks/{path.name}"
    for path in sorted((ROOT / "tests/benchmarks").glob("*.md"))
}
FOLDERS = {"docs/decisions": "index.md#decisions"}
# Page of the reference → the modules whose public names it holds.
MODULES = {
    "Distances": [
        "sbiwb.distances.c2st",
        "sbiwb.distances.sliced_wasserstein",
        "sbiwb.distances.mmd",
        "sbiwb.distances.jensen_shannon",
        "sbiwb.distances.moments",
        "sbiwb.distances.tension",
    ],
    "Samplers, estimators, approximations": [
        "sbiwb.samplers.base",
        "sbiwb.estimators.base",
        "sbiwb.approximations.base",
    ],
    "Readers": ["sbiwb.readers.base"],
    "Comparison": [
        "sbiwb.comparison.Comparison",
        "sbiwb.comparison.agreement",
        "sbiwb.comparison.evidence",
    ],
    "Random streams": ["sbiwb.rng"],
    "Errors": ["sbiwb.errors"],
    "Contract checks": [
        f"sbiwb.testing.{name}"
        for name in ("simulator", "sampler", "estimator", "diagnostic", "reader")
    ],
}
_LINK = re.compile(r"(?<=\]\()([^)#\s:]+)(#[^)\s]*)?(?=\))")


def on_config(config):
    """Complete the navigation: reference pages, benchmarks and decisions."""
    for entry in config.nav:
        if "Reference" in entry:
            entry["Reference"] += [{title: page} for title, page, _ in _reference()]
            entry["Reference"].append(
                {"Measured": [{_title(s): p} for s, p in OUTSIDE.items() if s.startswith("tests/")]}
            )
        if "Decisions" in entry:
            decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
            entry["Decisions"] = [f"decisions/{path.name}" for path in decisions]
    return config


def on_files(files, config):
    """Add the pages that are not in docs/."""
    for source, page in OUTSIDE.items():
        content = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, page, content=_led(content, source, page)))
    for _, page, content in _reference():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown, page, **_):
    """Lead links to pages of the site, and public names to their documentation."""
    source = page.file.src_uri
    if page.file.generated_by:
        return markdown
    if source == "reference/names.md":
        markdown = re.sub(r"`sbiwb\.(\w+)`", _documented, markdown)
    return _led(markdown, f"docs/{source}", source)


def _led(markdown: str, source: str, page: str) -> str:
    """Links of a file `source` of the tree, as links of a page of the site."""

    def lead(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        led = OUTSIDE.get(target) or FOLDERS.get(target) or target.removeprefix("docs/")
        if led == target and not target.startswith("docs/"):
            raise ValueError(f"{source} links to {match[1]}, which is no page of the site")
        return posixpath.relpath(led, posixpath.dirname(page) or ".") + (match[2] or "")

    # Code blocks hold no links.
    parts = re.split(r"(^ *```.*?^ *```)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(p if p.lstrip().startswith("```") else _LINK.sub(lead, p) for p in parts)


def _reference() -> list[tuple[str, str, str]]:
    """Title, page and content of each page made from docstrings."""
    pages = []
    names = (ROOT / "docs/reference/names.md").read_text("utf-8").partition("## Elsewhere")[0]
    for section in names.split("\n## ")[1:]:
        title, _, rows = section.partition("\n")
        pages.append(
            (title, [_home(name) for name in re.findall(r"^\| `sbiwb\.(\w+)`", rows, re.M)])
        )
    pages += MODULES.items()
    return [
        (
            title,
            f"reference/api/{title.lower().replace(' ', '-')}.md",
            f"# {title}\n\n" + "\n\n".join(f"::: {name}" for name in members) + "\n",
        )
        for title, members in pages
    ]


def _title(source: str) -> str:
    lines = (ROOT / source).read_text("utf-8").splitlines()
    heading = next((line for line in lines if line.startswith("# ")), "")
    return heading.removeprefix("# ").partition(":")[0] or Path(source).stem.replace("_", " ")


def _documented(match: re.Match[str]) -> str:
    name = match[1]
    return f"[`sbiwb.{name}`][{_home(name)}]" if name in sbiwb.__all__ else match[0]


def _home(name: str) -> str:
    return f"{sbiwb._HOME[name]}.{name}"
