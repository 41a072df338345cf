"""Plain Python functions as simulators."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.simulator import Output, Simulator
from sbiwb.core.source import source_hash
from sbiwb.errors import SimulationError, UsageError
from sbiwb.rng import stream


class FunctionSimulator(Simulator):
    """A function ``fn(theta)`` or ``fn(theta, rng)`` with a prior.

    Made by `simulator`, which documents the arguments.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        prior: Prior,
        output: Output,
        name: str,
        *,
        batched: bool,
        log_likelihood: Callable[[Array, Array], Array] | None,
        costly: bool,
    ) -> None:
        self.function, self.prior, self.output, self.name = function, prior, output, name
        self.batched, self.costly = batched, costly
        self.version = source_hash(function)
        self.options = MappingProxyType({"batched": batched})
        if log_likelihood is not None:
            # Set on the instance, so that only functions given a likelihood have the capability.
            self.log_likelihood = lambda theta, x: np.asarray(
                log_likelihood(theta, np.broadcast_to(x, (len(theta), *output.shape))), float
            )

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        if self.batched:
            return _call(self.function, theta, rng)
        return np.stack([_call(self.function, row, rng) for row in theta])


def simulator(
    function: Callable[..., Any],
    prior: Prior,
    *,
    name: str | None = None,
    output: Output | None = None,
    batched: bool = False,
    log_likelihood: Callable[[Array, Array], Array] | None = None,
    costly: bool = False,
) -> FunctionSimulator:
    """Turn a plain function into a simulator.

    Parameters
    ----------
    function : callable
        ``fn(theta)`` or ``fn(theta, rng)``.  `theta` is one parameter vector, shape (d,), and the
        return value one datum; with ``batched=True`` they are (n, d) and (n, *shape).  Draw noise
        from `rng`, so that runs can be repeated.
    prior : Prior
        Prior over theta.
    name : str, optional
        Defaults to the function's name.
    output : Output, optional
        Shape, unit and labels of x.  Found by one trial call if not given.
    batched : bool
        Whether the function takes many parameter vectors at once.
    log_likelihood : callable, optional
        Exact ``fn(theta (n, d), x (n, *shape)) -> (n,)``, if known: it enables ``exact+…`` methods.
    costly : bool
        True for functions that take long, or may hang or crash: each call is then guarded.

    Returns
    -------
    FunctionSimulator

    Raises
    ------
    SimulationError
        If the trial call fails or returns something that is not an array of numbers.
    """
    if not callable(function):
        raise UsageError("a simulator needs a function", got=type(function).__name__)
    if not isinstance(prior, Prior):
        raise UsageError(
            "a simulator needs a prior",
            got=type(prior).__name__,
            expected="sbiwb.Prior",
            remedy="for example sbiwb.Prior([sbiwb.Parameter('a', sbiwb.Uniform(0, 1))])",
        )
    name = name or str(getattr(function, "__name__", type(function).__name__))
    if output is None:
        output = _trial(function, prior, name, batched=batched)
    return FunctionSimulator(
        function,
        prior,
        output,
        name,
        batched=batched,
        log_likelihood=log_likelihood,
        costly=costly,
    )


def _trial(function: Callable[..., Any], prior: Prior, name: str, *, batched: bool) -> Output:
    rng = stream(0, "trial")
    theta = prior.sample(2, rng)
    try:
        x = _call(function, theta if batched else theta[0], rng)
    except Exception as error:
        raise SimulationError(
            f"the trial call of simulator '{name}' raised {type(error).__name__}",
            got=error,
            remedy="fix the function, or pass output=sbiwb.Output(shape) if it may fail",
        ) from error
    if x.dtype.kind not in "fiub":
        raise SimulationError(
            f"simulator '{name}' returned {x.dtype} data", expected="an array of numbers"
        )
    if batched and (x.ndim == 0 or len(x) != 2):
        raise SimulationError(
            f"batched simulator '{name}' returned the wrong shape",
            got=x.shape,
            expected="(n, …) with one row per row of theta",
            remedy="drop batched=True if the function takes one theta at a time",
        )
    return Output(x.shape[1:] if batched else x.shape)


def _call(function: Callable[..., Any], theta: Array, rng: np.random.Generator) -> Array:
    return np.asarray(function(theta, rng) if _takes_rng(function) else function(theta))


def _takes_rng(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # compiled functions may have no signature
        return False
    required = [
        p
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        and (p.default is p.empty or p.name == "rng")
    ]
    return len(required) >= 2
