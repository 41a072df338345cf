"""The likelihood that a simulator offers itself."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import KnownLikelihood, Simulator
from sbiwb.errors import InferenceError, UsageError
from sbiwb.likelihoods.base import Likelihood


class Exact(Likelihood):
    """Exact log-likelihood of `simulator`.

    Raises
    ------
    UsageError
        If the simulator does not offer one.
    """

    def __init__(self, simulator: Simulator) -> None:
        if not isinstance(simulator, KnownLikelihood):
            raise UsageError(
                f"simulator '{simulator.name}' offers no exact likelihood",
                remedy="learn one with nle+emcee, or infer with npe",
            )
        self.simulator = simulator

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        assert isinstance(self.simulator, KnownLikelihood)  # for the type checker
        value = np.asarray(self.simulator.log_likelihood(theta, x), dtype=np.float64)
        if value.shape != (len(theta),) or np.any(np.isnan(value)) or np.any(value == np.inf):
            raise InferenceError(
                f"the likelihood of '{self.simulator.name}' broke its contract",
                got=f"shape {value.shape}, {int(np.sum(np.isnan(value)))} NaN",
                expected=f"shape ({len(theta)},), finite or -inf",
            )
        return value
