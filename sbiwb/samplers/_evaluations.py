"""The likelihood as samplers call it: counted and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.errors import InferenceError
from sbiwb.likelihoods._gradients import jacobian
from sbiwb.likelihoods.base import Differentiable
from sbiwb.samplers.base import Target


class Evaluations:
    """Log-likelihood of `target`, with a count of evaluations per posterior in `calls` (m,).

    Attributes
    ----------
    by_differences : bool
        Whether a gradient takes differences, since the likelihood offers none.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.by_differences = not isinstance(target.likelihood, Differentiable)
        self.calls = np.zeros(len(target), dtype=np.intp)

    def log_likelihood(self, theta: Array, which: NDArray[np.intp]) -> Array:
        """log p(x[which_i] | theta_i) for rows of theta (n, d); shape (n,).

        Raises
        ------
        InferenceError
            If a value is NaN or +inf.
        """
        self.calls += np.bincount(which, minlength=len(self.calls))
        # At the very end of the unit cube, an unbounded parameter is infinite in float64.
        inside = np.all(np.isfinite(theta), axis=1)
        value = np.full(len(theta), -np.inf)
        if np.any(inside):
            value[inside] = self.target.log_likelihood(theta[inside], which[inside])
        return _checked(value, theta)

    def gradient(
        self, points: Array, which: int, to_theta: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """log p(x[which] | θ(points)) (n,) and its gradient (n, d) with respect to points (n, d).

        Raises as `log_likelihood` does.
        """
        if not self.by_differences:
            likelihood = cast(Differentiable, self.target.likelihood)
            self.calls[which] += len(points)
            x = np.broadcast_to(self.target.x[which], (len(points), *self.target.x.shape[1:]))
            value, gradient = likelihood.gradient(points, x, to_theta)
            return _checked(value, to_theta(points)), gradient

        def log_likelihood(points: Array) -> Array:
            return self.log_likelihood(to_theta(points), np.full(len(points), which))

        value = log_likelihood(points)
        with np.errstate(invalid="ignore"):
            slope = jacobian(log_likelihood, points)[:, 0]
        # Next to an impossible region there is no slope; see `jacobian` for why any will do.
        return value, np.where(np.isfinite(slope), slope, 0.0)


def _checked(value: Array, theta: Array) -> Array:
    """Log-likelihoods at theta, if none is NaN or +inf."""
    wrong = np.isnan(value) | (value == np.inf)
    if np.any(wrong):
        raise InferenceError(
            "the likelihood broke its contract",
            got=f"{value[wrong][0]} at theta = {theta[wrong][0].tolist()}",
            expected="finite numbers or -inf",
        )
    return value
