"""Methods by name: ``npe``, ``nle+emcee``, ``exact+dynesty``, and the options each part takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from sbiwb import registry
from sbiwb.approximations.base import Approximation
from sbiwb.core.options import Options
from sbiwb.errors import UsageError, did_you_mean, unknown_name
from sbiwb.estimators.base import Estimator
from sbiwb.samplers.base import Sampler

EXACT = "exact"
DEFAULT_BUDGET = 10_000


@dataclass(frozen=True)
class Rounds:
    """Simulator calls in all, and the rounds that share them."""

    budget: int
    rounds: int

    def sizes(self) -> list[int]:
        """Simulations of each round; the remainder goes to the last."""
        each = self.budget // self.rounds
        return [each] * (self.rounds - 1) + [self.budget - each * (self.rounds - 1)]


@dataclass(frozen=True)
class Method:
    """How the likelihood is had, and how the posterior is drawn.

    Parameters
    ----------
    name : str
        As typed.
    estimator : Estimator, optional
        None if the likelihood is the simulator's own.
    sampler : Sampler, optional
        None if the estimator learns the posterior itself.
    estimator_options, sampler_options : Options, optional
    approximation : Approximation, optional
        What stands in for both, where there is neither.
    approximation_options : Options, optional
    """

    name: str
    estimator: Estimator[Any] | None
    sampler: Sampler[Any] | None
    estimator_options: Options | None
    sampler_options: Options | None
    approximation: Approximation[Any] | None = None
    approximation_options: Options | None = None


def parse_method(name: str, options: Mapping[str, Any], also: Sequence[str] = ()) -> Method:
    """Find the parts of a method and hand each its options.

    Options that the caller takes itself are named in `also`, for the error about a misspelt one.

    Raises
    ------
    UsageError
        If a part is unknown, missing or superfluous, or an option is unknown or not valid.
    """
    first, plus, second = str(name).partition("+")
    estimators = registry.names("estimators")
    if first in registry.names("approximations"):
        return _approximation(str(name), options, also)
    if first != EXACT and first not in estimators:
        raise unknown_name("method", name, _all_methods())
    estimator = None if first == EXACT else registry.estimator(first)
    learns_posterior = estimator is not None and estimator.learns == "posterior"
    if learns_posterior and not plus:
        sampler = None
    elif learns_posterior:
        sampler = registry.sampler(second)
        if not sampler.corrects:
            raise UsageError(
                f"'{first}' draws from the posterior itself and takes no sampler",
                got=f"'{name}'",
                expected=f"'{first}', or " + ", ".join(f"'{n}'" for n in _corrected(first)),
            )
    elif not plus:
        raise UsageError(
            f"'{first}' needs a sampler",
            got=f"'{name}'",
            expected="one of " + ", ".join(f"{first}+{s}" for s in registry.names("samplers")),
        )
    else:
        sampler = registry.sampler(second)
    parts = [set(part.options_type.model_fields) for part in (estimator, sampler) if part]
    if learns_posterior and sampler is not None:
        parts[0] -= {"draws"}  # of the network alone; the sampler decides how many there are
    for key in options:
        if not any(key in part for part in parts):
            known = sorted(set(also).union(*parts))
            raise unknown_name(f"option of {name}", key, known)
    if sampler is not None and sampler.gives_evidence:
        options = {"entries": "all", **options}  # an evidence is that of all data
    return Method(
        str(name),
        estimator,
        sampler,
        None if estimator is None else _options(name, estimator.options_type, options),
        None if sampler is None else _options(name, sampler.options_type, options),
    )


def _approximation(name: str, options: Mapping[str, Any], also: Sequence[str]) -> Method:
    """A method that is one word, and takes no sampler."""
    first, plus, _ = name.partition("+")
    if plus:
        raise UsageError(
            f"'{first}' needs no sampler: it only compares simulations with the observation",
            got=f"'{name}'",
            expected=f"'{first}'",
        )
    approximation = registry.approximation(first)
    fields = approximation.options_type.model_fields
    for key in options:
        if key not in fields:
            raise unknown_name(f"option of {name}", key, sorted({*also, *fields} - {"rounds"}))
    chosen = _options(name, approximation.options_type, options)
    return Method(name, None, None, None, None, approximation, chosen)


def parse_rounds(method: str, budget: int | None, rounds: int | None) -> Rounds | None:
    """Check budget and rounds of a method; None if it makes no simulations.

    Raises
    ------
    UsageError
        If one is not a whole number > 0, there are more rounds than simulations, or the method has
        the exact likelihood and a budget.
    """
    if method.partition("+")[0] == EXACT:
        for name, value in (("budget", budget), ("rounds", rounds)):
            if value is not None:
                raise UsageError(
                    f"{name} means nothing to {method}",
                    got=f"{name}={value}",
                    remedy=f"leave {name} out: it counts simulations, and {method} makes none",
                )
        return None
    if rounds is not None and method in registry.names("approximations"):
        raise UsageError(
            f"rounds mean nothing to {method}",
            got=f"rounds={rounds}",
            remedy="leave rounds out",
        )
    plan = Rounds(_whole("budget", budget, DEFAULT_BUDGET), _whole("rounds", rounds, 1))
    if plan.rounds > plan.budget:
        raise UsageError(
            "more rounds than simulations", got=plan.rounds, expected=f"at most {plan.budget}"
        )
    return plan


def _whole(name: str, value: int | None, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise UsageError(f"bad {name}", got=repr(value), expected="a whole number > 0")
    return int(value)


def _all_methods() -> list[str]:
    samplers = registry.names("samplers")
    names = [*registry.names("approximations"), *(f"{EXACT}+{s}" for s in samplers)]
    for estimator in registry.names("estimators"):
        learns_posterior = registry.estimator(estimator).learns == "posterior"
        names += (
            [estimator, *_corrected(estimator)]
            if learns_posterior
            else [f"{estimator}+{s}" for s in samplers]
        )
    return names


def _corrected(estimator: str) -> list[str]:
    """Names of the methods that correct an estimator of the posterior."""
    samplers = registry.names("samplers")
    return [f"{estimator}+{s}" for s in samplers if registry.sampler(s).corrects]


def needs_exact(name: str) -> bool:
    """Whether a method, whose parts exist, asks for the simulator's own likelihood."""
    first, plus, second = name.partition("+")
    if first == EXACT or not plus:
        return first == EXACT
    # Samplers first: they load quickly, and estimators bring Torch.
    return registry.sampler(second).corrects and registry.estimator(first).learns == "posterior"


def _options(name: str, kind: type[Options], options: Mapping[str, Any]) -> Options:
    mine = {key: value for key, value in options.items() if key in kind.model_fields}
    try:
        return kind(**mine)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"bad option {place} of {name}",
            got=repr(first["input"]),
            expected=first["msg"].removeprefix("Input should be "),
            remedy=did_you_mean(place, kind.model_fields)
            if place not in kind.model_fields
            else None,
        ) from error
