"""Worker processes for the tasks of a run: the death of one costs one task, and none outlives it.

A pool of `concurrent.futures` breaks as a whole when one process dies, imports the caller's script
again, and leaves its processes behind when the run is killed.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from sbiwb.errors import SimulationError
from sbiwb.execute.child import Child

Order = Mapping[str, Any]
Reply = dict[str, Any]

# Seconds that a worker has to end a Dask cluster and its temporary files after Ctrl-C.
GRACE = 10.0
_GLANCE = 1.0  # seconds between looks at a worker while waiting for its reply


class Workers:
    """Processes that do orders; leaving the ``with`` block ends them.

    Parameters
    ----------
    count : int
        How many at most.
    orders : sequence of dict
        What to do, first things first; see `sbiwb.pipeline.work`.
    module : str
        What the processes run: a module whose ``main`` serves orders.
    fresh : bool
        Whether each order gets a process of its own, so that its peak memory can be told.
    """

    def __init__(
        self,
        count: int,
        orders: Sequence[Order],
        *,
        module: str = "sbiwb.pipeline.work",
        fresh: bool = False,
    ) -> None:
        self._module, self._fresh = module, fresh
        self._waiting = list(orders)[::-1]
        self._unfinished = len(orders)
        self._events: queue.SimpleQueue[tuple[Order, Reply | None]] = queue.SimpleQueue()
        self._lock = threading.Lock()  # of what follows, and of `_waiting`
        self._stopping = False
        self._workers: list[_Worker] = []
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
                for worker in self._workers:
                    worker.interrupt()
                end = time.monotonic() + GRACE
                while any(w.running for w in self._workers) and time.monotonic() < end:
                    time.sleep(0.02)
        finally:  # at once after a second Ctrl-C
            for worker in self._workers:
                worker.kill()
            for thread in self._threads:
                thread.join()

    def _serve(self) -> None:
        """Keep one worker busy."""
        worker: _Worker | None = None
        while (order := self._next()) is not None:
            self._events.put((order, None))
            try:
                worker = worker or self._start()
                if worker is None:  # the run is being stopped
                    return
                reply = worker.do(order)
                if self._fresh:
                    worker.kill()
                    worker = None
            except EOFError:
                with self._lock:
                    if self._stopping or worker is None:
                        return
                    reply, worker = _failed(f"its process {worker.ending()}"), None
            except OSError as error:
                reply = _failed(f"no process can be started: {error}")
            self._events.put((order, reply))

    def _next(self) -> Order | None:
        with self._lock:
            return self._waiting.pop() if self._waiting and not self._stopping else None

    def _start(self) -> _Worker | None:
        with self._lock:
            if self._stopping:
                return None
            self._workers.append(_Worker(self._module))
            return self._workers[-1]


class _Worker:
    """One process and the line to it."""

    def __init__(self, module: str) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            number = theirs.fileno()
            self._child = Child(module, [str(number)], inherit=[number])
            self._line = Connection(ours.detach())
        self._ended = False

    @property
    def running(self) -> bool:
        return not self._ended and self._child.running

    def do(self, order: Order) -> Reply:
        """Send an order and wait for the reply; `EOFError` if the process dies."""
        try:
            self._line.send_bytes(json.dumps(order).encode())
            while not self._line.poll(_GLANCE):
                # A process that it forked may hold its end of the line open.
                if not self.running and not self._line.poll(0):
                    raise EOFError
            reply: Reply = json.loads(self._line.recv_bytes())
        except OSError as error:
            raise EOFError from error
        return reply

    def ending(self) -> str:
        """How the process ended, in words."""
        how = self._child.ending()
        self.kill()
        return how + ("; it may have run out of memory" if "SIGKILL" in how else "")

    def interrupt(self) -> None:
        """Ask the process to end."""
        if self.running:
            os.kill(self._child.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process and what it started; harmless if that has ended."""
        if not self._ended:
            self._ended = True
            self._child.kill()


def _failed(message: str) -> Reply:
    error = {"message": message, "exit_code": SimulationError.exit_code}
    return {"written": {}, "notes": [], "error": error}
