"""What a simulator is: a prior, an output and a function from parameters to data.

Capabilities beyond `simulate` are protocols: a simulator that has an exact likelihood simply has a
method ``log_likelihood``, and the methods that need it find it there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior

if TYPE_CHECKING:
    import torch

    from sbiwb.core.observation import Observation


@dataclass(frozen=True)
class Output:
    """Shape and meaning of one simulated datum x.

    Parameters
    ----------
    shape : tuple of int
        Shape of x without the batch axis.
    unit, label : str
        Unit and LaTeX label of x.
    names : tuple of str
        A name for each entry along the last axis, for tables; may be empty.
    rows : tuple of str
        A name for each row of an x with two axes, such as channels; may be empty.
    """

    shape: tuple[int, ...]
    unit: str = ""
    label: str = "x"
    names: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[str, ...]:
        """A name for each entry of the flattened x; empty where they have none."""
        if len(self.shape) == 1 and len(self.names) == self.shape[0]:
            return self.names
        if len(self.shape) == 2 and len(self.rows) == self.shape[0]:
            columns = self.names or tuple(str(k) for k in range(self.shape[1]))
            return tuple(f"{row} {column}" for row in self.rows for column in columns)
        return ()


class Simulator(ABC):
    """A stochastic model: parameters in, data out.

    A concrete class sets `name`, `version`, `prior`, `output` and `options` (the keyword
    arguments that rebuild it), and defines `simulate`.  Workers rebuild a simulator from its name
    and options: it is never pickled.

    Attributes
    ----------
    costly : bool
        True if one call takes more than a few milliseconds or may crash or hang.  Costly
        simulators are called one row at a time in a guard process, each row with its own stream.
    observation_names : tuple of str
        Names of the real data this simulator ships with, for ``problem(…, observation=name)``.
        They are no part of the options: simulations serve all of them.
    reasons : mapping of int to str
        Why rows of the latest call failed, of `simulate` or `log_likelihood`; may be left empty.  A
        log-likelihood may be NaN only in rows that have a reason here.
    """

    name: str
    version: str
    prior: Prior
    output: Output
    options: Mapping[str, Any]
    costly: bool = False
    observation_names: tuple[str, ...] = ()
    reasons: Mapping[int, str] = MappingProxyType({})

    @abstractmethod
    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        """Draw x for each row of theta.

        Parameters
        ----------
        theta : ndarray, shape (n, d)
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        ndarray, shape (n, *output.shape)
            A row that could not be simulated is NaN.
        """

    def default_observation(self) -> Observation | None:
        """The real data this simulator ships with, if any: the first of those with a name."""
        return self.observation(self.observation_names[0]) if self.observation_names else None

    def observation(self, name: str) -> Observation:
        """One of the real data this simulator ships with.

        Parameters
        ----------
        name : str
            One of `observation_names`: `sbiwb.problem` refuses others.

        Raises
        ------
        DataError
            If the data cannot be had.
        """
        raise NotImplementedError(f"{type(self).__name__} names observations and returns none")

    def fingerprint(self) -> dict[str, Any]:
        """What the stored simulations depend on, besides prior and seed."""
        return {
            "simulator": self.name,
            "version": self.version,
            "options": dict(self.options),
            "shape": list(self.output.shape),
        }


@runtime_checkable
class KnownLikelihood(Protocol):
    """A simulator whose log-likelihood can be evaluated, normalised over x."""

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i) for rows theta (n, d) and x (n, *shape) or (*shape,); (n,).

        −inf where impossible; NaN where it could not be computed, with `Simulator.reasons`.
        """
        ...


@runtime_checkable
class TorchLikelihood(Protocol):
    """A simulator whose log-likelihood is also a differentiable Torch function."""

    def log_likelihood_torch(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The same as `KnownLikelihood.log_likelihood`, on float64 tensors."""
        ...


@runtime_checkable
class KnownMean(Protocol):
    """A simulator with a noise-free prediction."""

    def mean(self, theta: Array) -> Array:
        """Expected x for each row of theta; shape (n, *output.shape)."""
        ...


@runtime_checkable
class KnownPosterior(Protocol):
    """A simulator that knows the posterior at each of its `observation_names`, for benchmarks."""

    def reference_posterior(self, observation: str) -> Array:
        """Independent, equally weighted draws of the posterior; shape (n, d)."""
        ...

    def published_c2st(self, observation: str, budget: int) -> Mapping[str, float]:
        """Published C2ST of draws made with `budget` simulations, by algorithm; may be empty."""
        ...
