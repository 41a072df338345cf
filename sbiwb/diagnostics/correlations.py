"""Ranks of products of two parameters: whether draws are correlated as the truth is.

Products are test quantities that depend on the data (Modrák et al. 2023, arXiv:2211.02383).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import CalibrationSet, read_calibration, recorded
from sbiwb.diagnostics._grade import FAIL, WARN, check_levels, judged, worse
from sbiwb.diagnostics._pooled import pools
from sbiwb.diagnostics._ranks import TIES_TOLERATED, Ranks, smooth_p_values, spread
from sbiwb.rng import stream

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "correlations"

# Products handled at most, so that many parameters cost seconds: beyond, fewer draws are ranked.
_MOST = 10**8
_FEWEST_DRAWS = 50
_CACHED = 2**15
"""Simulations × draws handled at a time: products then stay in the cache."""


def correlations(
    theta: ArrayLike,
    samples: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
    warn: float = WARN,
    fail: float = FAIL,
) -> Verdict:
    """Test whether each pair of parameters is correlated in the draws as in the truth.

    The quantity ranked is (θ_a − m_a)(θ_b − m_b), with m the mean of draws and truth of one
    simulation.  Ranks of single parameters are uniform however wrong the correlations are.

    Parameters
    ----------
    theta : array, shape (N, d)
        True parameters of N ≥ 50 simulations, drawn from the prior.
    samples : array, shape (L, N, d)
        L ≥ 20 independent draws from the posterior of each.
    names : sequence of str, optional
        Parameter names for messages.
    seed : int
        Breaks ties.
    warn, fail : float
        p-values below which the outcome is WARN and FAIL.

    Returns
    -------
    Verdict
        Of the pair that departs most; the p-value is Bonferroni-corrected for the number of pairs.
        Its curve has the columns of `sbiwb.sbc`.  UNKNOWN if there are fewer than two parameters,
        too few simulations or draws, a constant parameter, or too many ties.

    Raises
    ------
    DataError
        If shapes disagree or the arrays are not numeric.
    UsageError
        If a level or the seed is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> rng = np.random.default_rng(1)
    >>> theta = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=500)
    >>> independent = rng.normal(size=(100, 500, 2))
    >>> print(sbiwb.correlations(theta, independent, names=["a", "b"]).message)
    'a' and 'b' are correlated by 0.78 about the draws, and by -0.01 among them (p < 1e-12)
    """
    check_levels(warn, fail)
    calibration = read_calibration(theta, samples, None, names).varying()
    if calibration.refused is not None:
        return calibration.refusal(NAME)
    pairs = list(combinations(range(len(calibration.names)), 2))
    if not pairs:
        message = "cannot tell: a single parameter has no correlations"
        return Verdict(NAME, Outcome.UNKNOWN, calibration.noted(message))
    less, ties, drawn = _counts(calibration, pairs)
    u = spread(less, ties, drawn, stream(seed, NAME))
    p_values = smooth_p_values(u)
    worst = int(np.argmin(p_values))
    p_value = min(1.0, len(pairs) * float(p_values[worst]))
    ranks = Ranks(u[worst], drawn, float(np.mean(ties[worst] > 0)))
    points, below, low, high = ranks.curve(1 - warn / len(pairs))
    message, at_best = _sentence(calibration, pairs[worst], ranks, p_value < warn)
    return judged(
        NAME,
        p_value,
        message,
        {"u": points, "difference": below - points, "low": low - points, "high": high - points},
        warn=warn,
        fail=fail,
        at_best=at_best,
    )


def check(result: Result) -> list[Verdict]:
    """Judge the calibration set of a result; nothing without one, or with one parameter."""
    found = recorded(result)
    if found is None or len(found.names) < 2:
        return []
    return found.placed(
        correlations(found.theta, found.samples, names=found.names, seed=result.seed)
    )


def _counts(
    calibration: CalibrationSet, pairs: list[tuple[int, int]]
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Draws below and equal to the truth (pairs, N), and the number of draws ranked."""
    n, length = len(calibration.theta), len(calibration.samples)
    drawn = min(length, max(_FEWEST_DRAWS, _MOST // (len(pairs) * n)))
    less = np.zeros((len(pairs), n), dtype=np.intp)
    ties = np.zeros_like(less)
    for which, z in pools(calibration.theta, calibration.samples[:drawn], _CACHED):
        columns = np.ascontiguousarray(z.transpose(2, 1, 0), dtype=np.float32)
        tied = (columns[:, 1:] == columns[:, :1]).any(axis=(1, 2))
        for row, (a, b) in enumerate(pairs):
            product = columns[a] * columns[b]
            less[row, which] = np.count_nonzero(product[1:] < product[0], axis=0)
            if tied[a] or tied[b]:
                ties[row, which] = np.count_nonzero(product[1:] == product[0], axis=0)
    return less, ties, drawn


def _sentence(
    calibration: CalibrationSet, pair: tuple[int, int], ranks: Ranks, departs: bool
) -> tuple[str, Outcome]:
    """What to say, and the best outcome that can be given."""
    at_best = calibration.at_best
    if departs:
        first, second = (calibration.names[k] for k in pair)
        truth, draws = _average(calibration, pair)
        message = (
            f"'{first}' and '{second}' are correlated by {truth:.2f} about the draws, and by "
            f"{draws:.2f} among them"
        )
        if abs(truth - draws) < 0.05:
            message = f"'{first}' and '{second}' depend on each other otherwise than their draws do"
    elif ranks.tied > TIES_TOLERATED:
        at_best = worse(at_best, Outcome.UNKNOWN)
        message = f"cannot tell: in {ranks.tied:.0%} of the simulations a draw ties with the truth"
    else:
        message = (
            "parameters are correlated in the draws as in the truth, within chance over "
            f"{len(ranks.u)} simulations of {ranks.draws} draws"
        )
    return calibration.noted(message), at_best


def _average(calibration: CalibrationSet, pair: tuple[int, int]) -> tuple[float, float]:
    """Correlation of the truths about the draws, and of the draws, over all simulations."""
    columns = list(pair)
    truth: list[Array] = []
    draws: list[Array] = []
    for _, z in pools(calibration.theta[:, columns], calibration.samples[..., columns]):
        truth.append(z[:, 0])
        draws.append(z[:, 1:].prod(axis=2).mean(axis=1))
    a, b = np.concatenate(truth).T
    scale = np.sqrt(np.mean(a**2) * np.mean(b**2))
    return float(np.mean(a * b) / scale), float(np.mean(np.concatenate(draws)))
