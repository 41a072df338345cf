"""PyBaMM, imported without its question about usage data and without network.

At its first import PyBaMM asks on the terminal whether it may send usage data, waits ten seconds
for an answer and writes it to the user's configuration.  Told by the environment not to, it does
none of this.  What this package calls (`Simulation.build`, `IDAKLUSolver.solve`) sends nothing even
where the user said yes: `Simulation.solve` would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_OPT_OUT = "PYBAMM_DISABLE_TELEMETRY"


@contextmanager
def _opted_out() -> Iterator[None]:
    before = os.environ.get(_OPT_OUT)
    os.environ[_OPT_OUT] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_OPT_OUT]
        else:
            os.environ[_OPT_OUT] = before


with _opted_out():
    import pybamm

__all__ = ["pybamm"]
