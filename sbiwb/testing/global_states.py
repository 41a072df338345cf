"""The global random generators, watched: what is given a seed must not draw from them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from sbiwb.testing.contract import require


@contextmanager
def must_not_draw_globally(subject: str, action: str) -> Iterator[None]:
    """Raise `ContractError` if the body draws from a global generator."""
    before = _states()
    yield
    changed = [name for name, state in _states().items() if state != before.get(name, state)]
    require(
        not changed, subject, f"{action} drew from a global random state", got=", ".join(changed)
    )


def _states() -> dict[str, str]:
    """The state of every global generator, as text that can be compared."""
    states = {
        "random": repr(random.getstate()),
        "numpy.random": repr(np.random.get_state(legacy=False)["state"]),  # noqa: NPY002
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = repr(torch.get_rng_state().numpy().tobytes())
    return states
