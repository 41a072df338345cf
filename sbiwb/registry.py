"""From names to simulators and methods, each imported when it is first asked for.

There is no list to edit: a name is the name of a module's file, an entry point of another package,
or a file in a folder of ``SBIWB_SIMULATORS`` (see `sbiwb.discovery`).
"""

from __future__ import annotations

import importlib.metadata
import inspect
import os
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from sbiwb.core.observation import Observation
from sbiwb.core.problem import Problem, make_problem
from sbiwb.core.simulator import Simulator
from sbiwb.discovery import Entry, find_entries
from sbiwb.errors import SbiwbError, UsageError, unknown_name

if TYPE_CHECKING:
    from sbiwb.approximations.base import Approximation
    from sbiwb.core.verdict import Verdict
    from sbiwb.estimators.base import Estimator
    from sbiwb.readers.base import Reader
    from sbiwb.result import Result
    from sbiwb.samplers.base import Sampler


def names(kind: str) -> list[str]:
    """Names of `kind`, one of `sbiwb.discovery.KINDS`: for example ``samplers``."""
    return sorted({entry.name for entry in find_entries(kind)})


def sampler(name: str) -> Sampler[Any]:
    """Return the sampler called `name`.

    Raises
    ------
    UsageError
        If there is none, there are two, or a package it needs is missing.
    """
    from sbiwb.samplers.base import Sampler

    found: Sampler[Any] = _class("samplers", name, Sampler)()
    return found


def estimator(name: str) -> Estimator[Any]:
    """Return the estimator called `name`; raises as `sampler` does."""
    from sbiwb.estimators.base import Estimator

    found: Estimator[Any] = _class("estimators", name, Estimator)()
    return found


def reader(name: str) -> Reader:
    """Return the reader called `name`; raises as `sampler` does."""
    from sbiwb.readers.base import Reader

    found: Reader = _class("readers", name, Reader)()
    return found


def approximation(name: str) -> Approximation[Any]:
    """Return the approximation called `name`; raises as `sampler` does."""
    from sbiwb.approximations.base import Approximation

    found: Approximation[Any] = _class("approximations", name, Approximation)()
    return found


def diagnostic(name: str) -> Callable[[Result], list[Verdict]]:
    """Return the function ``check(result)`` of the diagnostic; raises as `sampler` does."""
    entry = _entry("diagnostics", name)
    check = getattr(_load(entry), "check", None)
    if not callable(check):
        raise UsageError(f"diagnostic '{name}' ({entry.origin}) has no function check(result)")
    found: Callable[[Result], list[Verdict]] = check
    return found


def build_simulator(name: str, **options: Any) -> Simulator:
    """Build the simulator called `name`.

    Parameters
    ----------
    name : str
        For example ``cosmology.bao``.
    **options
        Arguments of its constructor.

    Raises
    ------
    UsageError
        If the name or an option is unknown, an option is missing, or a package is not installed.
    """
    entry = _entry("simulators", name)
    kind = _class("simulators", name, Simulator)
    _check_options(name, kind, options)
    try:
        built: Simulator = kind(**options)
    except ModuleNotFoundError as error:
        raise _not_installed(entry, error) from error
    return built


def problem(
    simulator: str | Simulator,
    observation: Observation | ArrayLike | str | os.PathLike[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    repeats: int | None = None,
    **options: Any,
) -> Problem:
    """Pose a problem: a simulator, its prior and an observation.

    Parameters
    ----------
    simulator : str or Simulator
        A name such as ``cosmology.bao``, or a simulator.
    observation : Observation, array, str or path, optional
        The datum, the file that holds it (``.npy``, ``.csv``, ``.txt``), or the name of one that
        the simulator ships with (its `observation_names`).  Defaults to the first of these.
    fixed : mapping of str to float, optional
        Parameters to hold at given values.
    repeats : int, optional
        Number of independent data of the same parameters: the observation then has the shape
        (repeats, *output.shape), and its likelihood is the product of theirs.
    **options
        Options of the named simulator.

    Returns
    -------
    Problem

    Raises
    ------
    UsageError
        If a name or option is unknown, or there is no observation.
    DataError
        If the observation cannot be read, has the wrong shape or is not finite.

    Examples
    --------
    >>> import sbiwb
    >>> problem = sbiwb.problem("cosmology.bao", data="desi_dr2", model="lcdm")
    >>> problem.prior.names
    ('Om', 'hrd')
    """
    if isinstance(simulator, str):
        simulator = build_simulator(simulator, **options)
    elif options:
        raise UsageError(
            "options belong to named simulators; this one is already built",
            got=", ".join(options),
        )
    return make_problem(simulator, observation, fixed, repeats)


def _entry(kind: str, name: str) -> Entry:
    every = find_entries(kind)
    found = [entry for entry in every if entry.name == name]
    if not found:
        raise unknown_name(kind.removesuffix("s"), name, {entry.name for entry in every})
    if len(found) > 1:
        raise UsageError(
            f"{kind.removesuffix('s')} '{name}' is defined {len(found)} times",
            got=" and ".join(entry.origin for entry in found),
            remedy="rename or uninstall all but one",
        )
    return found[0]


def _load(entry: Entry) -> Any:
    try:
        return entry.load()
    except ModuleNotFoundError as error:
        raise _not_installed(entry, error) from error
    except SbiwbError:
        raise
    except Exception as error:
        # Other people's modules may raise anything while they are imported.
        raise UsageError(
            f"{entry.kind.removesuffix('s')} '{entry.name}' ({entry.origin}) cannot be imported",
            got=f"{type(error).__name__}: {error}",
        ) from error


def _class(kind: str, name: str, base: type[Any]) -> type[Any]:
    """The class that an entry refers to, or the one that its module defines."""
    entry = _entry(kind, name)
    loaded = _load(entry)
    candidates = [loaded]
    if isinstance(loaded, ModuleType):
        candidates = [
            value
            for attribute, value in vars(loaded).items()
            if getattr(value, "__module__", None) == loaded.__name__
            and not attribute.startswith("_")
        ]
    found = [
        value
        for value in candidates
        if isinstance(value, type) and issubclass(value, base) and not inspect.isabstract(value)
    ]
    if len(found) != 1:
        raise UsageError(
            f"{kind.removesuffix('s')} '{name}' ({entry.origin}) is not defined clearly",
            got=", ".join(value.__name__ for value in found) or f"no concrete {base.__name__}",
            expected=f"one class that is a {base.__name__}",
        )
    return found[0]


def _check_options(name: str, kind: type[Any], options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(kind).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for option in options:
            if option not in {p.name for p in named}:
                raise unknown_name(f"option of simulator '{name}'", option, [p.name for p in named])
    missing = [p.name for p in named if p.default is p.empty and p.name not in options]
    if missing:
        raise UsageError(f"simulator '{name}' needs more options", expected=", ".join(missing))


def _not_installed(entry: Entry, error: ModuleNotFoundError) -> UsageError:
    """Name the `pip install` to type: the extra of the domain, if there is one."""
    missing = (error.name or str(error)).partition(".")[0]
    domain = entry.name.partition(".")[0]
    extras = importlib.metadata.metadata("sbiwb").get_all("Provides-Extra") or []
    wanted = f"'sbiwb[{domain}]'" if domain in extras else missing
    return UsageError(
        f"{entry.kind.removesuffix('s')} '{entry.name}' needs the package '{missing}', "
        "which is not installed",
        remedy=f"pip install {wanted}",
    )
