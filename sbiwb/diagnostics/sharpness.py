"""How much narrower posteriors are than the prior: what coverage alone does not say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import moments, read_calibration, recorded

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "sharpness"
DULL = 0.95
"""Posterior widths over the prior's from which on nothing was learned."""


def sharpness(
    theta: ArrayLike, samples: ArrayLike, *, names: Sequence[str] | None = None
) -> Verdict:
    """Compare the width of posteriors with that of the prior.

    Of two posteriors that are both calibrated, the sharper one is better, and the prior itself is
    calibrated perfectly.

    Parameters
    ----------
    theta : array, shape (N, d)
        True parameters of N ≥ 50 simulations, drawn from the prior.
    samples : array, shape (L, N, d)
        L ≥ 20 independent draws from the posterior of each.
    names : sequence of str, optional
        Parameter names.

    Returns
    -------
    Verdict
        UNKNOWN if no parameter's posteriors are narrower than the prior: right coverage then says
        nothing.  The `statistic` is the geometric mean over parameters of the ``ratio`` in the
        curve: root-mean-square standard deviation of the draws, over that of the truths.  ``low``
        and ``high`` are 16 % and 84 % of the simulations, ``parameter`` counts from 0.

    Raises
    ------
    DataError
        If shapes disagree or the arrays are not numeric.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> rng = np.random.default_rng(2)
    >>> theta = rng.normal(size=(500, 1))
    >>> x = theta + rng.normal(size=(500, 1))
    >>> samples = x / 2 + np.sqrt(0.5) * rng.normal(size=(100, 500, 1))
    >>> print(sbiwb.sharpness(theta, samples, names=["a"]).message)
    posteriors of 'a' are 0.7 times as wide as the prior
    """
    calibration = read_calibration(theta, samples, None, names).varying()
    if calibration.refused is not None:
        return calibration.refusal(NAME)
    sd = moments(calibration.samples)[1] / calibration.theta.std(axis=0)
    ratio = np.sqrt(np.mean(sd**2, axis=0))
    low, high = np.quantile(sd, [0.16, 0.84], axis=0)
    curve = {"parameter": np.arange(len(ratio)), "ratio": ratio, "low": low, "high": high}
    mean = float(np.exp(np.mean(np.log(np.maximum(ratio, 1e-300)))))
    sharpest, dullest = int(np.argmin(ratio)), int(np.argmax(ratio))
    outcome = calibration.at_best
    if ratio[sharpest] > DULL:
        message = "cannot tell: posteriors are as wide as the prior, whose coverage is always right"
        outcome = max(outcome, Outcome.UNKNOWN, key=list(Outcome).index)
    else:
        message = (
            f"posteriors of '{calibration.names[sharpest]}' are {ratio[sharpest]:.2g} times as "
            "wide as the prior"
        )
        if dullest != sharpest:
            message += f", of '{calibration.names[dullest]}' {ratio[dullest]:.2g} times"
    return Verdict(NAME, outcome, calibration.noted(message), mean, DULL, curve=curve)


def check(result: Result) -> list[Verdict]:
    """Compare widths in the calibration set of a result; nothing if it has none over the prior."""
    found = recorded(result)
    if found is None or found.is_local:
        return []
    return [sharpness(found.theta, found.samples, names=found.names)]
