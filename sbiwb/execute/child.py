"""Child processes that never outlive their parent."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sbiwb.execute.threads import ONE_THREAD

_PATIENCE = 5.0  # seconds


class Child:
    """A fresh Python process that runs ``main()`` of a module.

    It does not import the parent's ``__main__``, so scripts need no ``if __name__ == "__main__"``
    guard.  It leads a process group of its own: a Ctrl-C on the terminal does not reach it, and
    killing it kills whatever it started.  When the parent ends, however it ends, the kernel kills
    the group (see `die_with_parent`).

    Parameters
    ----------
    module : str
        Its ``main`` calls `die_with_parent` first.
    arguments : sequence of str
        Arguments after the number of the lifeline.
    inherit : sequence of int
        File descriptors to hand over under the same numbers.
    """

    def __init__(
        self, module: str, arguments: Sequence[str] = (), inherit: Sequence[int] = ()
    ) -> None:
        lifeline, self._lifeline = os.pipe()
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-c"),
                    f"from {module} import main; main()",
                    *(str(lifeline), *arguments),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=(lifeline, *inherit),
                start_new_session=True,
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": paths},
            )
        finally:
            os.close(lifeline)

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._state() is None

    def ending(self) -> str:
        """How it ended, in words, if it does so soon after it hung up."""
        end = time.monotonic() + _PATIENCE
        while (state := self._state()) is None:
            if time.monotonic() > end:
                return "closed its connection"
            time.sleep(0.001)
        if state.si_code == os.CLD_EXITED:
            return f"ended with exit status {state.si_status}"
        names = {number.value: number.name for number in signal.Signals}
        return f"killed by {names.get(state.si_status, state.si_status)}"

    def kill(self) -> None:
        """Kill it and what it started; harmless if that has ended."""
        if self._process.returncode is None:
            # Not waited for until now, its number cannot have passed to another group.
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            os.close(self._lifeline)

    def _state(self) -> os.waitid_result | None:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)


def die_with_parent(lifeline: int) -> None:
    """Let the kernel kill this process group when the parent's end of `lifeline` closes.

    SIGIO, whose default action is to end the process, is sent when a pipe hangs up: it works while
    a simulator hangs in C code, where no Python thread could act.  (``PR_SET_PDEATHSIG`` would
    watch the parent's *thread*, which may end before the parent does.)
    """
    os.set_inheritable(lifeline, False)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    if select.select([lifeline], [], [], 0)[0]:  # the parent ended before the kernel was told
        os.killpg(0, signal.SIGKILL)
