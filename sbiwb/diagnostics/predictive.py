"""Posterior predictive check: the observation beside data that the posterior predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Verdict
from sbiwb.diagnostics._grade import FAIL, WARN, check_levels
from sbiwb.diagnostics._observed import Words, judge_observation
from sbiwb.diagnostics._pool import Pool, exchangeable_p_value, observed_data, read_pool
from sbiwb.diagnostics._shrinkage import shrink
from sbiwb.diagnostics._strangest import serial_correlation

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "predictive"
WORDS = Words(
    like="the observation looks like data that the posterior predicts",
    unlike="the observation is unlike data that the posterior predicts",
    impossible="the observation cannot come from the posterior",
)


def predictive(
    observed: ArrayLike,
    replicated: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    warn: float = WARN,
    fail: float = FAIL,
) -> Verdict:
    """Compare the observation with data simulated from posterior draws.

    Discrepancies are ranked among those of the replicated data: the Mahalanobis distance from their
    mean, with a shrunk covariance; the largest deviation of any entry from its mean, and from what
    the other entries predict; and, for 20 entries or more, the correlation of neighbours.

    Parameters
    ----------
    observed : array, shape (*shape)
    replicated : array, shape (n, *shape)
        n ≥ 100 data, each simulated from another posterior draw.
    names : sequence of str, optional
        Names of the flattened entries, for messages.
    warn, fail : float
        p-values below which the outcome is WARN and FAIL.

    Returns
    -------
    Verdict
        Its curve holds, per flattened entry, the observation, the median, the 68 % and 95 %
        intervals and the two-sided tail probability (see `sbiwb.diagnostics._pool.Pool.curve`).
        UNKNOWN if there are too few data or all are the same.

    Raises
    ------
    DataError
        If shapes disagree, arrays are not numeric, or the observation is not finite.
    UsageError
        If a level is wrong.

    Notes
    -----
    The posterior has seen the observation, so p-values of a right model pile up near ½ and a FAIL
    is rarer than `fail` (Meng 1994, doi:10.1214/aos/1176325622): a failure is serious, a pass is
    weak evidence.  The p-value cannot be less than 1 / (n + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from sbiwb.diagnostics.predictive import predictive
    >>> replicated = np.random.default_rng(1).normal(size=(500, 3))
    >>> str(predictive(np.array([0.1, -0.5, 8.0]), replicated).outcome)
    'fail'
    """
    check_levels(warn, fail)
    pool = read_pool(observed, replicated, names)
    return judge_observation(NAME, pool, _p_value, np.asarray, WORDS, warn=warn, fail=fail)


def check(result: Result) -> list[Verdict]:
    """Judge the posterior predictive data of a result; nothing if it has none."""
    if "posterior_predictive" not in result.tree.children:
        return []
    x = result.tree["posterior_predictive"]["x"].transpose("chain", "draw", ...).values
    seen, names = observed_data(result)
    return [predictive(seen, x.reshape(-1, *seen.shape), names=names)]


def _p_value(pool: Pool) -> float:
    together = pool.together
    shrunk = shrink(together)
    distance: Array = np.sum(shrunk.whitened**2, axis=1)
    deviation = np.abs(shrunk.z).max(axis=1)
    scores = [distance, deviation, np.abs(shrunk.surprise(together)).max(axis=1)]
    if (serial := serial_correlation(shrunk.z)) is not None:
        scores.append(serial)
    return exchangeable_p_value(*scores)
