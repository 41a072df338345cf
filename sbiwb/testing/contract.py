"""The error of a broken contract."""

from __future__ import annotations

from sbiwb.errors import SbiwbError


class ContractError(SbiwbError, AssertionError):
    """A simulator, sampler, estimator or diagnostic that breaks its contract."""


def require(
    holds: bool, subject: str, clause: str, *, got: object = None, expected: object = None
) -> None:
    """Raise `ContractError` naming `subject` and the broken `clause` unless it holds."""
    if not holds:
        raise ContractError(f"{subject}: {clause}", got=got, expected=expected)
