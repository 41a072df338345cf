"""Results of one problem, side by side: their names, parameters and what differs between them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sbiwb.core import distributions
from sbiwb.core.verdict import Outcome
from sbiwb.errors import UsageError, unknown_name
from sbiwb.result import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Quantity:
    """A parameter as a report shows it.

    Parameters
    ----------
    name : str
        Name in scripts and tables.
    label : str
        LaTeX without dollar signs; empty if none was given.
    unit : str
    support : tuple of float
        Hard bounds of the prior, ±inf where there are none.
    """

    name: str
    label: str = ""
    unit: str = ""
    support: tuple[float, float] = (-math.inf, math.inf)


@dataclass(frozen=True)
class Group:
    """Results of one problem by the methods that made them.

    Parameters
    ----------
    label : str
        Name of the problem, unique in a comparison.
    results : mapping of str to Result
        Method, as it is shown, to result.
    order : tuple of str
        Methods of all problems that are compared: a method looks the same in every problem.
    notes : tuple of str
        What a reader must know before comparing: differing data, priors or parameters.
    chosen : tuple of str, optional
        Parameters to show; all if None.
    """

    label: str
    results: Mapping[str, Result]
    order: tuple[str, ...]
    notes: tuple[str, ...] = ()
    chosen: tuple[str, ...] | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods, in the order given."""
        return tuple(self.results)

    def place(self, method: str) -> int:
        """Place of a method among those of all problems."""
        return self.order.index(method)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters that are shown, in the order in which they first occur."""
        every = dict.fromkeys(n for r in self.results.values() for n in r.names)
        return tuple(n for n in every if self.chosen is None or n in self.chosen)

    def names_of(self, method: str) -> tuple[str, ...]:
        """Those of `names` that a method has, in the order of its draws."""
        return tuple(n for n in self.results[method].names if n in self.names)

    @property
    def described(self) -> Mapping[str, Any]:
        """The problem as the reference knows it, or the first result that knows one."""
        everyone = [self.results[m].description for m in (self.reference, *self.methods)]
        return next((d for d in everyone if "simulator" in d), everyone[0])

    @cached_property
    def reference(self) -> str:
        """The method that the others are held against.

        The first that passes no worse than the rest, exact likelihoods before learned ones.
        """

        def rank(method: str) -> tuple[bool, bool]:
            return self.results[method].outcome is Outcome.FAIL, not method.startswith("exact+")

        return min(self.methods, key=rank)

    @cached_property
    def summaries(self) -> Mapping[str, pd.DataFrame]:
        """Method → `Result.summary`, and q025 and q975, the ends of the 95 % interval."""
        out = {}
        for method, result in self.results.items():
            low, high = np.quantile(result.samples(), (0.025, 0.975), axis=0)
            out[method] = result.summary().assign(q025=low, q975=high)
        return out

    def effective(self, method: str) -> float:
        """Effective number of draws of a method, its least certain parameter's."""
        smallest = float(self.summaries[method]["ess"].min())
        return max(smallest, 1.0) if math.isfinite(smallest) else 1.0

    @property
    def constraint(self) -> dict[str, Any] | None:
        """The linear inequality of the prior, as `LinearConstraint.describe` gives it."""
        constraint: dict[str, Any] | None = self.described.get("prior", {}).get("constraint")
        return constraint

    def quantity(self, name: str) -> Quantity:
        """Label, unit and bounds of a parameter, each from the first result that gives it."""
        found = [
            described
            for result in self.results.values()
            for described in result.description.get("prior", {}).get("parameters", [])
            if described["name"] == name
        ]
        label, unit = (
            next((text for d in found if (text := d.get(key))), "") for key in ("label", "unit")
        )
        bounds = [side for d in found if np.isfinite(side := _support(d)).any()]
        return Quantity(name, label, unit, bounds[0] if bounds else (-math.inf, math.inf))


