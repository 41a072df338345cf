"""What was learned from one datum, for several independent ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.repeated import RepeatedSimulator, product
from sbiwb.core.simulator import Simulator
from sbiwb.errors import UsageError
from sbiwb.estimators.base import Estimator, LearnedLikelihood, LearnedPosterior
from sbiwb.likelihoods.base import Differentiable


class ProductLikelihood(LearnedLikelihood):
    """Product of `one` over `repeats` data of the same parameters, x (n, repeats, *shape).

    The parameters are the same for all of them, so their likelihoods multiply, and so do their
    ratios p(x | θ) / p(x), up to a factor that does not depend on θ.
    """

    def __init__(self, one: LearnedLikelihood, repeats: int) -> None:
        self.one, self.repeats, self.normalised = one, repeats, one.normalised
        self.log = getattr(one, "log", None)
        if isinstance(one, Differentiable):
            # Set on the instance, so that the product has the capability only if `one` has it.
            self.gradient = self._gradient

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        return product(self.one.log_likelihood, theta, x, self.repeats, x.ndim - 1)

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        return self.one.state()

    def _gradient(
        self, points: Array, x: Array, to_theta: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """See `Differentiable.gradient`."""
        assert isinstance(self.one, Differentiable)  # for the type checker
        n, dim = points.shape
        every = np.repeat(points, self.repeats, axis=0)
        value, slope = self.one.gradient(every, x.reshape(len(every), *x.shape[2:]), to_theta)
        total = value.reshape(n, self.repeats).sum(axis=1)
        gradient = slope.reshape(n, self.repeats, dim).sum(axis=1)
        return total, np.where(np.isfinite(total)[:, np.newaxis], gradient, 0.0)


def learned_from(simulator: Simulator, estimator: Estimator[Any], options: Any) -> Simulator:
    """The simulator that an estimator learns from: one datum of several, or all of them.

    Raises
    ------
    UsageError
        If posteriors of single data are to be composed, and there is one datum.
    """
    if not estimator.learns_one_datum(options):
        return simulator
    if isinstance(simulator, RepeatedSimulator):
        return simulator.inner
    if estimator.learns == "posterior":
        raise UsageError(
            "there is nothing to compose: the observation is one datum",
            got="several='composed'",
            remedy="leave several out, or say repeats= when you pose the problem",
        )
    return simulator


def for_data_of(
    simulator: Simulator, learned: LearnedPosterior | LearnedLikelihood
) -> LearnedPosterior | LearnedLikelihood:
    """What was learned from `learned_from`, for the data of `simulator`."""
    if not isinstance(simulator, RepeatedSimulator):
        return learned
    if isinstance(learned, LearnedLikelihood):
        return ProductLikelihood(learned, simulator.repeats)
    if learned.state()[0].get("several") == "composed":
        from sbiwb.estimators._composition import ComposedPosterior  # brings Torch

        return ComposedPosterior(learned, simulator.repeats)
    return learned
