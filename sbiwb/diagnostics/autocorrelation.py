"""How long chains remember: their length in integrated autocorrelation times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import numeric, parameter_names
from sbiwb.errors import DataError
from sbiwb.samplers._autocorrelation import integrated_time

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "autocorrelation"
LONG, SHORT = 50.0, 10.0
"""Lengths, in autocorrelation times, from which the time itself is known, and below which it is
not (Sokal 1996; Foreman-Mackey et al. 2013, arXiv:1202.3665, advise some tens)."""
FEWEST = 20


def autocorrelation(chains: ArrayLike, *, names: Sequence[str] | None = None) -> Verdict:
    """Judge chains by their length in autocorrelation times of the slowest parameter.

    Parameters
    ----------
    chains : array, shape (chain, draw, d)
        In the order in which they were drawn, burn-in left out.
    names : sequence of str, optional
        Parameter names.

    Returns
    -------
    Verdict
        PASS from 50 autocorrelation times a chain, WARN from 10, FAIL below.  The statistic is the
        length in these times.  UNKNOWN if a parameter never moves or chains are shorter than 20
        draws.  Its curve holds the time of each parameter, in draws.

    Raises
    ------
    DataError
        If the chains have the wrong shape or are not numeric.

    Notes
    -----
    The mean is that of all chains, so that chains which are stuck in different places look as long
    as they are: see `sbiwb.samplers._autocorrelation.integrated_time`.

    Examples
    --------
    >>> import numpy as np
    >>> from sbiwb.diagnostics.autocorrelation import autocorrelation
    >>> steps = np.random.default_rng(1).normal(size=(4, 1000, 1))
    >>> str(autocorrelation(steps).outcome), str(autocorrelation(steps.cumsum(axis=1)).outcome)
    ('pass', 'fail')
    """
    draws = np.asarray(numeric("chains", chains), dtype=np.float64)
    if draws.ndim != 3 or draws.shape[2] == 0:
        raise DataError("chains have the wrong shape", got=draws.shape, expected="(chain, draw, d)")
    length, d = draws.shape[1:]
    called = parameter_names(names, d)
    still = [name for k, name in enumerate(called) if np.ptp(draws[..., k]) == 0]
    why = (
        f"only {length} draws a chain"
        if length < FEWEST
        else "draws are not finite"
        if not np.isfinite(draws).all()
        else f"'{still[0]}' never moved"
        if still
        else None
    )
    if why is not None:
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: {why}")
    times = integrated_time(np.swapaxes(draws, 0, 1))
    worst = int(np.argmax(times))
    value = length / float(times[worst])
    outcome = Outcome.PASS if value >= LONG else Outcome.WARN if value >= SHORT else Outcome.FAIL
    message = (
        f"each chain is {value:.0f} autocorrelation times long, in '{called[worst]}' "
        f"({times[worst]:.2g} draws)"
    )
    if outcome is not Outcome.PASS:
        message = f"{message}: too short to know where it went; run it longer"
    curve = {"parameter": np.arange(float(d)).tolist(), "time": times.tolist()}
    return Verdict(NAME, outcome, message, value, LONG, curve=curve)


def check(result: Result) -> list[Verdict]:
    """Judge the chains of a result, unless its sampler measured them itself or made none."""
    from sbiwb.result import to_array

    stats = result.provenance.get("stats", {})
    if int(result.tree.attrs["independent"]) or "ess" in stats or "autocorrelation_time" in stats:
        return []
    return [autocorrelation(to_array(result.posterior, result.names), names=result.names)]
