"""A simulator with some of its parameters held at given values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import KnownLikelihood, KnownMean, Simulator, TorchLikelihood
from sbiwb.core.views import HasViews

if TYPE_CHECKING:
    import torch

    from sbiwb.core.observation import Observation


class FixedSimulator(Simulator):
    """`inner` seen as a simulator of its free parameters only, with the same capabilities."""

    def __init__(self, inner: Simulator, values: Mapping[str, float]) -> None:
        self.inner = inner
        self.name, self.version, self.output = inner.name, inner.version, inner.output
        self.prior = inner.prior.fix(values)
        self.values = {name: float(value) for name, value in values.items()}
        self.options = inner.options
        self.costly = inner.costly
        self.observation_names = inner.observation_names
        # Set on the instance, so that this simulator has the capability only if `inner` has it.
        if isinstance(inner, KnownLikelihood):
            self.log_likelihood = lambda theta, x: inner.log_likelihood(self.fill(theta), x)
        if isinstance(inner, TorchLikelihood):
            self.log_likelihood_torch = lambda theta, x: inner.log_likelihood_torch(
                self._fill_torch(theta), x
            )
        if isinstance(inner, KnownMean):
            self.mean = lambda theta: inner.mean(self.fill(theta))
        if isinstance(inner, HasViews):
            self.views = lambda theta, x: inner.views(self.fill(theta), x)

    def fill(self, theta: Array) -> Array:
        """Insert the fixed values: (n, free) → (n, all)."""
        whole = np.empty((len(theta), self.inner.prior.dim))
        free = iter(np.asarray(theta).T)
        for k, name in enumerate(self.inner.prior.names):
            whole[:, k] = self.values[name] if name in self.values else next(free)
        return whole

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        return self.inner.simulate(self.fill(theta), rng)

    def fingerprint(self) -> dict[str, Any]:
        inner = self.inner.fingerprint()
        return {**inner, "fixed": {**inner.get("fixed", {}), **self.values}}

    @property
    def reasons(self) -> Mapping[int, str]:  # type: ignore[override]
        return self.inner.reasons

    def default_observation(self) -> Observation | None:
        return self.inner.default_observation()

    def observation(self, name: str) -> Observation:
        return self.inner.observation(name)

    def _fill_torch(self, theta: torch.Tensor) -> torch.Tensor:
        import torch

        free = iter(theta.unbind(dim=1))
        columns = [
            theta.new_full((len(theta),), self.values[name]) if name in self.values else next(free)
            for name in self.inner.prior.names
        ]
        return torch.stack(columns, dim=1)
