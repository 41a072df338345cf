"""Worker processes that outlive each other's deaths and never outlive the run.

A pool of `concurrent.futures` breaks as a whole when one process dies, imports the caller's script
again, and leaves its processes behind when the run is killed.  Here each process serves one order
at a time through a pipe: a death costs one order, and when the run dies in whatever way, the pipe
closes and the process ends itself with all its children.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from sbiwb.errors import SimulationError
from sbiwb.execute.threads import ONE_THREAD

Order = Mapping[str, Any]
Reply = dict[str, Any]

# Seconds that a worker has to end a Dask cluster and its temporary files after Ctrl-C.
GRACE = 10.0


class Workers:
    """Processes that do orders; leaving the ``with`` block ends them.

    Parameters
    ----------
    count : int
        How many at most.
    orders : sequence of dict
        What to do, first things first; see `sbiwb.pipeline.work`.
    """

    def __init__(self, count: int, orders: Sequence[Order]) -> None:
        self._waiting = list(orders)[::-1]
        self._unfinished = len(orders)
        self._events: queue.SimpleQueue[tuple[Order, Reply | None]] = queue.SimpleQueue()
        self._lock = threading.Lock()  # of the two below
        self._stopping = False
        self._processes: list[subprocess.Popen[str]] = []
        self._threads = [
            threading.Thread(target=self._serve) for _ in range(min(count, len(orders)))
        ]

    def __enter__(self) -> Workers:
        for thread in self._threads:
            thread.start()
        return self

    def __iter__(self) -> Iterator[tuple[Order, Reply | None]]:
        """Yield each order twice: with None when it begins, with its reply when it has ended.

        A worker that dies gives a reply with an error, and another takes its place.
        """
        while self._unfinished:
            order, reply = self._events.get()
            self._unfinished -= reply is not None
            yield order, reply

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._stopping = True
        try:
            if kind is not None:
                self._signal(signal.SIGTERM)
            end = time.monotonic() + GRACE
            while any(p.poll() is None for p in self._processes) and time.monotonic() < end:
                time.sleep(0.02)
        finally:  # at once after a second Ctrl-C
            self._signal(signal.SIGKILL)
            for thread in self._threads:
                thread.join()

    def _serve(self) -> None:
        """Keep one process busy."""
        process: subprocess.Popen[str] | None = None
        while (order := self._next()) is not None:
            self._events.put((order, None))
            try:
                process = process or self._start()
            except OSError as error:
                self._events.put((order, _failed(f"no worker process can be started: {error}")))
                continue
            if process is None:  # the run is being stopped
                return
            reply = _ask(process, order)
            if reply is None:
                reply, process = _failed(_death(process)), None
            self._events.put((order, reply))
        if process is not None:
            with suppress(BrokenPipeError):
                process.communicate("null\n")

    def _next(self) -> Order | None:
        with self._lock:
            return self._waiting.pop() if self._waiting and not self._stopping else None

    def _start(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._stopping:
                return None
            process = subprocess.Popen(
                # -P: files in the current folder must not take the place of modules.
                [sys.executable, "-P", "-m", "sbiwb.pipeline.work"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env=os.environ | ONE_THREAD,
                start_new_session=True,
            )
            self._processes.append(process)
            return process

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            if process.poll() is None:
                _signal_group(process, number)


def _ask(process: subprocess.Popen[str], order: Order) -> Reply | None:
    """Send an order and wait for the reply; None if the process died."""
    assert process.stdin is not None  # for the type checker
    assert process.stdout is not None
    try:
        print(json.dumps(order), file=process.stdin, flush=True)
    except BrokenPipeError:
        return None
    line = process.stdout.readline()
    reply: Reply | None = json.loads(line) if line.endswith("\n") else None
    return reply


def _death(process: subprocess.Popen[str]) -> str:
    """Clean up after a process that died, and say how it did."""
    process.communicate()
    _signal_group(process, signal.SIGKILL)  # whatever it started
    code = process.returncode
    how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    hint = "; it may have run out of memory" if code == -signal.SIGKILL else ""
    return f"its process died: {how}{hint}"


def _failed(message: str) -> Reply:
    return {"written": {}, "error": {"message": message, "exit_code": SimulationError.exit_code}}


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    # Each worker leads a session, so its number is also that of its process group.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
