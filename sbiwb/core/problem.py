"""A problem: a simulator, its prior and one observation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import ArrayLike

from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.observation import Observation, check_observation
from sbiwb.core.observation_file import FORMATS, is_file_name, read_observation
from sbiwb.core.prior import Prior
from sbiwb.core.repeated import RepeatedSimulator
from sbiwb.core.simulator import Simulator
from sbiwb.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Problem:
    """What is to be inferred: ``simulator × prior × observation``.

    Parameters
    ----------
    simulator : Simulator
        Its `prior` is the prior of the problem.
    observation : Observation
        The datum, already checked against the simulator's output.
    """

    simulator: Simulator
    observation: Observation

    @property
    def prior(self) -> Prior:
        """Prior over the free parameters."""
        return self.simulator.prior

    @property
    def name(self) -> str:
        """The simulator's name."""
        return self.simulator.name

    def describe(self) -> dict[str, Any]:
        """Everything the posterior depends on, as plain JSON types."""
        return {
            **self.simulator.fingerprint(),
            "prior": self.prior.describe(),
            "observation": {
                "name": self.observation.name,
                "source": self.observation.source,
                "sha256": self.observation.sha256,
            },
        }


def make_problem(
    simulator: Simulator,
    observation: Observation | ArrayLike | str | os.PathLike[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    repeats: int | None = None,
) -> Problem:
    """Join a simulator and an observation into a `Problem`.

    Parameters
    ----------
    simulator : Simulator
    observation : Observation, array of shape output.shape, str or path, optional
        Defaults to the real data that the simulator ships with.  A text is the name of one of
        these, or a file (``.npy``, ``.csv``, ``.txt``).
    fixed : mapping of str to float, optional
        Parameters to hold at given values.
    repeats : int, optional
        Number of independent data of the same parameters: the observation then has the shape
        (repeats, *output.shape).

    Raises
    ------
    UsageError
        If no observation is given and the simulator ships none, or none of that name.
    DataError
        If the observation cannot be read, has the wrong shape, or values that are not finite.
    """
    if not isinstance(simulator, Simulator):
        raise UsageError(
            "not a simulator",
            got=type(simulator).__name__,
            expected="a sbiwb.Simulator or the name of one",
            remedy="wrap a plain function with sbiwb.simulator(fn, prior)",
        )
    if observation is None:
        observation = simulator.default_observation()
        if observation is None:
            raise UsageError(
                f"simulator '{simulator.name}' ships no data",
                remedy="pass observation=<array>",
            )
    elif isinstance(observation, (str, os.PathLike)):
        observation = _find(simulator, observation)
    if fixed:
        simulator = FixedSimulator(simulator, fixed)
    if repeats is not None:
        simulator = RepeatedSimulator(simulator, repeats)
    if not isinstance(observation, Observation):
        observation = Observation(check_observation(observation, simulator.output))
    else:
        x = check_observation(observation.x, simulator.output)
        observation = replace(observation, x=x)
    return Problem(simulator, observation)


def _find(simulator: Simulator, observation: str | os.PathLike[str]) -> Observation:
    """The observation in a file, or the simulator's own of that name."""
    if not isinstance(observation, str) or is_file_name(observation):
        return read_observation(observation)
    names, file = simulator.observation_names, f"a {FORMATS} file"
    if observation not in names:
        raise UsageError(
            f"simulator '{simulator.name}' ships no observation of this name",
            got=f"'{observation}'",
            expected=f"one of {', '.join(names)}, or {file}" if names else file,
            remedy=did_you_mean(observation, names),
        )
    return simulator.observation(observation)
