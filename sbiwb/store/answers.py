"""What a costly function answered, call by call, so that whoever asks the same again goes on.

A sampler with a seed asks the same questions in the same order every time.  So the answers are its
checkpoint, whichever sampler it is: run again, it is answered from the file up to where it was
stopped, at no cost, and then computes on.

The file is a sequence of records, appended: sixteen bytes of the question's hash, the number of
values, the values as float64, and a checksum.  One that was torn by a crash ends what is read.
"""

from __future__ import annotations

import hashlib
import struct
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

import filelock
import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import BusyError, StoreError

FLUSH_SECONDS = 5.0
"""How much of the work a crash may cost."""
_HEAD, _CHECK = struct.Struct("<16sI"), struct.Struct("<I")


class Answers:
    """The answers in one file; a context, which deletes the file if its body succeeds.

    Parameters
    ----------
    path : path
        Its folder is made if it is not there.

    Raises
    ------
    BusyError
        If another process writes the file.
    StoreError
        If the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = filelock.FileLock(path.with_suffix(".lock"), timeout=0)
        self._kept: deque[_Record] = deque()
        self._file: BinaryIO | None = None
        self._flushed = time.monotonic()
        self.replayed = 0
        """Calls that were answered from the file."""

    def __enter__(self) -> Answers:
        with self._disk():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire()
            except filelock.Timeout as error:
                raise BusyError(
                    "another process is at work on the same posterior",
                    got=self.path,
                    remedy="wait until it ends, or choose another store",
                ) from error
            self._file = self.path.open("a+b")
            self._file.seek(0)
            self._kept.extend(_records(self._file.read()))
            self._file.truncate(self._kept[-1].end if self._kept else 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._file is not None
        try:
            with self._disk():
                self._file.close()
                if kind is None:
                    self.path.unlink(missing_ok=True)
        finally:
            self._lock.release()

    def ask(self, question: bytes, compute: Callable[[], Array]) -> Array:
        """The kept answer to a question, or a computed one, which is kept.

        Parameters
        ----------
        question : bytes
            All that the answer depends on.
        compute : callable
            Gives the answer: float64 numbers, shape (n,).
        """
        assert self._file is not None
        digest = hashlib.sha256(question).digest()[:16]
        if self._kept and self._kept[0].question == digest:
            self.replayed += 1
            return self._kept.popleft().answer
        answer = np.asarray(compute(), dtype=np.float64)
        with self._disk():
            if self._kept:  # asked otherwise than before: what follows will not be asked
                self._file.truncate(self._kept[0].start)
                self._kept.clear()
            self._file.write(_encoded(digest, answer))
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                self._file.flush()
                self._flushed = time.monotonic()
        return answer

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot use {self.path}",
                got=error,
                remedy="once the disk is well, run again: it goes on where it was",
            ) from error


class _Record(NamedTuple):
    """One question and its answer, and where in the file it starts and ends."""

    question: bytes
    answer: Array
    start: int
    end: int


def _encoded(question: bytes, answer: Array) -> bytes:
    body = _HEAD.pack(question, len(answer)) + answer.tobytes()
    return body + _CHECK.pack(zlib.crc32(body))


def _records(data: bytes) -> Iterator[_Record]:
    """All records up to the first that is not whole."""
    start = 0
    while start + _HEAD.size <= len(data):
        question, count = _HEAD.unpack_from(data, start)
        check = start + _HEAD.size + 8 * count
        end = check + _CHECK.size
        if end > len(data) or _CHECK.unpack_from(data, check)[0] != zlib.crc32(data[start:check]):
            return
        yield _Record(
            question, np.frombuffer(data, np.float64, count, start + _HEAD.size), start, end
        )
        start = end
