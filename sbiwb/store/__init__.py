"""The simulation store: immutable shards, one a block, that survive any interruption.

``<root>/<key>/block-000007-01000.h5`` holds the 1,000 simulations of block 7; the key is a hash of
all that they depend on, which ``meta.json`` beside them spells out.  The shards are the truth:
there is no index to fall out of step, and a block that is not there is a gap.  Shards of the same
name hold the same bytes, so writers may race; docs/decisions/0002 says why.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sbiwb.core.simulations import Simulations, Status
from sbiwb.errors import StoreError
from sbiwb.store.shard import DamagedShard, decode, encode, versions

SCHEMA_VERSION = 1
STALE_SECONDS = 3600.0
_LIMITED = (Status.TIMEOUT, Status.DIED)


class StoreWarning(UserWarning):
    """Something stored was unusable and will be simulated again."""


@dataclass(frozen=True)
class Store:
    """The shards of one set of simulations; made by `open_store`.

    Parameters
    ----------
    folder : Path
        The set's own folder.
    identity : dict
        What the simulations depend on, as plain JSON types.
    limits : dict
        The time and memory a simulation is allowed.  They are not part of the identity: a shard is
        good under other limits too, unless a limit made one of its rows fail.
    """

    folder: Path
    identity: dict[str, Any]
    limits: dict[str, Any]

    def path(self, block: int, rows: int) -> Path:
        """File of a block; a longer last block is another file."""
        return self.folder / f"block-{block:06d}-{rows:05d}.h5"

    def read(self, block: int, rows: int) -> Simulations | None:
        """Read a block; None if it must be simulated.

        A damaged shard is moved to ``quarantine/`` with a `StoreWarning`.  One with rows that
        failed under other limits than today's is moved to ``superseded/``.

        Raises
        ------
        StoreError
            If the shard belongs to other simulations, or the disk refuses.
        """
        path = self.path(block, rows)
        with _disk(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            simulations, header = decode(data)
        except DamagedShard as error:
            kept = self._move(path, "quarantine")
            warnings.warn(
                f"{path.name} is damaged ({error}): moved to {kept}, its simulations are repeated",
                StoreWarning,
                stacklevel=2,
            )
            return None
        expected = self._header(block, rows)
        found = {name: header.get(name) for name in expected}
        if found != expected:
            raise StoreError(
                f"{path} holds other simulations than its name says",
                got=difference(found, expected),
                remedy="move the file away and run again",
            )
        if header["limits"] not in ("", _canonical(self.limits)):
            self._move(path, "superseded")
            return None
        return simulations

    def commit(self, block: int, simulations: Simulations, seconds: float) -> bool:
        """Make a block's shard appear, whole and durable, unless it is there already.

        Parameters
        ----------
        block : int
        simulations : Simulations
        seconds : float
            Wall time they took, for ``journal.jsonl``; shards hold nothing that varies.

        Returns
        -------
        bool
            False if another writer was first.

        Raises
        ------
        StoreError
            If the disk refuses, for example because it is full; earlier shards are intact.
        """
        rows = len(simulations)
        limited = bool(np.isin(simulations.status, _LIMITED).any())
        header = {
            **self._header(block, rows),
            "limits": _canonical(self.limits) if limited else "",
            "versions": _canonical(versions()),
        }
        made = _publish(self.path(block, rows), encode(simulations, header))
        self._journal(block=block, rows=rows, seconds=round(seconds, 6), committed=made)
        return made

    def _header(self, block: int, rows: int) -> dict[str, str | int]:
        entries = {**self.identity, "block": block, "rows": rows}
        return {k: v if isinstance(v, int) else _canonical(v) for k, v in entries.items()}

    def _move(self, path: Path, folder: str) -> Path:
        target = path.parent / folder / f"{path.stem}-{time.time_ns()}{path.suffix}"
        with _disk(path):
            target.parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # another process may have moved it
                path.rename(target)
        return target

    def _journal(self, **entry: object) -> None:
        entry |= {"host": socket.gethostname(), "pid": os.getpid(), "time": time.time()}
        path = self.folder / "journal.jsonl"
        with _disk(path), path.open("ab", buffering=0) as file:
            file.write((json.dumps(entry) + "\n").encode())  # one write: lines do not mix


def open_store(
    root: str | os.PathLike[str], identity: Mapping[str, Any], limits: Mapping[str, Any]
) -> Store:
    """Open, or make, the folder of one set of simulations.

    Parameters
    ----------
    root : path
        Folder that holds any number of sets.
    identity : mapping
        All that the simulations depend on, as plain JSON types.
    limits : mapping
        See `Store`.

    Raises
    ------
    StoreError
        If the folder describes other simulations, `identity` is not JSON, or the disk refuses.
    """
    try:
        text = _canonical({"schema": SCHEMA_VERSION, **identity})
    except TypeError as error:
        raise StoreError(
            "simulations can be stored only if the simulator's options are plain JSON types",
            got=error,
        ) from error
    entries = json.loads(text)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    store = Store(Path(root).resolve() / key, entries, dict(limits))
    meta = store.folder / "meta.json"
    with _disk(store.folder):
        store.folder.mkdir(parents=True, exist_ok=True)
        _sweep(store.folder)
        if not meta.exists():
            _publish(meta, json.dumps(entries, indent=1, sort_keys=True).encode())
        found = meta.read_text("utf-8")
    try:
        described = json.loads(found)
    except ValueError as error:
        raise StoreError(
            f"{meta} is damaged", got=error, remedy="delete it: it will be rewritten"
        ) from error
    if described != entries:
        raise StoreError(
            f"{store.folder} describes other simulations than those asked for",
            got=difference(described, entries),
            remedy="use another store folder",
        )
    return store


def difference(found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Say in one line which entries differ."""
    return ", ".join(
        f"{name}: {_canonical(found.get(name))} there but {_canonical(asked.get(name))} asked for"
        for name in sorted({*found, *asked})
        if found.get(name) != asked.get(name)
    )


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _publish(path: Path, data: bytes) -> bool:
    """Write a file so that it is there whole or not at all; never over another one."""
    partial = path.with_name(f".partial-{os.getpid()}-{secrets.token_hex(8)}")
    with _disk(path):
        try:
            with partial.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(partial, path)
        except FileExistsError:
            return False
        finally:
            partial.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return True


def _sweep(folder: Path) -> None:
    """Remove what writers killed long ago left behind."""
    for partial in folder.glob(".partial-*"):
        try:
            old = time.time() - partial.stat().st_mtime > STALE_SECONDS
        except FileNotFoundError:  # its writer just finished
            continue
        if old:
            partial.unlink(missing_ok=True)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot use {path}",
            got=error,
            remedy="once the disk is well, run again: finished blocks are kept",
        ) from error
