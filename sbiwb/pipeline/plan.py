"""From a recipe to tasks, each with keys that say what its results depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sbiwb import registry
from sbiwb.config import MethodSection, ProblemSection, Recipe
from sbiwb.core.problem import Problem, make_problem
from sbiwb.errors import SbiwbError, UsageError, unknown_name
from sbiwb.execute.execution import Execution, parse_execution
from sbiwb.likelihoods.exact import Exact
from sbiwb.method import EXACT, needs_exact, parse_method, parse_rounds

# Raised when the same recipe gives other numbers than before.
CODE_SCHEMA = 4


@dataclass(frozen=True)
class Task:
    """One method on one problem: a posterior, and the same posterior checked.

    Parameters
    ----------
    label : str
        The problem's label in the recipe.
    order : dict
        What a worker is told, as plain JSON types.
    key, checked_key : str
        Hashes of all that the posterior and its checks depend on.
    weight : float
        A guess of how long it takes, for the order of work and the progress bar only.
    """

    label: str
    order: Mapping[str, Any]
    key: str
    checked_key: str
    weight: float

    @property
    def name(self) -> str:
        """Unique in the run, and the stem of its files: ``lcdm/exact+emcee-1a2b3c4d``."""
        return f"{self.label}/{self.order['method']}-{self.key[:8]}"

    @property
    def inferred(self) -> str:
        """File of the posterior, inside the run folder."""
        return f"inferred/{self.name}.nc"

    @property
    def checked(self) -> str:
        """File of the checked posterior, inside the run folder."""
        return f"results/{self.name}.nc"


def plan(recipe: Recipe) -> tuple[dict[str, Problem], list[Task]]:
    """Build the problems of a recipe and list its tasks, everything checked that can be now.

    Raises
    ------
    SbiwbError
        If a name, an option or an observation is not valid; the message says where.
    """
    with _at("executor"):
        execution = parse_execution(recipe.executor)
    problems = {}
    for label, section in recipe.problems.items():
        with _at(f"problems.{label}"):
            problems[label] = build_problem(section)
    for number, method in enumerate(recipe.methods):
        with _at(f"methods[{number}]"):
            _check_method(method)
            for label in method.problems or problems:
                _check_likelihood(method, label, problems[label])
    tasks = [
        _task(recipe, label, problem, method, execution)
        for label, problem in problems.items()
        for method in recipe.methods
        if method.problems is None or label in method.problems
    ]
    return problems, tasks


def build_problem(section: ProblemSection) -> Problem:
    """Build the problem that a section of a recipe describes."""
    simulator = registry.build_simulator(section.simulator, **section.options)
    return make_problem(simulator, section.observation, section.fixed, section.repeats)


def _check_method(section: MethodSection) -> None:
    """Check what can be without importing the networks of learning methods."""
    first, plus, sampler = section.method.partition("+")
    estimators = [*registry.names("estimators"), *registry.names("approximations")]
    if first not in (*estimators, EXACT):
        raise unknown_name("method", section.method, [*estimators, f"{EXACT}+SAMPLER"])
    if plus and sampler not in registry.names("samplers"):
        raise unknown_name("sampler", sampler, registry.names("samplers"))
    parse_rounds(section.method, section.budget, section.rounds)
    if section.options or (first == EXACT and not plus):
        parse_method(section.method, section.options)


def _check_likelihood(method: MethodSection, label: str, problem: Problem) -> None:
    """Find out now, not in a worker, that a problem has no exact likelihood to draw from."""
    if not needs_exact(method.method):
        return
    try:
        Exact(problem.simulator)
    except UsageError as error:
        raise UsageError(
            f"{error.what}, which {method.method} needs",
            remedy=f"{error.remedy}; or keep it to other problems than {label} by problems: […]",
        ) from error


def _task(
    recipe: Recipe, label: str, problem: Problem, method: MethodSection, execution: Execution
) -> Task:
    checks = recipe.checks.model_dump() if recipe.checks else None
    order = {
        "problem": recipe.problems[label].model_dump(),
        "method": method.method,
        "budget": method.budget,
        "rounds": method.rounds,
        "options": method.options,
        "seed": recipe.seed if method.seed is None else method.seed,
        "executor": recipe.executor,
        "checks": checks,
    }
    spent = ("method", "budget", "rounds", "options", "seed")
    # Limits decide which simulations succeed and which random streams they draw from; where the
    # simulations run does not matter.
    limits = ("timeout", "memory", "block_size", "max_failure_fraction")
    key = _hash(
        CODE_SCHEMA,
        problem.describe(),
        {name: order[name] for name in spent},
        {name: getattr(execution, name) for name in limits},
    )
    return Task(label, order, key, _hash(key, checks), _guess(method.method, problem))


def _guess(method: str, problem: Problem) -> float:
    """Relative time: learned likelihoods are sampled for every calibration simulation."""
    first, plus, _ = method.partition("+")
    cost = 1.0 if first == EXACT else 9.0 if plus else 6.0
    return cost * problem.prior.dim


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Say in errors which part of the recipe they are about."""
    try:
        yield
    except SbiwbError as error:
        raise type(error)(
            f"{place}: {error.what}",
            got=error.got,
            expected=error.expected,
            remedy=error.remedy,
        ) from error
