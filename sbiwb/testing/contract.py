"""The error of a broken contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sbiwb.errors import SbiwbError


class ContractError(SbiwbError, AssertionError):
    """A part of the workbench, or of a third party, that breaks the contract of its kind."""


def require(
    holds: object, subject: str, clause: str, *, got: object = None, expected: object = None
) -> None:
    """Raise `ContractError` naming `subject` and the broken `clause` unless it holds."""
    if not holds:
        raise ContractError(f"{subject}: {clause}", got=got, expected=expected)


@contextmanager
def must_not_raise(subject: str, action: str) -> Iterator[None]:
    """Turn any exception of the body into a `ContractError` that names the `action`."""
    try:
        yield
    except ContractError:
        raise
    except Exception as error:
        raise ContractError(
            f"{subject}: {action} raised {type(error).__name__}", got=error
        ) from error
