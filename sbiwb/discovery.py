"""Which names exist: found by reading files and package metadata, importing nothing.

A module defines a simulator, sampler, estimator, approximation or reader if it has a public class
whose base is named ``…Simulator``, ``…Sampler``, ``…Estimator``, ``…Approximation`` or ``…Reader``,
and a diagnostic if it has a function ``check``.
Modules and folders whose names start with an underscore are left out; a folder inside is a domain:
``simulators/cosmology/bao.py`` is ``cosmology.bao``.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from sbiwb.errors import UsageError, unknown_name

KINDS = ("simulators", "samplers", "estimators", "approximations", "diagnostics", "readers")
FOLDERS = "SBIWB_SIMULATORS"


@dataclass(frozen=True)
class Entry:
    """One name.

    Parameters
    ----------
    kind, name : str
        For example ``samplers`` and ``emcee``.
    origin : str
        The module, file or package that defines it.
    summary : str
        One line of what it is.
    load : callable
        Imports it: a module, or whatever an entry point refers to.
    """

    kind: str
    name: str
    origin: str
    summary: str
    load: Callable[[], Any]


def find_entries(kind: str) -> list[Entry]:
    """Everything of `kind` that is installed, sorted by name; names may repeat.

    Raises
    ------
    UsageError
        If the kind is unknown, or ``SBIWB_SIMULATORS`` names a folder that does not exist.
    """
    if kind not in KINDS:
        raise unknown_name("kind", kind, KINDS)
    found = [*_built_in(kind), *_installed(kind, tuple(sys.path))]
    if kind == "simulators":
        found += [entry for folder in local_folders() for entry in _local(folder)]
    return sorted(found, key=lambda entry: entry.name)


def local_folders() -> list[Path]:
    """The user's own folders of simulators, from ``SBIWB_SIMULATORS``."""
    folders = [Path(p).resolve() for p in os.environ.get(FOLDERS, "").split(os.pathsep) if p]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{FOLDERS} names no folder", got=folder)
    return folders


def _built_in(kind: str) -> Iterator[Entry]:
    package = f"sbiwb.{kind}"
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name, path in _modules(Path(folder)):
            summary = _summary(kind, path, path.stat().st_mtime_ns)
            if summary is not None:
                module = f"{package}.{name}"
                load = partial(importlib.import_module, module)
                shown = name.replace("_", "-") if kind == "approximations" else name
                yield Entry(kind, shown, module, summary, load)


@cache
def _installed(kind: str, search: tuple[str, ...]) -> list[Entry]:  # noqa: ARG001 - cache key
    """Names that other packages on the search path add."""
    found = []
    for point in importlib.metadata.entry_points(group=f"sbiwb.{kind}"):
        package = point.dist.name if point.dist else "an unknown package"
        origin = f"{point.value} of {package}"
        found.append(Entry(kind, point.name, origin, f"from the package {package}", point.load))
    return found


def _local(folder: Path) -> Iterator[Entry]:
    for name, path in _modules(folder):
        summary = _summary("simulators", path, path.stat().st_mtime_ns)
        if summary is not None:
            load = partial(_import_local, folder, name, path)
            yield Entry("simulators", name, str(path), summary, load)


def _import_local(folder: Path, name: str, path: Path) -> Any:
    # Last in the search, so that no file of the folder can take the place of another module.
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    module = importlib.import_module(name)
    if Path(module.__file__ or "").resolve() != path:
        raise UsageError(
            f"the file {path} is hidden by another module called '{name}'",
            got=module.__file__,
            remedy="rename the file",
        )
    return module


def _modules(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(("_", ".")):
            continue
        if path.suffix == ".py":
            yield prefix + path.stem, path
        elif (path / "__init__.py").is_file():
            yield from _modules(path, f"{prefix}{path.name}.")


@cache
def _summary(kind: str, path: Path, changed: int) -> str | None:  # noqa: ARG001 - cache key
    """First line of the docstring of a module that defines one of `kind`; None if it does not."""
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        # Listed all the same: whoever asks for it by name is told where the error is.
        return f"cannot be read: {error}"
    if not any(_defines(kind, node) for node in tree.body):
        return None
    lines = (ast.get_docstring(tree) or "").splitlines()
    return lines[0] if lines else ""


def _defines(kind: str, node: ast.stmt) -> bool:
    if kind == "diagnostics":
        return isinstance(node, ast.FunctionDef) and node.name == "check"
    if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
        return False
    ending = kind.removesuffix("s").capitalize()
    return any(_last_name(base).endswith(ending) for base in node.bases)


def _last_name(node: ast.expr) -> str:
    """``Sampler`` of ``base.Sampler[Options]``."""
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
