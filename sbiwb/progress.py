"""Progress of long work: a bar with the remaining time on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_WHOLE_DAY = 86_400.0


class Task(Protocol):
    """One piece of long work."""

    def advance(self, steps: float = 1.0) -> None:
        """Say that `steps` more of the total are done."""
        ...


class Progress:
    """Where long work reports to.

    Parameters
    ----------
    shown : bool, optional
        Defaults to whether standard error is a terminal.
    """

    def __init__(self, shown: bool | None = None) -> None:
        self.shown = sys.stderr.isatty() if shown is None else shown

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Task]:
        """Show a bar for `total` steps while the body runs."""
        if not self.shown:
            yield _Silent()
            return
        from rich import progress as bars
        from rich.console import Console

        columns = (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.TaskProgressColumn(),
            bars.TimeElapsedColumn(),
            bars.TextColumn("left"),
            bars.TimeRemainingColumn(),
        )
        with bars.Progress(
            *columns,
            console=Console(stderr=True),
            transient=True,
            speed_estimate_period=_WHOLE_DAY,  # steps may be minutes apart
        ) as display:
            bar = _Bar(display, display.add_task(description, total=total))
            bar.advance(0.0)  # from here on the time of the first step counts
            yield bar


class _Silent:
    def advance(self, steps: float = 1.0) -> None:
        """Do nothing."""


class _Bar:
    def __init__(self, display: object, number: object) -> None:
        self._display, self._number = display, number

    def advance(self, steps: float = 1.0) -> None:
        """Move the bar."""
        self._display.advance(self._number, steps)  # type: ignore[attr-defined]


QUIET = Progress(shown=False)
