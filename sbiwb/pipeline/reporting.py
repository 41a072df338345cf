"""The report of a run, from the results that its journal names."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import sbiwb
from sbiwb.errors import DataError
from sbiwb.loading import inside, load
from sbiwb.pipeline.folder import RunFolder, digest
from sbiwb.store.lock import run_lock


def report(
    run: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    interactive: bool = False,
) -> Path:
    """Write the report of a run again.

    Parameters
    ----------
    run : path
        The run directory.
    out : path, optional
        Where to write; by default ``report.html`` in the run directory, or ``interactive.html``.
    interactive : bool, optional
        Add corner plots that zoom (see `Comparison.save`).

    Returns
    -------
    Path
        The report.

    Raises
    ------
    DataError
        If there is no run, or it has no results yet.
    """
    path = Path(run)
    if not (path / "run.json").is_file():
        raise DataError("no run to report", got=path, expected="a directory made by sbiwb run")
    with run_lock(path):
        folder = RunFolder(path)
        if out is None and interactive:
            out = path / "interactive.html"
        if out is not None:
            return _write(folder, Path(out), interactive=interactive)
        written = update_report(folder)
        folder.save_journal()
        return written


def update_report(folder: RunFolder) -> Path:
    """Write ``report.html`` in the run directory, unless it is up to date."""
    path = folder.path / "report.html"
    key = _key(folder.journal)
    recorded = folder.journal.get("report")
    if not path.is_file() or recorded != {"key": key, "sha256": digest(path)}:
        _write(folder, path)
        folder.journal["report"] = {"key": key, "sha256": digest(path)}
    return path


def _write(folder: RunFolder, path: Path, *, interactive: bool = False) -> Path:
    from sbiwb.comparison import compare

    journal = folder.journal
    results, files = defaultdict(list), {}
    for name, task in journal.get("tasks", {}).items():
        if task["file"] is not None:
            files[name] = inside(folder.path, task["file"])
            results[task["problem"]].append(load(files[name], network=False))
    if not results:
        raise DataError("no results to report yet", got=folder.path)
    failed = [
        f"{task['method']} on {task['problem']} failed: {task['error']}"
        for task in journal["tasks"].values()
        if task["error"]
    ]
    comparison = compare(results, title=journal["title"])
    return comparison.save(
        path, command=journal["command"], files=files, notes=failed, interactive=interactive
    )


def _key(journal: dict[str, Any]) -> str:
    """Hash of what the report shows."""
    tasks = [
        (name, task["error"], journal["files"].get(task["file"]))
        for name, task in journal["tasks"].items()
    ]
    shown = [sbiwb.__version__, journal["title"], journal["command"], tasks]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()
