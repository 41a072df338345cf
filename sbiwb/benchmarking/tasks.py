"""What a benchmark runs on: observations, each with draws of its true posterior."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from sbiwb import registry
from sbiwb.core.distributions import Array
from sbiwb.core.simulator import KnownPosterior, Simulator
from sbiwb.discovery import find_entries
from sbiwb.errors import DataError, UsageError

if TYPE_CHECKING:
    from sbiwb.core.problem import Problem
    from sbiwb.result import Result

SUFFIX = ".nc"
"""What names of saved results end in, and names of simulators do not."""


class Task(ABC):
    """Observations whose posteriors are known.

    Attributes
    ----------
    name : str
        From which `find_task` finds it again.
    """

    name: str

    @property
    @abstractmethod
    def observations(self) -> tuple[str, ...]:
        """Names of all observations."""

    @abstractmethod
    def problem(self, observation: str) -> Problem:
        """The problem of one observation."""

    @abstractmethod
    def reference(self, observation: str) -> Array:
        """Equally weighted draws (n, d) of the true posterior at one observation."""

    @abstractmethod
    def published(self, observation: str, budget: int) -> Mapping[str, float]:
        """Published C2ST at one observation by algorithm; empty if there is none."""

    def choose(self, numbers: Sequence[int] | None) -> tuple[str, ...]:
        """Names of the observations with these numbers, counted from 1; all if None.

        Raises
        ------
        UsageError
            If there is no such observation.
        """
        every = self.observations
        for number in numbers or ():
            if not 1 <= number <= len(every):
                raise UsageError(
                    f"{self.name} has no such observation",
                    got=number,
                    expected="1" if len(every) == 1 else f"1 to {len(every)}",
                )
        return every if numbers is None else tuple(every[n - 1] for n in numbers)


class SimulatorTask(Task):
    """A simulator that knows the posteriors of observations it ships with."""

    def __init__(self, name: str) -> None:
        every = [entry.name for entry in find_entries("simulators")]
        ends = [one for one in every if one.partition(".")[2] == name]
        simulator = registry.build_simulator(ends[0] if len(ends) == 1 else name)
        if not isinstance(simulator, KnownPosterior):
            raise UsageError(
                "a benchmark needs a simulator whose posteriors are known",
                got=f"'{name}'",
                expected="one with a method reference_posterior, such as benchmark.two_moons, or "
                f"a saved result (*{SUFFIX}) whose draws are to be reached",
            )
        self._known: KnownPosterior = simulator
        self._simulator: Simulator = simulator
        self.name = self._simulator.name

    @property
    def observations(self) -> tuple[str, ...]:
        return self._simulator.observation_names

    def problem(self, observation: str) -> Problem:
        return registry.problem(self.name, observation)

    def reference(self, observation: str) -> Array:
        return self._known.reference_posterior(observation)

    def published(self, observation: str, budget: int) -> Mapping[str, float]:
        return self._known.published_c2st(observation, budget)


class ResultTask(Task):
    """The problem of a saved result, whose draws are taken for the true posterior."""

    def __init__(self, path: str) -> None:
        self.name = path

    @property
    def observations(self) -> tuple[str, ...]:
        return (self._result.require_problem().observation.name,)

    def problem(self, observation: str) -> Problem:  # noqa: ARG002 -- there is one
        return self._result.require_problem()

    def reference(self, observation: str) -> Array:  # noqa: ARG002
        return self._result.samples()

    def published(self, observation: str, budget: int) -> Mapping[str, float]:  # noqa: ARG002
        return {}

    @cached_property
    def _result(self) -> Result:
        from sbiwb.loading import load

        result = load(self.name, network=False)
        if result.problem is None:
            raise DataError(
                "a benchmark needs a result whose problem can be posed again",
                got=self.name,
                expected="one of a simulator that is installed here, saved by sbiwb",
            )
        return result


def find_task(name: str) -> Task:
    """The task called `name`.

    Parameters
    ----------
    name : str
        A simulator that knows posteriors, such as ``benchmark.two_moons`` (if no other simulator
        ends so, ``two_moons`` will do), or the file of a saved result.

    Raises
    ------
    UsageError
        If there is no such simulator, or it knows no posterior.
    """
    return ResultTask(name) if name.endswith(SUFFIX) else SimulatorTask(name)
