"""What a benchmark runs on: a simulator, observations, and draws of each one's true posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sbiwb import registry
from sbiwb.core.distributions import Array
from sbiwb.core.problem import Problem
from sbiwb.core.simulator import KnownPosterior, Simulator
from sbiwb.discovery import find_entries
from sbiwb.errors import UsageError


@dataclass(frozen=True)
class Task:
    """A named simulator and some of the observations whose posterior it knows.

    Parameters
    ----------
    name : str
        Of the simulator.
    observations : tuple of str
    """

    name: str
    observations: tuple[str, ...]

    def problem(self, observation: str) -> Problem:
        """The problem of one observation."""
        return registry.problem(self.name, observation)

    def reference(self, observation: str) -> Array:
        """Draws (n, d) of the true posterior at one observation."""
        return _known(self.name).reference_posterior(observation)

    def published(self, observation: str, budget: int) -> Mapping[str, float]:
        """Published C2ST at one observation by algorithm; empty if there is none."""
        return _known(self.name).published_c2st(observation, budget)


def find_task(name: str, numbers: Sequence[int] | None) -> Task:
    """The task called `name`, with some of its observations.

    Parameters
    ----------
    name : str
        A simulator that knows posteriors, such as ``benchmark.two_moons``; if no other simulator
        ends so, ``two_moons`` will do.
    numbers : sequence of int, optional
        Which of its observations, counted from 1; all by default.

    Raises
    ------
    UsageError
        If there is no such simulator or observation, or it knows no posterior.
    """
    known = _known(_whole_name(name))
    observations = known.observation_names
    for number in numbers or ():
        if not 1 <= number <= len(observations):
            raise UsageError(
                f"{known.name} has no such observation",
                got=number,
                expected=f"1 to {len(observations)}",
            )
    chosen = observations if numbers is None else [observations[n - 1] for n in numbers]
    return Task(known.name, tuple(chosen))


def _whole_name(name: str) -> str:
    every = [entry.name for entry in find_entries("simulators")]
    ends = [one for one in every if one.partition(".")[2] == name]
    return ends[0] if len(ends) == 1 else name


class _Known(Simulator, KnownPosterior):
    """What `_known` returns, for the type checker."""


def _known(name: str) -> _Known:
    simulator = registry.build_simulator(name)
    if not isinstance(simulator, KnownPosterior):
        raise UsageError(
            "a benchmark needs a simulator whose posteriors are known",
            got=f"'{name}'",
            expected="one with a method reference_posterior, such as benchmark.two_moons",
        )
    return simulator  # type: ignore[return-value]