def group_results(
    results: Sequence[Result] | Mapping[str, Sequence[Result]],
    chosen: Sequence[str] | None = None,
) -> tuple[Group, ...]:
    """Sort results into problems.

    Parameters
    ----------
    results : sequence of Result, or mapping of str to sequence of Result
    chosen : sequence of str, optional
        Parameters to show; all by default.

    Raises
    ------
    UsageError
        If there is nothing to compare, something is not a result, or nothing has a chosen
        parameter.
    """
    if isinstance(results, Mapping):
        labelled = {str(label): list(members) for label, members in results.items()}
    else:
        labelled = _by_problem(_checked(results))
    if not labelled or not all(labelled.values()):
        raise UsageError(
            "no results to compare",
            got=next((f"none for '{label}'" for label in labelled), "an empty list"),
            expected="at least one Result",
        )
    named = {label: _by_method(_checked(members)) for label, members in labelled.items()}
    order = tuple(dict.fromkeys(method for members in named.values() for method in members))
    _check_chosen(chosen, [r for members in named.values() for r in members.values()])
    shown = None if chosen is None else tuple(chosen)
    return tuple(
        Group(label, members, order, _notes(list(members.values())), shown)
        for label, members in named.items()
    )


def _check_chosen(chosen: Sequence[str] | None, results: Sequence[Result]) -> None:
    there = dict.fromkeys(n for r in results for n in r.names)
    for name in chosen or ():
        if name not in there:
            raise unknown_name("parameter", name, there)


def _checked(results: Sequence[Result]) -> list[Result]:
    for result in results:
        if not isinstance(result, Result):
            raise UsageError(
                "not a result",
                got=type(result).__name__,
                expected="what sbiwb.infer or sbiwb.load returns",
            )
    return list(results)


def _by_problem(results: list[Result]) -> dict[str, list[Result]]:
    """Group by what was inferred from what; label each group by what sets it apart."""
    members: dict[Hashable, list[Result]] = {}
    for result in results:
        if result.origin is not None:
            continue
        described = result.description
        identity = {k: described.get(k) for k in ("simulator", "options", "fixed")}
        data = described.get("observation", {}).get("sha256", "")
        members.setdefault((_frozen(identity), data), []).append(result)
    labelled = dict(zip(_labels([m[0] for m in members.values()]), members.values(), strict=True))
    return _joined(labelled, results)


def _joined(labelled: dict[str, list[Result]], results: list[Result]) -> dict[str, list[Result]]:
    """Add draws of other programs, which name no problem, to that whose parameters they share."""
    foreign = [result for result in results if result.origin is not None]
    if not labelled:
        return {", ".join(r.method for r in foreign): foreign} if foreign else {}
    for result in foreign:
        shares = {label: _shared(result, members[0]) for label, members in labelled.items()}
        best = max(shares.values())
        fitting = [label for label, share in shares.items() if share == best]
        if len(fitting) > 1:
            raise UsageError(
                f"'{result.method}' could belong to several problems",
                got=", ".join(fitting),
                expected="results of one",
                remedy="compare it with one problem at a time, or pass a mapping to sbiwb.compare",
            )
        labelled[fitting[0]].append(result)
    # In the order given: it decides which method is the reference, and how each one looks.
    place = {id(result): k for k, result in enumerate(results)}
    return {k: sorted(v, key=lambda result: place[id(result)]) for k, v in labelled.items()}


def _shared(one: Result, other: Result) -> float:
    """Share of the parameters of either that both have."""
    return len({*one.names} & {*other.names}) / len({*one.names} | {*other.names})


def _labels(firsts: list[Result]) -> list[str]:
    """Simulator names, with the options that tell groups of one simulator apart."""
    settings = [
        {**r.description.get("options", {}), **r.description.get("fixed", {})} for r in firsts
    ]
    simulators = [str(r.description.get("simulator", "problem")) for r in firsts]
    labels = []
    for simulator, own in zip(simulators, settings, strict=True):
        rivals = [s for s, name in zip(settings, simulators, strict=True) if name == simulator]
        keys = dict.fromkeys(k for s in rivals for k in s)
        telling = [k for k in keys if len({_frozen(s.get(k)) for s in rivals}) > 1 and k in own]
        if len(telling) == 1 and len(set(simulators)) == 1 and isinstance(own[telling[0]], str):
            labels.append(own[telling[0]])
        else:
            labels.append(" ".join([simulator, *(f"{k}={own[k]}" for k in telling)]))
    labels = [
        f"{label}, {r.description.get('observation', {}).get('name', 'observation')}"
        if labels.count(label) > 1
        else label
        for label, r in zip(labels, firsts, strict=True)
    ]
    return _numbered(labels)


