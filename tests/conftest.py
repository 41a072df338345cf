"""What all tests share: one thread per process, and a Ctrl-C that reaches the programs they start.

Spinning threads make small nets many times slower on shared cores.  And a shell that starts the
suite in the background lets it ignore SIGINT, as would every program that a test interrupts.
"""

from __future__ import annotations

import os
import signal

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
