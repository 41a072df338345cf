"""Errors that say what was got, what was expected and what to type.

Every error a user can cause is a `SbiwbError`: it prints as one line and carries the exit code
that the command line returns.  Codes follow ``sysexits.h`` where it has one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SbiwbError(Exception):
    """An error that a user can act on.

    Parameters
    ----------
    what : str
        What went wrong, as a short sentence without a full stop.
    got, expected : object, optional
        The offending value and the description of a valid one.
    remedy : str, optional
        What to type or do next.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        got: object = None,
        expected: object = None,
        remedy: str | None = None,
    ) -> None:
        self.what, self.got, self.expected, self.remedy = what, got, expected, remedy
        parts = [_one_line(what)]
        if got is not None:
            parts.append(f"got {_one_line(got)}")
        if expected is not None:
            parts.append(f"expected {_one_line(expected)}")
        if remedy is not None:
            parts.append(_one_line(remedy))
        super().__init__("; ".join(parts))

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process boundaries, where keyword-only arguments need this to be rebuilt.
        # Only text crosses: the offending value may be something that cannot be pickled.
        values = {"got": self.got, "expected": self.expected, "remedy": self.remedy}
        state = {k: None if v is None else _one_line(v) for k, v in values.items()}
        return _rebuild, (type(self), self.what, state)


class UsageError(SbiwbError):
    """A name, option or key that does not exist or does not apply here."""

    exit_code = 2


class DataError(SbiwbError):
    """Input data (an observation, a covariance, a file) that cannot be used."""

    exit_code = 65


class SimulationError(SbiwbError):
    """A simulator that breaks its contract or fails too often."""

    exit_code = 70


class InferenceError(SbiwbError):
    """A method that could not produce a posterior in bounded time."""

    exit_code = 70


class StoreError(SbiwbError):
    """The disk refused a write, or stored files contradict each other."""

    exit_code = 74


class BusyError(SbiwbError):
    """Another process holds the run directory."""

    exit_code = 75


def did_you_mean(name: str, valid: Iterable[str]) -> str | None:
    """Return ``"did you mean 'npe'?"`` for the valid name nearest to `name`, or None."""
    by_folded = {v.casefold(): v for v in valid}
    close = difflib.get_close_matches(str(name).casefold(), by_folded, n=1, cutoff=0.5)
    return f"did you mean '{by_folded[close[0]]}'?" if close else None


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> UsageError:
    """Build the error for an unknown `kind` (method, option, …) called `name`."""
    names = sorted(valid)
    return UsageError(
        f"unknown {kind}",
        got=f"'{name}'",
        expected="one of " + ", ".join(names) if names else f"no {kind} at all",
        remedy=did_you_mean(name, names),
    )


def _one_line(value: object) -> str:
    return " ".join(str(value).split())


def _rebuild(kind: type[SbiwbError], what: str, state: dict[str, object]) -> SbiwbError:
    return kind(what, **state)  # type: ignore[arg-type]
