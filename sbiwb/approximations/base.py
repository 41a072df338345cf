"""What an approximation is: neither a likelihood nor a network, only simulations to compare."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from sbiwb.core.distributions import Array
from sbiwb.core.draws import Draws
from sbiwb.core.options import Options
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.execute import Proposal

Simulate = Callable[[Proposal, int], Simulations]
"""Draws so many parameters from a proposal and simulates each, failures included."""

OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True)
class Approximated:
    """What an approximation returns.

    Parameters
    ----------
    draws : Draws
        Without a density, which nobody knows.
    from_prior : Simulations
        Those whose parameters were drawn from the prior.
    others : tuple of Simulations
        The rest.
    """

    draws: Draws
    from_prior: Simulations
    others: tuple[Simulations, ...] = ()


class Approximation(ABC, Generic[OptionsT]):
    """Draws from an approximate posterior by comparing simulations with the observation.

    Attributes
    ----------
    options_type : type of Options
        The options it takes, with defaults.
    """

    options_type: ClassVar[type[Options]]

    @abstractmethod
    def draw(
        self,
        prior: Prior,
        x: Array,
        simulate: Simulate,
        budget: int,
        options: OptionsT,
        seed: int,
    ) -> Approximated:
        """Draw from the posterior of one observation.

        Parameters
        ----------
        prior : Prior
        x : ndarray, shape output.shape
        simulate : callable
            The only access to the simulator; its calls count against the budget.
        budget : int
            Simulations in all.
        options : Options
        seed : int

        Raises
        ------
        InferenceError
            If too few simulations are valid to tell anything.
        """
