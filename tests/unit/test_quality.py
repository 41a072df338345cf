"""The rules of the house that a machine can hold: style, types, layers, docstrings, packaging."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sbiwb

ROOT = Path(__file__).parents[2]
SHIPPED = {".py", ".yaml", ".csv", ".html", ".css", ".js", ".svg", ".txt", ".typed"}
PUBLIC = [name for name in sbiwb.__all__ if not name.startswith("__")]
FUNCTIONS = [name for name in PUBLIC if inspect.isfunction(getattr(sbiwb, name))]
# Where things lie on one machine; written so that the pattern does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.>}/])/(?:work|root|tmp|home)/\w")


def run(*command: str) -> str:
    """Output of a command of this environment; what it complains of, if it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{Path(command[0]).name} says:\n{done.stdout}{done.stderr}"
    return done.stdout


def sources() -> list[Path]:
    """The files of the trees that are installed."""
    return [
        path
        for tree in ("sbiwb", "simulators", "pipelines")
        for path in sorted((ROOT / tree).rglob("*"))
        if path.suffix in SHIPPED and "__pycache__" not in path.parts
    ]


@pytest.mark.parametrize(
    "command", ["ruff check", "ruff format --check", "mypy", "lint-imports"], ids=str
)
def test_linters_are_silent(command):
    program, *arguments = command.split()
    run(str(Path(sys.executable).with_name(program)), *arguments)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name):
    # A dataclass without a docstring gets its signature as one.
    assert not (getattr(sbiwb, name).__doc__ or f"{name}(").startswith(f"{name}(")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_of_public_functions_are_documented(name):
    function = getattr(sbiwb, name)
    text = inspect.getdoc(function).partition("Parameters\n---")[2].partition("\n\n")[0]
    documented = {
        word.lstrip("*")
        for line in text.splitlines()
        if re.match(r"[\w*]", line)
        for word in line.partition(":")[0].replace(",", " ").split()
    }
    assert set(inspect.signature(function).parameters) - documented == set()


def test_no_public_name_is_a_module():
    # Importing the module would put it in the place of the function.
    modules = {path.stem for path in (ROOT / "sbiwb").iterdir()}
    assert modules & set(PUBLIC) == set()


def test_files_are_short():
    lengths = {p: p.read_text().count("\n") for p in sources() if p.suffix == ".py"}
    assert {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > 400} == {}


def test_nothing_names_a_place_on_one_machine():
    found = []
    for name in run("git", "ls-files", "-z").split("\0"):
        path = ROOT / name
        if path.is_file() and path.suffix in {*SHIPPED, ".md", ".toml", ""}:
            lines = path.read_text().splitlines()
            found += [f"{name}: {line.strip()}" for line in lines if MACHINE_PATH.search(line)]
    assert found == []
    assert MACHINE_PATH.search("/".join(("see ", "work", "main")))


def test_the_wheel_holds_the_tree(tmp_path):
    # Built from a copy: setuptools would put files of earlier builds into the wheel.
    copy = tmp_path / "copy"
    for path in [*sources(), *(ROOT / n for n in ("pyproject.toml", "README.md", "LICENSE"))]:
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    options = ("--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(tmp_path))
    run(sys.executable, "-m", "pip", "wheel", *options, str(copy))
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    inside = [path.relative_to(ROOT).as_posix() for path in sources()]
    assert packed == {n if n.startswith("sbiwb/") else f"sbiwb/{n}" for n in inside}
