"""What a sampler is: from a target to draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.draws import Draws
from sbiwb.core.options import Options
from sbiwb.core.prior import Prior
from sbiwb.likelihoods.base import Likelihood
from sbiwb.progress import Progress


class Proposal(Protocol):
    """What a learned posterior offers: draws, and their density; see `LearnedPosterior`."""

    def sample(self, n: int, x: Array, rng: np.random.Generator) -> Array:
        """Draw n points for every row of x (m, *shape); shape (m, n, d)."""

    def log_prob(self, theta: Array, x: Array) -> Array:
        """Normalised log density at theta (n, d) given x (n, *shape); shape (n,)."""


@dataclass(frozen=True)
class Target:
    """One or many posteriors that share a prior and a likelihood.

    Parameters
    ----------
    prior : Prior
    likelihood : Likelihood
    x : ndarray, shape (m, *output.shape)
        One observation per posterior: m = 1 for inference, m = 300, say, for calibration.
    proposal : Proposal, optional
        Something like these posteriors, for samplers that correct.
    """

    prior: Prior
    likelihood: Likelihood
    x: Array
    proposal: Proposal | None = None

    def __len__(self) -> int:
        return len(self.x)

    def log_likelihood(self, theta: Array, which: NDArray[np.intp]) -> Array:
        """log p(x[which_i] | theta_i) for rows of theta (n, d); shape (n,)."""
        return self.likelihood.log_likelihood(theta, self.x[which])

    def log_prob(self, theta: Array, which: NDArray[np.intp]) -> Array:
        """Unnormalised log posterior; the likelihood is not asked outside the prior."""
        value = self.prior.log_prob(theta)
        inside = np.isfinite(value)
        if np.any(inside):
            value[inside] += self.log_likelihood(theta[inside], which[inside])
        return value


OptionsT = TypeVar("OptionsT", bound=Options)


class Sampler(ABC, Generic[OptionsT]):
    """Draws from posteriors given by a prior and a likelihood.

    Attributes
    ----------
    options_type : type of Options
        The options this sampler takes, with defaults.
    gives_evidence : bool
        Whether its draws carry log p(x).
    batched : bool
        Whether many posteriors cost much less together than one by one.
    corrects : bool
        Whether it may follow an estimator of the posterior, whose draws it corrects with the exact
        likelihood.
    finds_box_by : str, optional
        The sampler that stands in where only the extent of a posterior is asked for, in rounds
        before the last, if this one would take too long for that.
    """

    options_type: ClassVar[type[Options]]
    gives_evidence: ClassVar[bool] = False
    batched: ClassVar[bool] = False
    corrects: ClassVar[bool] = False
    finds_box_by: ClassVar[str | None] = None

    @abstractmethod
    def sample(
        self, target: Target, options: OptionsT, seed: int, progress: Progress
    ) -> Sequence[Draws]:
        """Draw from every posterior of `target`; one `Draws` each, in order.

        Raises
        ------
        InferenceError
            If no posterior draws can be had in bounded time.
        """
