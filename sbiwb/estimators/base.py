"""What an estimator is: from simulations to a learned posterior or likelihood."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.options import Options
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.likelihoods.base import Likelihood
from sbiwb.progress import Progress


class LearnedPosterior(ABC):
    """An amortised posterior q(θ | x), supported inside the prior."""

    @abstractmethod
    def sample(self, n: int, x: Array, rng: np.random.Generator) -> Array:
        """Draw n points from q(θ | x_i) for every row of x (m, *shape); shape (m, n, d)."""

    @abstractmethod
    def log_prob(self, theta: Array, x: Array) -> Array:
        """log q(theta_i | x_i), normalised, for theta (n, d) and x (n, *shape); shape (n,)."""

    @abstractmethod
    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """The recipe that rebuilds it (plain JSON types) and its weights, by name."""


class LearnedLikelihood(Likelihood):
    """A learned log-likelihood, good inside the prior that its simulations were drawn from."""

    @abstractmethod
    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """The recipe that rebuilds it (plain JSON types) and its weights, by name."""


OptionsT = TypeVar("OptionsT", bound=Options)


class Estimator(ABC, Generic[OptionsT]):
    """Learns a posterior or a likelihood from simulations.

    Attributes
    ----------
    options_type : type of Options
        The options this estimator takes, with defaults.
    learns : str
        ``"posterior"`` or ``"likelihood"``: whether a sampler must follow.
    """

    options_type: ClassVar[type[Options]]
    learns: ClassVar[str]

    def check_data(self, shape: tuple[int, ...], options: OptionsT) -> None:
        """Raise `UsageError`, before anything is simulated, if data cannot have this shape."""

    def learns_one_datum(self, options: OptionsT) -> bool:  # noqa: ARG002
        """Whether it learns from one datum of several independent ones, and puts them together."""
        return self.learns == "likelihood"

    @abstractmethod
    def train(
        self,
        simulations: Simulations,
        prior: Prior,
        options: OptionsT,
        seed: int,
        progress: Progress,
    ) -> LearnedPosterior | LearnedLikelihood:
        """Learn from valid simulations whose theta were drawn from `prior`."""

    @abstractmethod
    def restore(
        self, recipe: dict[str, Any], weights: dict[str, Array], prior: Prior
    ) -> LearnedPosterior | LearnedLikelihood:
        """Rebuild what `state` described."""
