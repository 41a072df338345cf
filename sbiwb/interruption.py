"""Ctrl-C and SIGTERM: the first lets what is at work be finished, the second stops at once."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 130
"""What a program ends with that was interrupted, by Ctrl-C or by SIGTERM."""


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM interrupt the body as Ctrl-C does, by a `KeyboardInterrupt`.

    A handler that the caller has set for SIGTERM stays.  Only the main thread may say what signals
    do; in another one this does nothing.
    """
    default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not default or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def finishing(what: str) -> Iterator[None]:
    """Put an interruption off until the body is done; a second one stops it at once.

    Signals that are ignored stay ignored; the caller's own handlers are called in the end.

    Parameters
    ----------
    what : str
        What is being finished, for the message.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    pending: list[tuple[int, FrameType | None]] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if pending:
            pending.clear()
            deliver(number, frame)
            return
        pending.append((number, frame))
        print(f"sbiwb: finishing {what}; once more stops at once", file=sys.stderr, flush=True)

    def deliver(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        (handler if callable(handler) else signal.default_int_handler)(number, frame)

    # None is a handler that was set from C.
    mine = [n for n, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    try:
        for number in mine:
            signal.signal(number, handle)
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])
        if pending:
            deliver(*pending.pop())
