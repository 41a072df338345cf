"""Several independent data of the same parameters, seen as one datum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import KnownLikelihood, KnownMean, Output, Simulator, TorchLikelihood
from sbiwb.errors import UsageError

if TYPE_CHECKING:
    import torch


class RepeatedSimulator(Simulator):
    """`inner` called `repeats` times at the same parameters, with the same capabilities.

    One datum is the array of all of them, shape (repeats, *inner.output.shape), and its likelihood
    the product of theirs.  If one of them fails, the datum failed.

    Raises
    ------
    UsageError
        If `repeats` is not a whole number > 0, or `inner` is repeated already.
    """

    def __init__(self, inner: Simulator, repeats: int) -> None:
        whole = isinstance(repeats, (int, np.integer)) and not isinstance(repeats, bool)
        if not whole or repeats < 1:
            raise UsageError("bad repeats", got=repr(repeats), expected="a whole number > 0")
        if isinstance(inner, RepeatedSimulator):
            raise UsageError("the simulator is repeated already", got=inner.output.shape)
        self.inner = inner
        self.repeats = int(repeats)
        self.name, self.version, self.options = inner.name, inner.version, inner.options
        self.prior, self.costly = inner.prior, inner.costly
        output = inner.output
        numbers = tuple(str(k + 1) for k in range(self.repeats))
        rows = numbers if len(output.shape) == 1 else ()
        self.output = Output(
            (self.repeats, *output.shape), output.unit, output.label, output.names, rows
        )
        # Set on the instance, so that this simulator has the capability only if `inner` has it.
        if isinstance(inner, KnownLikelihood):
            self.log_likelihood = self._log_likelihood
        if isinstance(inner, TorchLikelihood):
            self.log_likelihood_torch = self._log_likelihood_torch
        if isinstance(inner, KnownMean):
            self.mean = lambda theta: np.repeat(
                inner.mean(theta)[:, np.newaxis], self.repeats, axis=1
            )

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        x = self.inner.simulate(np.repeat(theta, self.repeats, axis=0), rng)
        return np.reshape(x, (len(theta), *self.output.shape))

    def fingerprint(self) -> dict[str, Any]:
        return {
            **self.inner.fingerprint(),
            "shape": list(self.output.shape),
            "repeats": self.repeats,
        }

    @property
    def reasons(self) -> Mapping[int, str]:  # type: ignore[override]
        first: dict[int, str] = {}
        for row, text in sorted(self.inner.reasons.items()):
            first.setdefault(row // self.repeats, text)
        return first

    def _log_likelihood(self, theta: Array, x: Array) -> Array:
        assert isinstance(self.inner, KnownLikelihood)  # for the type checker
        return product(self.inner.log_likelihood, theta, x, self.repeats, len(self.output.shape))

    def _log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        assert isinstance(self.inner, TorchLikelihood)  # for the type checker
        every = x.expand(len(theta), *self.output.shape).flatten(0, 1)
        value = self.inner.log_likelihood_torch(theta.repeat_interleave(self.repeats, 0), every)
        return value.reshape(len(theta), self.repeats).sum(1)


def calls_per_datum(simulator: Simulator) -> int:
    """Calls of the simulator proper that one datum takes."""
    return simulator.repeats if isinstance(simulator, RepeatedSimulator) else 1


def product(
    log_likelihood: Callable[[Array, Array], Array], theta: Array, x: Array, repeats: int, axes: int
) -> Array:
    """Sum of the log-likelihoods of the data in x (n, repeats, …) or (repeats, …); shape (n,).

    Parameters
    ----------
    log_likelihood : callable
        Of one datum: ``fn(theta (m, d), x (m, …)) -> (m,)``.
    theta : ndarray, shape (n, d)
    x : ndarray
    repeats : int
    axes : int
        Number of axes of the data of one θ, the repeats included.
    """
    shape = x.shape[x.ndim - axes :]
    every = np.broadcast_to(x, (len(theta), *shape)).reshape(-1, *shape[1:])
    value = np.asarray(log_likelihood(np.repeat(theta, repeats, axis=0), every))
    return np.asarray(value.reshape(len(theta), repeats).sum(axis=1))
