"""What parameters are drawn from: a prior, or anything else that draws them."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior


class Proposal(Protocol):
    """A distribution of parameters; workers draw from it, so it is sent to them by value."""

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names, in the order of theta's columns."""

    @property
    def dim(self) -> int:
        """Number of parameters d."""

    @property
    def key(self) -> str:
        """Text that differs for distributions that differ: simulations are stored under it."""

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw n points; shape (n, d)."""


class OfPrior:
    """What a proposal for the parameters of a prior has in common with it."""

    prior: Prior

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names."""
        return self.prior.names

    @property
    def dim(self) -> int:
        """Number of parameters."""
        return self.prior.dim
