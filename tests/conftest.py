"""What all tests share: one thread per process, a Ctrl-C that works, examples that are repeatable.

Spinning threads make small nets many times slower on shared cores.  A shell that starts the suite
in the background lets it ignore SIGINT, as would every program that a test interrupts.  And on a
busy machine any example may be slow, which says nothing of the code.
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
