"""What is done to the cell: a current over time, and the times at which the voltage is read.

Currents are positive in discharge, as in PyBaMM.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError, UsageError, unknown_name

SWITCHING = 1e-2
"""Seconds in which a step of the current is made, as a ramp: short against anything a cell does,
long enough for the solver to start again at either end."""

_KEYS = {
    "constant_current": {"c_rate"},
    "pulse": {"c_rate", "rest", "duration", "relaxation"},
    "steps": {"c_rates", "durations"},
    "profile": {"file", "time", "current"},
}


@dataclass(frozen=True)
class Protocol:
    """A current over time, linear between its knots.

    Parameters
    ----------
    time : ndarray, shape (m,)
        Knots in s, from 0; beyond the last the current stays.
    current : ndarray, shape (m,)
        In A if `absolute`, else as C-rate: multiples of the cell's nominal capacity per hour.
    absolute : bool
    option : dict
        The option that gives this protocol again, as plain JSON types.
    """

    time: Array
    current: Array
    absolute: bool
    option: dict[str, Any]

    @property
    def constant(self) -> bool:
        """Whether the current never changes."""
        return len(self.time) == 1

    def amperes(self, capacity: float) -> Array:
        """Current at the knots in A, for a cell of `capacity` A h."""
        return self.current if self.absolute else self.current * capacity


def read_protocol(option: Mapping[str, Any]) -> Protocol:
    """Read the option `protocol`.

    Parameters
    ----------
    option : mapping
        ``type`` and, for ``constant_current``: ``c_rate``; for ``pulse``: ``rest`` (s, before),
        ``c_rate``, ``duration`` (s) and ``relaxation`` (s, after); for ``steps``: ``c_rates`` and
        ``durations`` (s); for ``profile``: ``time`` (s) and ``current`` (A), or a CSV ``file``
        whose header names them ``time_s`` and ``current_A``.

    Raises
    ------
    UsageError
        If keys are unknown or missing, or numbers do not make a protocol.
    DataError
        If the file cannot be used.
    """
    if not isinstance(option, Mapping):
        raise UsageError("bad protocol", got=repr(option), expected="a mapping with a 'type'")
    kind = option.get("type")
    if kind not in _KEYS:
        raise unknown_name("type of protocol", str(kind), _KEYS)
    for key in option:
        if key not in {"type", *_KEYS[kind]}:
            raise unknown_name(f"key of the protocol '{kind}'", str(key), {"type", *_KEYS[kind]})
    if kind == "profile":
        return _profile(option)
    if missing := sorted(_KEYS[kind] - set(option)):
        raise UsageError(f"the protocol '{kind}' lacks keys", expected=", ".join(missing))
    numbers = {
        key: numbers_of(f"{key} of the protocol", option[key]).tolist() for key in _KEYS[kind]
    }
    plain = {"type": kind, **{k: numbers[k] if k.endswith("s") else numbers[k][0] for k in numbers}}
    if kind == "constant_current":
        return Protocol(np.zeros(1), np.array(numbers["c_rate"][:1]), False, plain)
    if kind == "pulse":
        rates = [0.0, numbers["c_rate"][0], 0.0]
        durations = [numbers[key][0] for key in ("rest", "duration", "relaxation")]
    else:
        rates, durations = numbers["c_rates"], numbers["durations"]
    if len(rates) != len(durations) or min(durations) <= 2 * SWITCHING:
        raise UsageError(
            f"the protocol '{kind}' has bad steps",
            got=f"C-rates {rates}, durations {durations} s",
            expected=f"equally many, durations above {2 * SWITCHING} s",
        )
    ends = np.cumsum(durations)[:-1]
    time = np.concatenate([[0.0], np.stack([ends, ends + SWITCHING], axis=1).ravel()])
    return Protocol(time, np.repeat(rates, 2)[:-1], False, plain)


def read_times(option: Mapping[str, Any] | Sequence[float]) -> Array:
    """Read the option `times`: times in s, or ``{first, last, number}`` for evenly spaced ones.

    Raises
    ------
    UsageError
        If they are not at least two increasing times from 0 on.
    """
    if isinstance(option, Mapping):
        keys = {"first", "last", "number"}
        for key in option:
            if key not in keys:
                raise unknown_name("key of times", str(key), keys)
        if missing := sorted(keys - set(option)):
            raise UsageError("times lack keys", expected=", ".join(missing))
        ends = numbers_of("first and last of times", [option["first"], option["last"]])
        number = option["number"]
        if isinstance(number, bool) or not isinstance(number, int) or number < 2:
            raise UsageError("bad number of times", got=repr(number), expected="2 or more")
        times = np.linspace(*ends, number)
    else:
        times = numbers_of("times", option)
    if len(times) < 2 or times[0] < 0 or np.any(np.diff(times) <= 0):
        raise UsageError(
            "bad times", got=times.tolist(), expected="two or more, from 0 on and increasing"
        )
    return times


def numbers_of(what: str, value: object) -> Array:
    """A number or a sequence of them as float64 array, or `UsageError`; shape (k,), k ≥ 1."""
    try:
        array = np.atleast_1d(np.asarray(value))
    except ValueError:  # rows of different lengths
        array = np.array([[]])
    if array.ndim != 1 or not array.size or array.dtype.kind not in "fiu":
        raise UsageError(f"bad {what}", got=repr(value), expected="numbers")
    array = array.astype(np.float64)
    if not np.all(np.isfinite(array)):
        raise UsageError(f"bad {what}", got=repr(value), expected="finite numbers")
    return array


def _profile(option: Mapping[str, Any]) -> Protocol:
    if ("file" in option) == ("time" in option or "current" in option):
        raise UsageError(
            "a profile needs either a file or arrays",
            got=", ".join(option),
            expected="'file', or 'time' and 'current'",
        )
    if "file" in option:
        columns = read_columns(Path(option["file"]), ("time_s", "current_A"))
        time, current = columns["time_s"], columns["current_A"]
    else:
        time = numbers_of("time of the profile", option.get("time"))
        current = numbers_of("current of the profile", option.get("current"))
    if len(time) != len(current) or len(time) < 2 or time[0] != 0 or np.any(np.diff(time) <= 0):
        raise UsageError(
            "the current profile has bad times",
            got=f"{len(time)} times from {time[0]:g} s, {len(current)} currents",
            expected="equally many, two or more, from 0 on and increasing",
        )
    # The numbers, not the file's name: workers elsewhere rebuild the same, whatever becomes of it.
    plain = {"type": "profile", "time": time.tolist(), "current": current.tolist()}
    return Protocol(time, current, True, plain)


def read_columns(path: Path | Any, names: Sequence[str]) -> dict[str, Array]:
    """Columns of a CSV with a header; ``#`` starts a comment.

    Raises
    ------
    DataError
        If it cannot be read, lacks a column, or holds something else than finite numbers.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{os.fspath(path)} cannot be read", got=error) from error
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    reader = csv.DictReader(lines, skipinitialspace=True)
    rows = list(reader)
    for name in names:
        if name not in (reader.fieldnames or ()):
            raise DataError(
                f"{path} lacks the column '{name}'", got=", ".join(reader.fieldnames or ("none",))
            )
    try:
        columns = {name: np.array([float(row[name]) for row in rows]) for name in names}
    except (TypeError, ValueError) as error:
        raise DataError(f"{path} holds something that is not a number", got=error) from error
    if not rows or any(not np.all(np.isfinite(column)) for column in columns.values()):
        raise DataError(f"{path} holds no numbers, or infinite ones", expected="finite numbers")
    return columns
