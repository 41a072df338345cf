"""One run at a time in a run directory."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import filelock

from sbiwb.errors import BusyError, StoreError


@contextmanager
def run_lock(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a run directory, which is made if it is not there.

    The lock is the operating system's: it is free again as soon as its holder has ended, also by
    ``kill -9``.

    Raises
    ------
    BusyError
        If another run holds the directory; the message says which, where and since when.
    StoreError
        If the directory cannot be made or written.
    """
    folder = Path(folder)
    holder = folder / ".holder.json"
    lock = filelock.FileLock(folder / ".lock", timeout=0)
    if folder.exists() and not folder.is_dir():
        raise StoreError("a run directory is needed", got=f"{folder}, a file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise BusyError(
            f"another run is at work in {folder}",
            got=_describe(holder),
            remedy="wait until it ends, or choose another directory",
        ) from error
    except OSError as error:
        raise StoreError(f"cannot lock {folder}", got=error) from error
    try:
        try:
            holder.write_text(json.dumps(_ourselves()), "utf-8")
        except OSError as error:
            raise StoreError(f"cannot write {holder}", got=error) from error
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _ourselves() -> dict[str, str | int]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since}


def _describe(holder: Path) -> str:
    try:
        entry = json.loads(holder.read_text("utf-8"))
        return f"process {entry['pid']} on {entry['host']} since {entry['since']}"
    except (OSError, ValueError, KeyError):
        return "a process that has just begun"  # and has not yet written its name
