"""What the ten tasks of sbibm share: five published observations and their true parameters."""

from __future__ import annotations

from functools import cache
from importlib import resources
from types import MappingProxyType

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.observation import Observation
from sbiwb.core.simulator import Simulator

NUMBERS = range(1, 6)
SOURCE = "sbibm 1.1.0; Lueckmann et al. (2021), arXiv:2101.04653"


class PublishedSimulator(Simulator):
    """A task of sbibm, whose published observations are chosen by name."""

    version = "1"
    options = MappingProxyType({})
    observation_names = tuple(f"num_observation_{number}" for number in NUMBERS)

    def observation(self, name: str) -> Observation:
        number = self.observation_names.index(name) + 1
        x = published_row(self.name, number)[self.prior.dim :]
        return Observation(x, name=name, source=SOURCE)

    def reference_posterior(self, observation: str) -> Array:
        """Draws (10000, d) of the published posterior; `DataError` if they cannot be had."""
        from .reference import reference_posterior

        return reference_posterior(self.name, self.observation_names.index(observation) + 1)

    def published_c2st(self, observation: str, budget: int) -> dict[str, float]:
        """Published C2ST by algorithm; empty for a budget of which nothing was published."""
        from .reference import BUDGETS, published_c2st

        if budget not in BUDGETS:
            return {}
        place = self.observation_names.index(observation)
        every = published_c2st(self.name, budget)
        return {algorithm: float(each[place]) for algorithm, (each, _) in every.items()}


def published_row(task: str, number: int) -> Array:
    """True parameters (d) and data (k) of a published observation, one after the other."""
    return np.array(_table(task.removeprefix("benchmark."))[number])


@cache
def _table(task: str) -> dict[int, tuple[float, ...]]:
    text = (resources.files(__package__) / "data" / f"{task}.csv").read_text("utf-8")
    rows = [[float(value) for value in line.split(",")] for line in text.splitlines()[1:]]
    return {int(number): tuple(values) for number, *values in rows}
