"""The guard: simulations in a child process that may hang, crash or eat memory without harm."""

from __future__ import annotations

import socket
import time
from multiprocessing.connection import Connection

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulations import Status
from sbiwb.errors import SimulationError
from sbiwb.execute.child import Child
from sbiwb.execute.outcome import Row
from sbiwb.rng import check_seed

READY = b"ready"
_START_LIMIT = 600.0  # seconds; compiled models are slow to build
_GLANCE = 1.0  # seconds between looks at the process itself while waiting for its answer


class Guard:
    """One simulator in one child process, which is replaced when it dies.

    Parameters
    ----------
    simulator : bytes
        From `sbiwb.execute.shipping.pack`.
    shape : tuple of int
        Shape of one datum.
    timeout : float, optional
        Seconds that one simulation may take.  Building the simulator does not count.
    memory : float, optional
        Address space of the child, in GiB.
    """

    def __init__(
        self,
        simulator: bytes,
        shape: tuple[int, ...],
        timeout: float | None = None,
        memory: float | None = None,
    ) -> None:
        self._simulator, self._shape = simulator, shape
        self._timeout, self._memory = timeout, memory
        self._child: Child | None = None
        self._connection: Connection

    def simulate_row(self, theta: Array, seed: int, block: int, row: int) -> Row:
        """Simulate theta (d,); a row whose process died is tried once more, with the same stream.

        Raises
        ------
        SimulationError
            If the simulator cannot be built in the child.
        """
        outcome = self._once(theta, seed, block, row)
        if outcome.status is Status.DIED:
            outcome = self._once(theta, seed, block, row)
        return outcome

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._connection.close()
            self._child = None

    def _once(self, theta: Array, seed: int, block: int, row: int) -> Row:
        child = self._child or self._start()
        try:
            self._connection.send((theta, check_seed(seed), block, row))
            answer = self._answer(child, self._timeout)
        except (EOFError, OSError):
            outcome = Row(Status.DIED, reason=child.ending())
        else:
            if answer is None:
                outcome = Row(Status.TIMEOUT, reason=f"no answer within {self._timeout:g} s")
            else:
                outcome = self._decode(answer)
        if outcome.status in (Status.DIED, Status.TIMEOUT):
            self.close()
        return outcome

    def _start(self) -> Child:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            number = theirs.fileno()
            memory = "" if self._memory is None else str(int(self._memory * 2**30))
            child = Child("sbiwb.execute.guarded", [str(number), memory], inherit=[number])
            self._child, self._connection = child, Connection(ours.detach())
        try:
            self._connection.send_bytes(self._simulator)
            answer = self._answer(child, _START_LIMIT)
        except (EOFError, OSError):
            answer = f"its process: {child.ending()}".encode()
        if answer != READY:
            self.close()
            allowed = "" if self._memory is None else f" with {self._memory:g} GiB of memory"
            raise SimulationError(
                f"the simulator cannot be built in a guard process{allowed}",
                got=f"no answer within {_START_LIMIT:g} s" if answer is None else answer.decode(),
            )
        return child

    def _answer(self, child: Child, timeout: float | None) -> bytes | None:
        """The child's next message, or None if there is none in time."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            wait = _GLANCE if end is None else min(_GLANCE, end - time.monotonic())
            if self._connection.poll(max(wait, 0.0)):
                return self._connection.recv_bytes()
            if wait <= 0:
                return None
            # Its end closes the connection, unless a process that it forked holds it open.  The
            # second look is for an answer that was sent just before the end.
            if not child.running and not self._connection.poll(0):
                raise EOFError

    def _decode(self, answer: bytes) -> Row:
        status = Status(answer[0])
        if status is not Status.OK:
            return Row(status, reason=answer[1:].decode())
        return Row(status, np.frombuffer(answer, dtype=np.float64, offset=1).reshape(self._shape))
