"""Every code block of the documentation runs, every link leads somewhere, every name is listed.

The Python blocks of a page run in order, as one script in an empty folder.  Of ``sh`` and
``console`` blocks the lines that call ``sbiwb`` run too, where they stand; other commands set a
machine up (``make``, ``pip``, ``git``) and do not.  A comment directly above a block may say more:
``<!-- file: NAME -->`` writes it to a file instead, ``<!-- needs: FOLDER -->`` leaves it out where
``SBIWB_DATA`` has no such folder of data, which a reader would download.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import sbiwb

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")],
    key=lambda page: page.relative_to(ROOT).parts,
)
BLOCK = re.compile(
    r"(?:^[ ]*<!-- (?P<order>needs|file): (?P<argument>.+?) -->\n)?"
    r"^(?P<indent>[ ]*)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
# Warnings of libraries are theirs to mend.
PREAMBLE = (
    "import pathlib, subprocess, warnings; "
    "warnings.filterwarnings('error', module=r'sbiwb(\\.|$)|__main__')"
)


@dataclass(frozen=True)
class Block:
    """One code block: its language, its lines, and the number of the first in the page."""

    language: str
    order: str | None
    argument: str | None
    first: int
    lines: list[str]


def blocks_of(text: str) -> list[Block]:
    found = []
    for match in BLOCK.finditer(text):
        indent = len(match["indent"])
        lines = [line[indent:] for line in match["text"].splitlines()]
        first = text.count("\n", 0, match.start("text"))
        found.append(Block(match["language"], match["order"], match["argument"], first, lines))
    return found


def script_of(text: str) -> str:
    """The script of a page, line for line, so that tracebacks name the line of the page."""
    script = [""] * (text.count("\n") + 1)
    for block in blocks_of(text):
        if block.order == "file":
            content = "".join(line + "\n" for line in block.lines)
            script[block.first] = f"_ = pathlib.Path({block.argument!r}).write_text({content!r})"
        elif block.order == "needs" and not has_data(str(block.argument)):
            continue
        elif block.language == "python":
            script[block.first : block.first + len(block.lines)] = block.lines
        elif block.language in ("sh", "bash", "console"):
            script[block.first : block.first + len(block.lines)] = commands(block.lines)
    if not any(script):
        return ""
    assert not script[0], "a page starts with its title"
    return "\n".join([PREAMBLE, *script[1:]])


def has_data(folder: str) -> bool:
    data = os.environ.get("SBIWB_DATA")
    return bool(data) and Path(data, folder).is_dir()


def commands(lines: list[str]) -> list[str]:
    """One statement for each line that calls sbiwb; a backslash joins it to the next."""
    statements = []
    command = ""
    for line in lines:
        command += line.removeprefix("$ ")
        if command.endswith("\\"):
            command = command.removesuffix("\\")
            statements.append("")
            continue
        runs = re.match(r"(\w+=\S+ )*sbiwb\b", command)
        statements.append(
            f"_ = subprocess.run({command!r}, shell=True, check=True)" if runs else ""
        )
        command = ""
    return statements


def run(script: str, folder: Path) -> None:
    """Run a page as a reader would, with the console script of this environment first."""
    page = folder / "page.py"
    page.write_text(script)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "MPLBACKEND": "agg"}
    environment.pop("SBIWB_SIMULATORS", None)
    done = subprocess.run(
        [sys.executable, str(page)], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


SCRIPTS = {
    str(page.relative_to(ROOT)): script
    for page in PAGES
    if page.exists() and (script := script_of(page.read_text()))
}


@pytest.mark.parametrize("page", SCRIPTS)
def test_blocks_run(page, tmp_path):
    run(SCRIPTS[page], tmp_path)


FENCE = "```"
PAGE = f"""# Title

<!-- file: data.txt -->
{FENCE}text
7
{FENCE}

{FENCE}python
from pathlib import Path
x = int(Path("data.txt").read_text())
{FENCE}

<!-- needs: nothing-of-this-name -->
{FENCE}python
raise SystemExit("ran")
{FENCE}

1. A list:

   {FENCE}console
   $ sbiwb --help \\
       > help.txt
   $ make test
   {FENCE}

{FENCE}python
assert x == CLAIM and "run" in Path("help.txt").read_text()
{FENCE}
"""


def test_a_page_runs_in_order(tmp_path):
    run(script_of(PAGE.replace("CLAIM", "7")), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PAGE.replace("CLAIM", "8"), r"page.py\", line 27.*AssertionError"),
        (f"# T\n{FENCE}sh\nsbiwb no-such-command\n{FENCE}\n", "CalledProcessError"),
        (f"# T\n{FENCE}python\nwarnings.warn('ours')\n{FENCE}\n", "UserWarning: ours"),
    ],
)
def test_a_page_that_fails_is_found(tmp_path, text, message):
    with pytest.raises(AssertionError, match=f"(?s){message}"):
        run(script_of(text), tmp_path)


@pytest.mark.parametrize("page", [p for p in PAGES if p.exists()], ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    files = [t for t in targets if not re.match(r"\w+:", t)]
    assert [t for t in files if not (page.parent / t).exists()] == []


def test_the_index_names_every_page():
    index = (ROOT / "docs/index.md").read_text()
    pages = [p.relative_to(ROOT / "docs").as_posix() for p in ROOT.glob("docs/*/*.md")]
    assert [page for page in pages if f"({page})" not in index] == []


def test_every_public_name_is_listed():
    expected = [
        f"| `sbiwb.{name}` | {getattr(sbiwb, name).__doc__.splitlines()[0]} |"
        for name in sbiwb.__all__
        if not name.startswith("__")
    ]
    page = (ROOT / "docs/reference/names.md").read_text().partition("## Elsewhere")[0]
    listed = [line for line in page.splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(expected)


def test_the_tutorial_ends_in_a_checked_posterior_after_twenty_lines():
    first = blocks_of((ROOT / "docs/tutorial/your-own-simulator.md").read_text())[0]
    lines = [line for line in first.lines if line.strip()]
    assert len(lines) <= 20
    assert any(line.startswith("def ") for line in lines)
    assert any("sbiwb.check(" in line for line in lines)
