"""What a sampler asks of a likelihood."""

from __future__ import annotations

from abc import ABC, abstractmethod

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
