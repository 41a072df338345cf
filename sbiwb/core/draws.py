"""Posterior draws as a method returns them, before they become a result on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import InferenceError


@dataclass(frozen=True)
class Cost:
    """What a posterior cost.

    Parameters
    ----------
    simulator_calls : int
        Calls of the true simulator, failures included.
    likelihood_calls : int
        Evaluations of the likelihood, learned or exact.
    seconds : float
        Wall time.
    """

    simulator_calls: int = 0
    likelihood_calls: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.simulator_calls + other.simulator_calls,
            self.likelihood_calls + other.likelihood_calls,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class Draws:
    """Equally weighted posterior draws.

    Parameters
    ----------
    theta : ndarray, shape (chain, draw, d)
        Independent draws are one chain.  Weighted draws are resampled to equal weights.
    log_prob : ndarray, shape (chain, draw), optional
        Log posterior density, normalised only if `normalised`.
    normalised : bool
        Whether `log_prob` integrates to one.
    independent : bool
        False for Markov chains, whose convergence must be checked.
    log_evidence, log_evidence_err : float, optional
        log p(x) and its standard error.
    stats : mapping of str to float
        What the sampler says of itself (acceptance, autocorrelation time, …).
    cost : Cost
    """

    theta: Array
    log_prob: Array | None = None
    normalised: bool = False
    independent: bool = False
    log_evidence: float | None = None
    log_evidence_err: float | None = None
    stats: Mapping[str, float] = field(default_factory=dict)
    cost: Cost = Cost()

    def __post_init__(self) -> None:
        if self.theta.ndim != 3:
            raise InferenceError(
                "draws have the wrong shape", got=self.theta.shape, expected="(chain, draw, d)"
            )
        if not np.all(np.isfinite(self.theta)):
            raise InferenceError("posterior draws are not finite")

    @property
    def flat(self) -> Array:
        """All draws as one array; shape (chain × draw, d)."""
        return self.theta.reshape(-1, self.theta.shape[-1])

    def with_cost(self, cost: Cost) -> Draws:
        """Return the same draws with another cost."""
        return replace(self, cost=cost)
