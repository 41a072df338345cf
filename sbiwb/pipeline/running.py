"""Running a recipe: do what is missing, keep what is whole, report what there is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sbiwb.config import Recipe, find_recipe, parse_recipe, read_recipe
from sbiwb.core.problem import Problem
from sbiwb.discovery import FOLDERS
from sbiwb.errors import UsageError
from sbiwb.interruption import terminable
from sbiwb.loading import difference
from sbiwb.pipeline.executing import execute, failure
from sbiwb.pipeline.folder import RunFolder
from sbiwb.pipeline.plan import plan
from sbiwb.pipeline.reporting import update_report
from sbiwb.progress import Progress
from sbiwb.rng import check_seed
from sbiwb.safe_yaml import write_yaml
from sbiwb.store.lock import run_lock


def run(
    recipe: str | os.PathLike[str] | Mapping[str, Any],
    *,
    out: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    seed: int | None = None,
    fork: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Run a recipe and write its report.

    What a former run in the same directory has made is kept, and made again only if something it
    depends on has changed.

    Parameters
    ----------
    recipe : str, path or mapping
        The name of a recipe of the package, a YAML file, or the content of one.
    out : path, optional
        The run directory; by default ``runs/NAME``.  Needed if `recipe` is a mapping.
    workers : int, optional
        Processes, each at work on one method; by default as in the recipe, or else 2.  The numbers
        in the results do not depend on it.
    seed : int, optional
        Replaces the recipe's seed.
    fork : bool
        If `out` exists, start a new run beside it: ``NAME-2``, ``NAME-3``, …
    progress : Progress, optional
        By default a bar if standard error is a terminal.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    UsageError
        If the recipe is not valid, or poses other problems than the run in `out` did.
    BusyError
        If another run is at work in `out`.
    StoreError
        If the disk refuses.
    InferenceError
        If a posterior could not be had or checked; the others are finished and reported first.
    """
    content, name, command = _read(recipe)
    if seed is not None:
        content = content.model_copy(update={"seed": check_seed(seed)})
        command += f" --seed {seed}"
    if out is not None:
        command += f" --out {shlex.quote(os.fspath(out))}"
    elif not name:
        raise UsageError("a recipe given as a mapping needs a run directory", remedy="pass out=…")
    path = Path(out or Path("runs", name))
    workers = workers or content.workers or min(2, os.cpu_count() or 1)
    with simulators_of(content), terminable():
        problems, tasks = plan(content)
        path = _beside(path) if fork else path
        with run_lock(path):
            folder = RunFolder(path)
            _check_same(folder, problems)
            folder.sweep()
            folder.write("recipe.yaml", write_yaml(content.model_dump(mode="json")))
            folder.journal |= {
                "title": content.title or name or path.name,
                "command": command,
                "problems": {label: problem.describe() for label, problem in problems.items()},
            }
            execute(folder, tasks, workers, progress or Progress())
            return _conclude(folder)


def _read(recipe: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[Recipe, str, str]:
    """The recipe, its name, and the command that runs it."""
    if isinstance(recipe, Mapping):
        return parse_recipe(recipe), "", "sbiwb run recipe.yaml"
    path = find_recipe(recipe)
    return read_recipe(path), path.stem, f"sbiwb run {shlex.quote(os.fspath(recipe))}"


def _conclude(folder: RunFolder) -> Path:
    """Report what there is, then raise if something is missing."""
    error = failure(folder)
    if error is not None and not any(task["file"] for task in folder.journal["tasks"].values()):
        raise error
    report = update_report(folder)
    folder.save_journal()
    if error is not None:
        raise error
    return report


def _check_same(folder: RunFolder, problems: Mapping[str, Problem]) -> None:
    """Refuse to mix two problems under one label."""
    recorded = folder.journal.get("problems", {})
    for label in (label for label in problems if label in recorded):
        change = difference(recorded[label], problems[label].describe())
        if change is not None:
            raise UsageError(
                f"{folder.path} is of another problem '{label}': {change}",
                remedy="add --fork to start a new run beside it, or --out DIRECTORY",
            )


def _beside(path: Path) -> Path:
    """Return the first that is free of ``NAME``, ``NAME-2``, ``NAME-3`` and so on."""
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


@contextmanager
def simulators_of(recipe: Recipe) -> Iterator[None]:
    """Add the recipe's folder of simulators to those searched, here and in the workers."""
    if recipe.simulators is not None and not Path(recipe.simulators).is_dir():
        raise UsageError("simulators: no such folder", got=recipe.simulators)
    before = os.environ.get(FOLDERS)
    folders = [folder for folder in (recipe.simulators, before) if folder]
    os.environ[FOLDERS] = os.pathsep.join(folders)
    try:
        yield
    finally:
        if before is None:
            del os.environ[FOLDERS]
        else:
            os.environ[FOLDERS] = before