def _by_method(results: list[Result]) -> dict[str, Result]:
    """Name each result by its method, told apart by seed where one method occurs twice."""
    methods = [r.method for r in results]
    repeated = {m for m, count in Counter(methods).items() if count > 1}
    names = [
        f"{r.method} (seed {r.seed})" if r.method in repeated and r.origin is None else r.method
        for r in results
    ]
    return dict(zip(_numbered(names), results, strict=True))


def _numbered(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}, no. {seen[name]}")
    return unique


def _notes(results: Sequence[Result]) -> tuple[str, ...]:
    """Say what differs between results that are shown as one problem."""
    notes = _foreign_notes(results)
    names = dict.fromkeys(n for r in results for n in r.names)
    own = [r for r in results if r.origin is None]
    for first, result in ((own[0], r) for r in own[1:]):
        pair = f"{result.method} and {first.method}"
        here, there = result.description, first.description
        if here.get("observation", {}).get("sha256") != there.get("observation", {}).get("sha256"):
            notes.append(f"{pair} were given different data.")
        changed = _changed_priors(there.get("prior", {}), here.get("prior", {}))
        if changed:
            notes.append(f"{pair} had different priors for {', '.join(changed)}.")
        if here.get("version") != there.get("version"):
            notes.append(f"{pair} used different versions of the simulator.")
    for result in results:
        missing = [n for n in names if n not in result.names]
        if missing:
            notes.append(f"{result.method} does not have {', '.join(missing)}.")
    return tuple(dict.fromkeys(notes))


def _foreign_notes(results: Sequence[Result]) -> list[str]:
    """What cannot be known of other programs' draws, and what their readers warn of."""
    foreign = [r for r in results if r.origin is not None]
    notes = [w for r in foreign if (w := r.provenance.get("warnings"))]
    if foreign and len(results) > 1:
        notes.append(
            f"{', '.join(r.method for r in foreign)}: read from files that do not tell which data "
            "and prior they are of; that they are of this problem is taken on trust."
        )
    units: dict[str, dict[str, str]] = {}
    for result in results:
        for described in result.description.get("prior", {}).get("parameters", []):
            if described.get("unit"):
                units.setdefault(described["name"], {}).setdefault(described["unit"], result.method)
    notes += [
        f"{name} has different units: "
        + ", ".join(f"{unit} in {method}" for unit, method in found.items())
        + ". Numbers are compared as they are."
        for name, found in units.items()
        if len(found) > 1
    ]
    return notes


def _changed_priors(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Parameters of both priors whose distributions differ; labels do not count."""
    mine, theirs = (
        {p["name"]: {k: v for k, v in p.items() if k != "label"} for p in prior["parameters"]}
        if "parameters" in prior
        else {}
        for prior in (one, other)
    )
    changed = [name for name, p in mine.items() if name in theirs and theirs[name] != p]
    for joint in ("constraint", "correlation", "joint"):
        if one.get(joint) != other.get(joint):
            changed.extend((one.get(joint) or other.get(joint) or {}).get("names", []))
    return list(dict.fromkeys(changed))


def _support(described: Mapping[str, Any]) -> tuple[float, float]:
    if "support" in described:  # as another program's file states it
        low, high = described["support"]
        return float(low), float(high)
    kind = getattr(distributions, str(described.get("distribution")), None)
    if not (isinstance(kind, type) and issubclass(kind, distributions.Distribution)):
        return -math.inf, math.inf
    fields = getattr(kind, "__dataclass_fields__", {})
    numbers = {k: v for k, v in described.items() if k in fields}
    return kind(**numbers).support


def _frozen(value: object) -> Hashable:
    """Make plain JSON types hashable."""
    if isinstance(value, Mapping):
        return tuple(sorted((str(k), _frozen(v)) for k, v in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(v) for v in value)
    return value if isinstance(value, Hashable) else str(value)
