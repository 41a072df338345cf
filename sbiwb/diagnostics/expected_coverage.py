"""Expected coverage: how often credible regions around the densest draws hold the truth.

Hermans et al. 2022, arXiv:2110.06581; Modrák et al. 2023, arXiv:2211.02383.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import (
    CalibrationSet,
    moments,
    read_calibration,
    read_density,
    recorded,
)
from sbiwb.diagnostics._grade import FAIL, WARN, check_levels, judged, worse
from sbiwb.diagnostics._misfit import describe_misfit
from sbiwb.diagnostics._pooled import ellipsoid_distances
from sbiwb.diagnostics._ranks import TIES_TOLERATED, Ranks, rank
from sbiwb.rng import stream

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "expected_coverage"


def expected_coverage(
    theta: ArrayLike,
    samples: ArrayLike,
    *,
    log_prob_theta: ArrayLike | None = None,
    log_prob_samples: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
    warn: float = WARN,
    fail: float = FAIL,
) -> Verdict:
    """Test whether regions of highest density hold the truth as often as they say.

    For simulation i, f_i is the share of draws with a higher posterior density than the true
    parameters have: the credibility of the smallest region of highest density that holds the truth.
    If the draws are exact, f_i is uniform.

    Parameters
    ----------
    theta : array, shape (N, d)
        True parameters of N ≥ 50 simulations, drawn from the prior.
    samples : array, shape (L, N, d)
        L ≥ 20 independent draws from the posterior of each.
    log_prob_theta : array, shape (N,), optional
        Log density of each posterior at the truth, up to a constant of its own.
    log_prob_samples : array, shape (L, N), optional
        The same at the draws, or at the first l of them.  Without densities, regions are
        ellipsoids: those of the Gaussian with the mean and covariance of the draws.
    names : sequence of str, optional
        Parameter names for messages.
    seed : int
        Breaks ties.
    warn, fail : float
        p-values below which the outcome is WARN and FAIL.

    Returns
    -------
    Verdict
        Its curve has the credibility `alpha`, the expected coverage `ecp`, and a band, `low` to
        `high`, that contains the whole curve with probability 1 − `warn` if the draws are exact.
        UNKNOWN if there are too few simulations or draws, a parameter is constant, or too many
        draws tie with the truth.

    Raises
    ------
    DataError
        If shapes disagree or the arrays are not numeric.
    UsageError
        If a level or the seed is wrong, or only one of the log densities is given.

    Notes
    -----
    Regions of highest density see a wrong width, above all in many parameters, and densities that
    neglect the data.  A posterior that is displaced to either side by little keeps its coverage.

    The moments behind the ellipsoids are those of draws and truth together.  Truth and draws then
    enter alike, and the rank of the truth is uniform however few the draws.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> rng = np.random.default_rng(1)
    >>> theta = rng.normal(size=(500, 3))
    >>> x = theta + rng.normal(size=(500, 3))
    >>> narrow = x / 2 + 0.8 * np.sqrt(0.5) * rng.normal(size=(200, 500, 3))
    >>> str(sbiwb.expected_coverage(theta, narrow).outcome)
    'fail'
    """
    check_levels(warn, fail)
    given = read_calibration(theta, samples, None, names)
    density = read_density(given, log_prob_theta, log_prob_samples)
    calibration = given.varying()
    if calibration.refused is not None:
        return calibration.refusal(NAME)
    ranks = rank(*_farther(calibration, density), stream(seed, NAME))
    p_value = ranks.p_value
    alpha, ecp, low, high = ranks.curve(1 - warn)
    message, at_best = _sentence(calibration, ranks, density is not None, p_value < warn)
    return judged(
        NAME,
        p_value,
        message,
        {"alpha": alpha, "ecp": ecp, "low": low, "high": high},
        warn=warn,
        fail=fail,
        at_best=at_best,
    )


def check(result: Result) -> list[Verdict]:
    """Judge the calibration set of a result; nothing if it has none."""
    found = recorded(result)
    if found is None:
        return []
    return found.placed(
        expected_coverage(
            found.theta,
            found.samples,
            log_prob_theta=found.log_prob_theta,
            log_prob_samples=found.log_prob_samples,
            names=found.names,
            seed=result.seed,
        )
    )


def _farther(
    calibration: CalibrationSet, density: tuple[Array, Array] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Draws that lie deeper within the posterior than the truth, as deep, and how many in all."""
    if density is not None:
        truth, draws = density
    else:
        truth, draws = ellipsoid_distances(calibration.theta, calibration.samples)
        truth, draws = -truth, -draws
    deeper, level = draws > truth, draws == truth
    return np.count_nonzero(deeper, axis=0), np.count_nonzero(level, axis=0), len(draws)


def _sentence(
    calibration: CalibrationSet, ranks: Ranks, by_density: bool, departs: bool
) -> tuple[str, Outcome]:
    """What to say, and the best outcome that can be given."""
    at_best = calibration.at_best
    regions = "regions of highest density" if by_density else "ellipsoids around the draws"
    if departs:
        message = describe_misfit(
            calibration.theta, *moments(calibration.samples), ranks.draws, calibration.names
        ) or _holding(regions, ranks)
    elif ranks.tied > TIES_TOLERATED:
        at_best = worse(at_best, Outcome.UNKNOWN)
        message = f"cannot tell: in {ranks.tied:.0%} of the simulations a draw ties with the truth"
    else:
        message = (
            f"{regions} hold the truth as often as they say within chance over {len(ranks.u)} "
            f"simulations of {ranks.draws} draws"
        )
    return calibration.noted(message), at_best


def _holding(regions: str, ranks: Ranks) -> str:
    """The sentence where means and widths are right on average, yet regions are not."""
    alpha, ecp, _, _ = ranks.curve(0.5)
    worst = int(np.argmax(np.abs(ecp - alpha)))
    return (
        f"{regions} of {alpha[worst]:.0%} credibility hold the truth in {ecp[worst]:.0%} of the "
        "simulations"
    )
