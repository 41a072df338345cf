"""When failures end a run."""

from __future__ import annotations

import numpy as np

from sbiwb.core.simulations import Simulations, Status
from sbiwb.core.simulator import Simulator
from sbiwb.errors import SimulationError

_FIRST_ROWS = 10
_ENOUGH_ROWS = 100


class Tally:
    """Counts failures in the order of the blocks, so that a run ends alike on any cluster.

    Parameters
    ----------
    simulator : Simulator
    max_failure_fraction : float
        Share of failures beyond which to give up.
    """

    def __init__(self, simulator: Simulator, max_failure_fraction: float) -> None:
        self._simulator, self._allowed = simulator, max_failure_fraction
        self._counts: dict[str, int] = {}
        self._rows = self._failed = 0
        self._first_reason = ""

    def add(self, simulations: Simulations) -> None:
        """Count the next block.

        Raises
        ------
        SimulationError
            If one of the first ten simulations has the wrong shape or type, or if, after a hundred
            or more, too many have failed.
        """
        first = simulations.status[: max(0, _FIRST_ROWS - self._rows)]
        misshapen = np.flatnonzero(first == Status.SHAPE)
        if len(misshapen):
            shape = ", ".join(map(str, ("n", *self._simulator.output.shape)))
            raise SimulationError(
                f"simulator '{self._simulator.name}' does not return what it promises",
                got=simulations.reasons[int(misshapen[0])],
                expected=f"numbers of shape ({shape}) for n parameter vectors",
            )
        for name, number in simulations.counts().items():
            self._counts[name] = self._counts.get(name, 0) + number
        self._rows += len(simulations)
        self._failed += int(np.sum(~simulations.valid))
        if simulations.reasons and not self._first_reason:
            self._first_reason = simulations.reasons[min(simulations.reasons)]
        if self._rows >= _ENOUGH_ROWS:
            self.check()

    def check(self) -> None:
        """Raise `SimulationError` if too many of the simulations so far have failed."""
        if self._failed > self._allowed * self._rows:
            kinds = ", ".join(f"{k} {v}" for k, v in sorted(self._counts.items()) if k != "ok")
            raise SimulationError(
                f"simulator '{self._simulator.name}' fails too often",
                got=f"{self._failed} of {self._rows} simulations failed ({kinds}), "
                f"the first with: {self._first_reason}",
                expected=f"at most {self._allowed:.0%}",
                remedy="mend it, narrow the prior, or raise max_failure_fraction of the executor",
            )
