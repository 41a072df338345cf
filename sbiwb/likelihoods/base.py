"""What a sampler asks of a likelihood."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from sbiwb.core.distributions import Array


class Likelihood(ABC):
    """A log-likelihood, exact or learned: a sampler does not know which.

    Attributes
    ----------
    normalised : bool
        Whether it is normalised over x, so that an evidence means something.
    """

    normalised: bool = True

    @abstractmethod
    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i) row by row.

        Parameters
        ----------
        theta : ndarray, shape (n, d)
        x : ndarray, shape (n, *output.shape)

        Returns
        -------
        ndarray, shape (n,)
            −inf where impossible; never NaN.
        """


@runtime_checkable
class Differentiable(Protocol):
    """A likelihood that also knows its gradient."""

    def gradient(
        self, points: Array, x: Array, to_theta: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """log p(x_i | θ(points_i)) and its gradient with respect to the points.

        Parameters
        ----------
        points : ndarray, shape (n, d)
            In coordinates in which the posterior has about unit width.
        x : ndarray, shape (n, *output.shape)
        to_theta : callable
            From points (k, d) to parameters (k, d).

        Returns
        -------
        value : ndarray, shape (n,)
            As `Likelihood.log_likelihood`.
        gradient : ndarray, shape (n, d)
            Zero where the value is −inf.
        """
