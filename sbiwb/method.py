"""Methods by name: ``npe``, ``nle+emcee``, ``exact+dynesty``, and the options each part takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sbiwb import registry
from sbiwb.core.options import Options
from sbiwb.errors import UsageError, did_you_mean, unknown_name
from sbiwb.estimators.base import Estimator
from sbiwb.samplers.base import Sampler

EXACT = "exact"


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
    """

    name: str
    estimator: Estimator[Any] | None
    sampler: Sampler[Any] | None
    estimator_options: Options | None
    sampler_options: Options | None


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
    if first != EXACT and first not in estimators:
        raise unknown_name("method", name, _all_methods())
    estimator = None if first == EXACT else registry.estimator(first)
    if estimator is not None and estimator.learns == "posterior":
        if plus:
            raise UsageError(
                f"'{first}' draws from the posterior itself and takes no sampler",
                got=f"'{name}'",
                expected=f"'{first}'",
            )
        sampler = None
    elif not plus:
        raise UsageError(
            f"'{first}' needs a sampler",
            got=f"'{name}'",
            expected="one of " + ", ".join(f"{first}+{s}" for s in registry.names("samplers")),
        )
    else:
        sampler = registry.sampler(second)
    parts = [part.options_type for part in (estimator, sampler) if part is not None]
    for key in options:
        if not any(key in part.model_fields for part in parts):
            known = sorted(set(also).union(*(part.model_fields for part in parts)))
            raise unknown_name(f"option of {name}", key, known)
    return Method(
        str(name),
        estimator,
        sampler,
        None if estimator is None else _options(name, estimator.options_type, options),
        None if sampler is None else _options(name, sampler.options_type, options),
    )


def _all_methods() -> list[str]:
    samplers = registry.names("samplers")
    names = [f"{EXACT}+{s}" for s in samplers]
    for estimator in registry.names("estimators"):
        learns_posterior = registry.estimator(estimator).learns == "posterior"
        names += [estimator] if learns_posterior else [f"{estimator}+{s}" for s in samplers]
    return names


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
