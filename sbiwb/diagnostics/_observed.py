"""The verdict on one observation among simulated data, whatever the data were simulated from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Verdict
from sbiwb.diagnostics._grade import judged
from sbiwb.diagnostics._pool import Pool
from sbiwb.diagnostics._strangest import strangest_entry


@dataclass(frozen=True)
class Words:
    """What a check says of an observation: like the others, unlike them, or impossible."""

    like: str
    unlike: str
    impossible: str


def judge_observation(
    name: str,
    pool: Pool,
    p_value: Callable[[Pool], float],
    transform: Callable[[Array], Array],
    words: Words,
    *,
    warn: float,
    fail: float,
) -> Verdict:
    """Judge the observation of a pool, and name the entry that is to blame.

    Parameters
    ----------
    name : str
        Of the verdict.
    pool : Pool
    p_value : callable
        From the pool to the p-value of its observation; not called if an entry contradicts all
        simulated data, which is as strange as can be.
    transform : callable
        From data (n, m) to features of the same shape in which correlations are taken.
    words : Words
    warn, fail : float
        p-values below which the outcome is WARN and FAIL.
    """
    if pool.refused is not None:
        return pool.refusal(name)
    message, entry = words.like, None
    if pool.contradicted is not None:
        p = 1 / (len(pool.simulated) + 1)
        message = f"{words.impossible}: {pool.contradicted}"
    else:
        p = p_value(pool)
        if p < warn:
            text, entry = strangest_entry(pool, transform)
            message = f"{words.unlike}: {text}"
    return judged(
        name,
        p,
        pool.noted(message),
        pool.curve(entry),
        warn=warn,
        fail=fail,
        at_best=pool.at_best,
    )
