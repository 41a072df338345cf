"""The site of the documentation: built without a warning, whole, and asking nothing of others."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sbiwb

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("mkdocs", "material", "mkdocstrings")),
    reason="MkDocs is not installed: pip install 'sbiwb[docs]'",
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "WARNING" not in done.stderr
    return site


def test_every_page_of_the_tree_is_in_it(site):
    pages = [p.relative_to(ROOT / "docs").with_suffix(".html") for p in ROOT.glob("docs/**/*.md")]
    assert [str(page) for page in pages if not (site / page).is_file()] == []
    assert (site / "contributing.html").is_file()


def test_every_public_name_is_documented_and_linked(site):
    pages = "".join(p.read_text() for p in (site / "reference/api").glob("*.html"))
    anchors = set(re.findall(r'<h2 id="(sbiwb\.[\w.]+)"', pages))
    homes = {f"{home}.{name}" for name, home in sbiwb._HOME.items()}
    assert homes - anchors == set()
    names = (site / "reference/names.html").read_text()
    assert [home for home in homes if f"#{home}" not in names] == []


def test_no_page_asks_other_servers_for_anything(site):
    asked = re.compile(
        r"""<(?:script|img|iframe|link rel="stylesheet")[^>]*?(?:src|href)="(\w+:)?//"""
    )
    found = [p.name for p in site.rglob("*.html") if asked.search(p.read_text())]
    assert found == []
    assert asked.search('<script async src="https://elsewhere/x.js">')


def test_a_link_that_leaves_the_site_is_found(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs/site")
    import hooks

    page = "see [it](../../CONTRIBUTING.md#tests) and [that](b.md)\n\n```\n[x](../../../y)\n```\n"
    assert hooks._led(page, "docs/howto/a.md", "howto/a.md") == page.replace(
        "../../CONTRIBUTING.md", "../contributing.md"
    )
    with pytest.raises(ValueError, match=r"docs/a.md links to ../sbiwb/rng.py, which is no page"):
        hooks._led("[code](../sbiwb/rng.py)", "docs/a.md", "a.md")
