"""The likelihood that a simulator offers itself."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import KnownLikelihood, Simulator, TorchLikelihood
from sbiwb.errors import InferenceError, UsageError
from sbiwb.likelihoods._gradients import chained
from sbiwb.likelihoods.base import Likelihood

_KEPT = 1000


class Exact(Likelihood):
    """Exact log-likelihood of `simulator`.

    A row that the simulator could not compute, and for which it gives a reason, counts as
    impossible and is counted: see `failures`.  If the simulator offers its likelihood in Torch too,
    this one is `Differentiable`.

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
        self._reasons: Counter[str] = Counter()
        self._failed: deque[list[float]] = deque(maxlen=_KEPT)
        if isinstance(simulator, TorchLikelihood):
            # Set on the instance, so that the likelihood has the capability only if it is there.
            self.gradient = self._gradient

    @property
    def failures(self) -> dict[str, Any]:
        """Evaluations that failed, as plain JSON types; empty if none did.

        ``number``, ``reasons`` (text → number) and ``theta``, the latest 1,000 parameter vectors.
        """
        if not self._reasons:
            return {}
        return {
            "number": self._reasons.total(),
            "reasons": dict(self._reasons.most_common()),
            "theta": list(self._failed),
        }

    @property
    def number_failed(self) -> int:
        """Evaluations that failed so far."""
        return self._reasons.total()

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        assert isinstance(self.simulator, KnownLikelihood)  # for the type checker
        value = np.array(self.simulator.log_likelihood(theta, x), dtype=np.float64)
        if value.shape == (len(theta),):
            for row in np.flatnonzero(np.isnan(value)).tolist():
                if row in self.simulator.reasons:
                    value[row] = -np.inf
                    self._count(theta[row], self.simulator.reasons[row])
        if value.shape != (len(theta),) or np.any(np.isnan(value)) or np.any(value == np.inf):
            raise InferenceError(
                f"the likelihood of '{self.simulator.name}' broke its contract",
                got=f"shape {value.shape}, {int(np.sum(np.isnan(value)))} NaN",
                expected=f"shape ({len(theta)},), finite or -inf",
            )
        return value

    def _gradient(
        self, points: Array, x: Array, to_theta: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """See `Differentiable.gradient`."""
        import torch

        assert isinstance(self.simulator, TorchLikelihood)  # for the type checker
        twin, data = self.simulator.log_likelihood_torch, torch.tensor(x)
        value, gradient = chained(lambda theta: twin(theta, data), to_theta, points)
        unknown = np.isnan(value)
        if np.any(unknown):  # the NumPy one knows the reasons
            value[unknown] = self.log_likelihood(to_theta(points[unknown]), x[unknown])
        return value, gradient

    def _count(self, theta: Array, reason: str) -> None:
        self._reasons[reason] += 1
        self._failed.append(theta.tolist())
