"""What the folders of runs say of themselves, read without touching them.

`RunFolder` sets damaged journals aside; a reader must not, so the journal is read here.
"""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sbiwb.pipeline.folder import SCHEMA

DEPTH = 4
"""Folders below the one that is served in which runs are looked for."""
LARGEST = 50_000_000
"""Bytes of a journal that are read: run folders may come from other people."""
STATES = ("done", "running", "waiting", "failed")


@dataclass(frozen=True)
class Task:
    """One method on one problem.

    Parameters
    ----------
    problem, method, state, error : str
    file : str
        Its result, inside the run folder; empty if there is none yet.
    """

    problem: str
    method: str
    state: str
    error: str
    file: str


@dataclass(frozen=True)
class Run:
    """A run folder.

    Parameters
    ----------
    path : str
        Relative to the folder that is served; ``.`` for that folder itself.
    title, status, command, started, finished : str
        `status` is done, running, incomplete, interrupted, stopped or unreadable.
    tasks : tuple of Task
    has_report : bool
    """

    path: str
    title: str
    status: str
    command: str = ""
    started: str = ""
    finished: str = ""
    tasks: tuple[Task, ...] = ()
    has_report: bool = False

    @property
    def progress(self) -> str:
        """Tasks that are done, in words."""
        counts = Counter(task.state for task in self.tasks)
        failed = f", {counts['failed']} failed" if counts["failed"] else ""
        return f"{counts['done']} of {len(self.tasks)}{failed}" if self.tasks else ""

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods, each once."""
        return tuple(dict.fromkeys(task.method for task in self.tasks))

    @property
    def problems(self) -> tuple[str, ...]:
        """Problems, each once."""
        return tuple(dict.fromkeys(task.problem for task in self.tasks))

    def matches(self, words: str) -> bool:
        """Whether every word occurs in what the run says of itself."""
        shown = (self.path, self.title, self.status, *self.methods, *self.problems)
        text = " ".join(shown).casefold()
        return all(word in text for word in words.casefold().split())


def find_runs(root: Path) -> list[Run]:
    """All runs in a folder, the last started first."""
    runs = [read_run(root, folder) for folder in _folders(root)]
    return sorted(runs, key=lambda run: (run.started, run.path), reverse=True)


def read_run(root: Path, folder: Path) -> Run:
    """Read what a run folder says; never raises for what is in it."""
    path = folder.relative_to(root).as_posix()
    journal = folder / "run.json"
    try:
        if journal.stat().st_size > LARGEST:
            raise ValueError("too large")
        content = json.loads(journal.read_text("utf-8"))
        if content["schema"] != SCHEMA:
            return Run(path, folder.name, "unreadable", "written by another version of sbiwb")
        return _run(path, folder, content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Run(path, folder.name, "unreadable", "run.json is damaged")


def _folders(root: Path) -> Iterator[Path]:
    """Run folders below `root`; links are not followed."""
    for place, folders, files in os.walk(root):
        here = Path(place)
        if "run.json" in files and not (here / "run.json").is_symlink():
            yield here
            folders.clear()
        elif len(here.relative_to(root).parts) >= DEPTH:
            folders.clear()
        else:
            folders[:] = sorted(f for f in folders if not f.startswith("."))


def _run(path: str, folder: Path, journal: Mapping[str, Any]) -> Run:
    tasks = tuple(
        Task(
            str(task["problem"]),
            str(task["method"]),
            str(task["state"]),
            str(task["error"] or ""),
            str(task["file"] or ""),
        )
        for task in journal.get("tasks", {}).values()
    )
    return Run(
        path,
        str(journal.get("title", folder.name)),
        _status(folder, str(journal.get("status", ""))),
        str(journal.get("command", "")),
        str(journal.get("started") or ""),
        str(journal.get("finished") or ""),
        tasks,
        (folder / "report.html").is_file(),
    )


def _status(folder: Path, recorded: str) -> str:
    """Status of a run; one that says it is running may have been killed since."""
    if recorded != "running":
        return recorded or "waiting"
    try:
        holder = json.loads((folder / ".holder.json").read_text("utf-8"))
        pid, host = int(holder["pid"]), str(holder["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return "stopped"
    # The lock itself is not tried: to hold it for a moment could keep a run from starting.
    return "running" if host != socket.gethostname() or _alive(pid) else "stopped"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def elapsed(run: Run) -> str:
    """How long a run took, or has been at work; empty if that cannot be told."""
    try:
        start = datetime.fromisoformat(run.started)
        end = datetime.fromisoformat(run.finished) if run.finished else datetime.now(UTC)
        seconds = int((end - start).total_seconds())
    except (ValueError, TypeError):
        return ""
    if seconds < 0 or (not run.finished and run.status != "running"):
        return ""
    if seconds < 90:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
