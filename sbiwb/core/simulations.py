"""An immutable batch of simulations, with a status for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError


class Status(IntEnum):
    """How one simulation ended."""

    OK = 0
    NAN = 1
    """The simulator returned NaN or an infinity."""
    ERROR = 2
    """It raised an exception."""
    SHAPE = 3
    """It returned the wrong shape, or data that are not numbers."""
    TIMEOUT = 4
    """It was stopped after the time it was allowed."""
    DIED = 5
    """Its process died: a signal, `sys.exit` or out of memory."""


@dataclass(frozen=True)
class Simulations:
    """Pairs of parameters and data.

    Parameters
    ----------
    theta : ndarray, shape (n, d)
    x : ndarray, shape (n, *output.shape)
        NaN in rows whose status is not OK.
    status : ndarray of int8, shape (n,)
        A `Status` each.
    reasons : dict of int to str
        Row → why it failed, for failed rows only.
    """

    theta: Array
    x: Array
    status: NDArray[np.int8]
    reasons: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.theta) == len(self.x) == len(self.status):
            raise DataError(
                "theta, x and status differ in length",
                got=f"{len(self.theta)}, {len(self.x)}, {len(self.status)}",
            )
        for name in ("theta", "x", "status"):
            view = getattr(self, name).view()  # the caller's own array stays writable
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which rows succeeded; shape (n,)."""
        return np.asarray(self.status == Status.OK)

    @property
    def failure_fraction(self) -> float:
        """Share of rows that failed."""
        return float(np.mean(~self.valid)) if len(self) else 0.0

    def counts(self) -> dict[str, int]:
        """Number of rows per status name, statuses that occur only."""
        values, numbers = np.unique(self.status, return_counts=True)
        return {
            Status(v).name.lower(): int(k)
            for v, k in zip(values.tolist(), numbers.tolist(), strict=True)
        }

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Simulations:
        """Return the chosen rows."""
        index = np.arange(len(self))[rows]
        where = {int(old): new for new, old in enumerate(index)}
        reasons = {where[r]: text for r, text in self.reasons.items() if r in where}
        return Simulations(self.theta[index], self.x[index], self.status[index], reasons)


def concatenate(parts: Sequence[Simulations]) -> Simulations:
    """Join batches in order."""
    if not parts:
        raise DataError("no simulations to join")
    offsets = np.cumsum([0] + [len(p) for p in parts])
    reasons = {
        row + int(start): text
        for part, start in zip(parts, offsets[:-1], strict=True)
        for row, text in part.reasons.items()
    }
    return Simulations(
        np.concatenate([p.theta for p in parts]),
        np.concatenate([p.x for p in parts]),
        np.concatenate([p.status for p in parts]),
        reasons,
    )
