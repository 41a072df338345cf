"""A run directory: its files, and a journal that knows which of them are whole.

::

    recipe.yaml            the recipe as it was run
    run.json               the journal
    inferred/LABEL/*.nc    posteriors
    results/LABEL/*.nc     posteriors with their checks
    simulations/           the simulation store
    logs/                  what libraries printed
    quarantine/            damaged files, set aside
    report.html
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from sbiwb.errors import DataError, StoreError

SCHEMA = 1


class RunFolder:
    """The directory of a run.

    Parameters
    ----------
    path : Path
        It need not exist.

    Raises
    ------
    StoreError
        If the journal was written by another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set_aside: list[str] = []
        """Files of this run that were damaged."""
        self.journal: dict[str, Any] = {"schema": SCHEMA, "files": {}}
        self._read_journal()

    def usable(self, file: str, key: str) -> bool:
        """Whether `file` is there, whole, and made from what `key` stands for.

        A damaged file is set aside.
        """
        path = self.path / file
        record = self.journal["files"].get(file)
        if not path.is_file():
            self.journal["files"].pop(file, None)
            return False
        if record is None:  # the run was killed between writing the file and the journal
            return self._adopt(file, key)
        if record["sha256"] != digest(path):
            self.quarantine(file)
            return False
        return bool(record["key"] == key)

    def quarantine(self, file: str) -> None:
        """Move a damaged file out of the way, with what belongs to it."""
        for path in _with_sidecars(self.path / file):
            target = self.path / "quarantine" / path.relative_to(self.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        self.journal["files"].pop(file, None)
        self.set_aside.append(file)

    def record(self, file: str, key: str, seconds: float) -> None:
        """Note that `file` is whole."""
        entry = {"key": key, "sha256": digest(self.path / file), "seconds": round(seconds, 2)}
        self.journal["files"][file] = entry

    def write(self, file: str, text: str) -> None:
        """Write a text file whole or not at all, and only if it changes.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        path = self.path / file
        try:
            if path.is_file() and path.read_text("utf-8") == text:
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=path.parent, prefix=".saving-", delete=False
            ) as partial:
                partial.write(text)
                partial.flush()
                os.fsync(partial.fileno())
            Path(partial.name).chmod(0o644)
            Path(partial.name).replace(path)
        except OSError as error:
            raise StoreError(f"cannot write {path}", got=error) from error

    def save_journal(self) -> None:
        """Write ``run.json``."""
        self.write("run.json", json.dumps(self.journal, indent=1) + "\n")

    def sweep(self) -> None:
        """Delete what an interrupted run left half-written; only the holder of the lock may."""
        leftovers = list(self.path.glob(".saving-*"))
        for folder in ("inferred", "results"):
            leftovers += (self.path / folder).glob("*/.*")
        for path in leftovers:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _adopt(self, file: str, key: str) -> bool:
        from sbiwb.result import read_model, read_tree

        path = self.path / file
        try:
            attrs = read_tree(path).attrs
            if "model_sha256" in attrs:
                read_model(path, attrs["model_sha256"])
        except DataError:
            self.quarantine(file)
            return False
        if attrs.get("run_key") != key:
            return False
        self.record(file, key, float(attrs["run_seconds"]))
        return True

    def _read_journal(self) -> None:
        path = self.path / "run.json"
        if not path.is_file():
            return
        try:
            journal = json.loads(path.read_text("utf-8"))
            schema = journal["schema"]
        except (OSError, ValueError, KeyError, TypeError):
            self.quarantine("run.json")
            return
        if schema != SCHEMA:
            raise StoreError(
                f"{path} was written by another version of sbiwb",
                got=f"schema {schema}",
                expected=f"schema {SCHEMA}",
                remedy="choose another directory with --out",
            )
        self.journal = journal


def digest(path: Path) -> str:
    """SHA-256 of a result and of the network beside it."""
    total = hashlib.sha256()
    for part in _with_sidecars(path):
        total.update(hashlib.sha256(part.read_bytes()).digest())
    return total.hexdigest()


def _with_sidecars(path: Path) -> list[Path]:
    beside = path.parent.glob(f"{path.stem}.model.*")
    return [path, *sorted(beside)]
