"""Leaving out the start of a chain."""

from __future__ import annotations

from dataclasses import replace

from sbiwb.readers.base import Chain


def without_start(chain: Chain, burn_in: float | None) -> Chain:
    """Cut the start of a chain.

    Parameters
    ----------
    chain : Chain
    burn_in : float, optional
        A share of the rows, below 1, or a number of rows.
    """
    if not burn_in:
        return chain
    n = len(chain.values)
    kept = slice(int(burn_in * n) if burn_in < 1 else int(burn_in), None)
    return replace(
        chain,
        values=chain.values[kept],
        weight=None if chain.weight is None else chain.weight[kept],
        log_prob=None if chain.log_prob is None else chain.log_prob[kept],
    )


def said(burn_in: float) -> str:
    """`burn_in` in words."""
    return f"the first {burn_in:.0%} left out" if burn_in < 1 else f"{burn_in:.0f} rows left out"
