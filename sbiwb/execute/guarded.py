"""The child side of the guard: builds a simulator, then simulates row after row."""

from __future__ import annotations

import os
import resource
import sys
from multiprocessing.connection import Connection

from sbiwb.core.simulations import Status
from sbiwb.errors import SimulationError
from sbiwb.execute.child import die_with_parent
from sbiwb.execute.guard import READY
from sbiwb.execute.outcome import Row, simulate_row
from sbiwb.execute.shipping import unpack


def main() -> None:
    """Serve the guard that started this process, until it hangs up."""
    lifeline, number, memory = sys.argv[1:]
    die_with_parent(int(lifeline))
    os.set_inheritable(int(number), False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    with Connection(int(number)) as connection:
        try:
            simulator = unpack(connection.recv_bytes())
        except SimulationError as error:
            connection.send_bytes(str(error).encode())
            return
        connection.send_bytes(READY)
        while True:
            try:
                theta, seed, block, row = connection.recv()
            except EOFError:
                return
            outcome = simulate_row(simulator, theta, seed, block, row)
            connection.send_bytes(_encode(outcome))
            if outcome.status is Status.DIED:
                os._exit(1)  # out of memory or sys.exit: not a process to go on with


def _encode(outcome: Row) -> bytes:
    payload = outcome.reason.encode() if outcome.x is None else outcome.x.tobytes()
    return bytes([outcome.status]) + payload
