"""Doing the tasks of a run that are not done yet, and keeping its journal."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from sbiwb.errors import InferenceError
from sbiwb.pipeline.folder import RunFolder
from sbiwb.pipeline.plan import Task
from sbiwb.pipeline.workers import Order, Reply, Workers
from sbiwb.progress import Progress

_PACKAGES = ("sbiwb", "numpy", "scipy", "torch", "sbi", "emcee", "dynesty")


def execute(folder: RunFolder, tasks: Sequence[Task], workers: int, progress: Progress) -> None:
    """Do what is missing, in worker processes; the journal is saved at every step.

    A task that fails does not stop the others: its entry in the journal says why, see `failure`.
    """
    found = [(task, _order(folder, task)) for task in tasks]
    todo = sorted(
        [(task, order) for task, order in found if order is not None],
        key=lambda pair: -pair[0].weight,
    )
    for file in folder.set_aside:
        say(f"{file} was damaged: it is in quarantine/ now and is made again")
    journal = folder.journal
    journal["tasks"] = {task.name: _entry(folder, task) for task in tasks}
    if not todo:
        return
    versions = {package: version(package) for package in _PACKAGES}
    journal["versions"] = {"python": platform.python_version(), **versions}
    journal |= {"status": "running", "started": _now(), "finished": None}
    for task, _ in todo:
        journal["tasks"][task.name]["state"] = "waiting"
    folder.save_journal()
    try:
        _work(folder, todo, workers, progress)
        journal["status"] = "incomplete" if failure(folder) else "done"
    except BaseException:
        journal["status"] = "interrupted"
        for entry in journal["tasks"].values():
            if entry["state"] == "running":
                entry["state"] = "waiting"
        raise
    finally:
        journal["finished"] = _now()
        folder.save_journal()


def failure(folder: RunFolder) -> InferenceError | None:
    """The error that sums up the tasks that failed; None if none did."""
    tasks = folder.journal["tasks"].values()
    failed = [task for task in tasks if task["state"] == "failed"]
    if not failed:
        return None
    error = InferenceError(
        f"{len(failed)} of {len(tasks)} tasks failed",
        remedy=f"what is finished is kept; {folder.path / 'logs'} says more; run again to retry",
    )
    error.exit_code = failed[0]["exit_code"]
    return error


def say(line: str) -> None:
    """Tell the user something that is no error of the whole run."""
    print(f"sbiwb: {line}", file=sys.stderr, flush=True)


def _work(
    folder: RunFolder, todo: Sequence[tuple[Task, Order]], workers: int, progress: Progress
) -> None:
    entries, tasks = folder.journal["tasks"], {task.name: task for task, _ in todo}
    total = sum(task.weight for task in tasks.values())
    with (
        progress.task(folder.journal["title"], total) as bar,
        Workers(workers, [order for _, order in todo]) as pool,
    ):
        for order, reply in pool:
            task = tasks[order["name"]]
            if reply is None:
                entries[task.name]["state"] = "running"
            else:
                entries[task.name] = _finish(folder, task, reply)
                bar.advance(task.weight)
            folder.save_journal()


def _order(folder: RunFolder, task: Task) -> Order | None:
    """What is to be done for a task; None if it is done."""
    checks = task.order["checks"]
    if checks is not None and folder.usable(task.checked, task.checked_key):
        return None
    inferred = folder.usable(task.inferred, task.key)
    if inferred and checks is None:
        return None
    return {
        **task.order,
        "name": task.name,
        "infer": not inferred,
        "key": task.key,
        "checked_key": task.checked_key,
        "inferred": str(folder.path / task.inferred),
        "checked": str(folder.path / task.checked),
        "store": str(folder.path / "simulations"),
        "log": str(folder.path / "logs" / f"{task.name.replace('/', '.')}.log"),
    }


def _entry(folder: RunFolder, task: Task) -> dict[str, Any]:
    """What the journal says of a task, with the best file there is: checked, if it can be."""
    files = folder.journal["files"]
    best = next(
        (
            file
            for file, key in ((task.checked, task.checked_key), (task.inferred, task.key))
            if files.get(file, {}).get("key") == key
        ),
        None,
    )
    return {
        "problem": task.label,
        "method": task.order["method"],
        "seed": task.order["seed"],
        "state": "done",
        "file": best,
        "error": None,
        "exit_code": 0,
    }


def _finish(folder: RunFolder, task: Task, reply: Reply) -> dict[str, Any]:
    """Record what a worker wrote, and the error that stopped it if there was one."""
    for step, seconds in reply["written"].items():
        file, key = (
            (task.inferred, task.key) if step == "inferred" else (task.checked, task.checked_key)
        )
        folder.record(file, key, seconds)
    for note in reply["notes"]:
        say(f"{task.name}: {note}")
    entry = _entry(folder, task)
    error = reply["error"]
    if error is not None:
        say(f"error: {task.name}: {error['message']}")
        entry |= {"state": "failed", "error": error["message"], "exit_code": error["exit_code"]}
    return entry


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
