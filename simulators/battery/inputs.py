"""Which parameters of a cell are inferred, under which short names and in which ranges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from sbiwb.core.distributions import Distribution, LogUniform, Uniform
from sbiwb.core.prior import Parameter
from sbiwb.errors import UsageError, did_you_mean, unknown_name


@dataclass(frozen=True)
class Input:
    """One parameter of a cell that is inferred.

    Parameters
    ----------
    name : str
        Short name: of the column of theta, and of the input in PyBaMM.
    pybamm : str
        What PyBaMM calls it, with its unit in brackets.
    low, high : float
        Range of its prior.
    multiplies : bool
        Whether theta is a factor on the value of the parameter set (which may be a function of
        concentration and temperature) instead of the value itself.
    log : bool
        Whether the prior is uniform in the logarithm.
    label : str
        LaTeX.
    """

    name: str
    pybamm: str
    low: float
    high: float
    multiplies: bool = False
    log: bool = False
    label: str = ""

    @property
    def parameter(self) -> Parameter:
        """The column of theta."""
        kind: type[Distribution] = LogUniform if self.log else Uniform
        unit = "" if self.multiplies else _unit(self.pybamm)
        return Parameter(self.name, kind(self.low, self.high), unit, self.label)  # type: ignore[call-arg]

    def option(self) -> dict[str, Any]:
        """The plain mapping that gives this input again."""
        return {
            "name": self.name,
            "range": [self.low, self.high],
            "multiplies": self.multiplies,
            "log": self.log,
        }


READY = {
    ready.name: ready
    for ready in (
        # Ranges of the P2D benchmark of Hassanaly et al. (2023), arXiv:2312.17336.
        Input(
            "j0_n",
            "Negative electrode exchange-current density [A.m-2]",
            0.5,
            4.0,
            multiplies=True,
            label=r"f(j_{0,n})",
        ),
        Input(
            "D_p",
            "Positive particle diffusivity [m2.s-1]",
            1.0,
            10.0,
            multiplies=True,
            label=r"f(D_p)",
        ),
        # A decade either way of the parameter set's value: these rates are rarely known better.
        Input(
            "j0_p",
            "Positive electrode exchange-current density [A.m-2]",
            0.1,
            10.0,
            multiplies=True,
            log=True,
            label=r"f(j_{0,p})",
        ),
        Input(
            "D_n",
            "Negative particle diffusivity [m2.s-1]",
            0.1,
            10.0,
            multiplies=True,
            log=True,
            label=r"f(D_n)",
        ),
        Input(
            "eps_n",
            "Negative electrode active material volume fraction",
            0.5,
            0.9,
            label=r"\varepsilon_n",
        ),
        Input(
            "eps_p",
            "Positive electrode active material volume fraction",
            0.5,
            0.9,
            label=r"\varepsilon_p",
        ),
        Input("R_contact", "Contact resistance [Ohm]", 0.0, 0.05, label=r"R_\mathrm{c}"),
    )
}
"""Short name → input with the range it has if none is given."""

_KEYS = ("name", "range", "multiplies", "log")


def read_inputs(option: Mapping[str, Any] | Sequence[str]) -> tuple[Input, ...]:
    """Read the option `parameters`.

    Parameters
    ----------
    option : mapping or sequence of str
        Ready short names or PyBaMM's names → ``[low, high]``, or None for the ready range, or a
        mapping with ``range`` and, as needed, ``name``, ``multiplies`` and ``log`` (see `Input`).
        A sequence of ready names takes all their ranges.

    Raises
    ------
    UsageError
        If it is empty or malformed, or two inputs are the same.
    """
    if isinstance(option, str) or not isinstance(option, (Mapping, Sequence)) or not option:
        raise UsageError(
            "bad parameters of a battery",
            got=repr(option),
            expected="a mapping of names to [low, high], or a list of ready names",
            remedy=f"ready names are {', '.join(READY)}",
        )
    items = option.items() if isinstance(option, Mapping) else [(name, None) for name in option]
    inputs = tuple(_input(name, value) for name, value in items)
    for what, values in (
        ("short name", [i.name for i in inputs]),
        ("parameter", [i.pybamm for i in inputs]),
    ):
        repeated = next((v for v in values if values.count(v) > 1), None)
        if repeated is not None:
            raise UsageError(f"the same {what} twice among the parameters", got=f"'{repeated}'")
    return inputs


def as_option(inputs: Iterable[Input]) -> dict[str, Any]:
    """The option that `read_inputs` turns into these inputs, as plain JSON types."""
    return {i.pybamm: i.option() for i in inputs}


def _input(name: object, value: object) -> Input:
    if not isinstance(name, str):
        raise UsageError("bad name of a battery parameter", got=repr(name), expected="text")
    by_pybamm = {ready.pybamm: ready for ready in READY.values()}
    start = READY.get(name) or by_pybamm.get(name)
    given = dict(value) if isinstance(value, Mapping) else {"range": value}
    for key in given:
        if key not in _KEYS:
            raise unknown_name(f"key of the parameter '{name}'", key, _KEYS)
    if start is None and not re.search(r"[ \[]", name):
        raise UsageError(
            "unknown battery parameter",
            got=f"'{name}'",
            expected=f"PyBaMM's name of one, or a ready one of {', '.join(READY)}",
            remedy=did_you_mean(name, READY),
        )
    if start is not None and (value is None or "range" not in given or given["range"] is None):
        given["range"] = [start.low, start.high]
    low, high = _range(name, given.get("range"))
    start = start or Input(short_name(name), name, low, high)
    # A range given by PyBaMM's name is one of its values, unless it says otherwise.
    multiplies = given.get("multiplies", start.multiplies and (name in READY or value is None))
    log = given.get("log", start.log)
    short = given.get("name", start.name)
    for key, flag in (("multiplies", multiplies), ("log", log)):
        if not isinstance(flag, bool):
            raise UsageError(f"bad {key} of '{name}'", got=repr(flag), expected="true or false")
    if not isinstance(short, str) or not short.isidentifier():
        raise UsageError(
            f"bad short name of '{name}'", got=repr(short), expected="letters, digits and _"
        )
    label = start.label if multiplies == start.multiplies and short == start.name else ""
    return replace(
        start, name=short, low=low, high=high, multiplies=multiplies, log=log, label=label
    )


def _range(name: str, value: object) -> tuple[float, float]:
    is_pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    if not is_pair or not all(isinstance(v, Real) and not isinstance(v, bool) for v in value):
        raise UsageError(f"bad range of '{name}'", got=repr(value), expected="[low, high]")
    low, high = value
    return float(low), float(high)


_ABBREVIATIONS = (
    (r"\[.*\]", ""),
    (r"\bnegative\b", "n"),
    (r"\bpositive\b", "p"),
    (r"\bseparator\b", "s"),
    (r"\b(electrode|particle|of|in|the|a)\b", ""),
    (r"\bactive material volume fraction\b", "eps"),
    (r"\binitial concentration\b", "c0"),
    (r"\bmaximum concentration\b", "cmax"),
    (r"\bdiffusivity\b", "D"),
    (r"\bexchange-current density\b", "j0"),
    (r"\bconductivity\b", "kappa"),
    (r"\btemperature\b", "T"),
    (r"[^A-Za-z0-9]+", "_"),
)


def short_name(pybamm: str) -> str:
    """A short name for a parameter of PyBaMM.

    >>> short_name("Maximum concentration in negative electrode [mol.m-3]")
    'cmax_n'
    """
    text = pybamm[:1].lower() + pybamm[1:]
    for pattern, replacement in _ABBREVIATIONS:
        text = re.sub(pattern, replacement, text)
    return text.strip("_") or "parameter"


def _unit(pybamm: str) -> str:
    """The unit that PyBaMM writes in brackets: ``[m2.s-1]`` as ``m2 s-1``."""
    found = re.search(r"\[(.*)\]$", pybamm)
    return found[1].replace(".", " ") if found else ""
