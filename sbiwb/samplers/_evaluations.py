"""The likelihood as samplers call it: counted and checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.errors import InferenceError
from sbiwb.samplers.base import Target


class Evaluations:
    """Log-likelihood of `target`, with a count of evaluations per posterior in `calls` (m,)."""

    def __init__(self, target: Target) -> None:
        self.target = target
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
        wrong = np.isnan(value) | (value == np.inf)
        if np.any(wrong):
            raise InferenceError(
                "the likelihood broke its contract",
                got=f"{value[wrong][0]} at theta = {theta[wrong][0].tolist()}",
                expected="finite numbers or -inf",
            )
        return value
