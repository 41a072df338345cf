"""Local classifier test: whether truth can be told from draws near the observation.

After Linhart, Gramfort & Rodrigues 2023, arXiv:2306.03580.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import (
    MIN_DRAWS,
    MIN_SIMULATIONS,
    CalibrationSet,
    numeric,
    read_calibration,
    recorded,
)
from sbiwb.diagnostics._classifier import Feature, Told, features, tell, values
from sbiwb.diagnostics._grade import FAIL, WARN, check_levels, judged, worse
from sbiwb.diagnostics._neighbours import nearest
from sbiwb.diagnostics._pooled import pools
from sbiwb.diagnostics._ranks import TIES_TOLERATED
from sbiwb.errors import DataError, UsageError
from sbiwb.rng import stream

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "lc2st"
PERMUTATIONS = 1999
NEAR = 0.25
"""Share of the simulations that count as near the observation."""

_DRAWS = 20
"""Of each simulation: more add little to one truth."""
_OWN = 1000
_CURVE = 200


def lc2st(
    theta: ArrayLike,
    samples: ArrayLike,
    draws: ArrayLike,
    x: ArrayLike | None = None,
    observed: ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
    warn: float = WARN,
    fail: float = FAIL,
) -> Verdict:
    """Test whether the posterior is right at one observation.

    A classifier learns to tell true parameters from draws on the simulations that are most like the
    observation.  Applied to the draws of the observation's own posterior, it should be undecided.

    Parameters
    ----------
    theta : array, shape (N, d)
        True parameters of N ≥ 50 simulations, drawn from the prior.
    samples : array, shape (L, N, d)
        L ≥ 20 independent draws from the posterior of each.
    draws : array, shape (M, d)
        M ≥ 20 independent draws from the posterior of the observation.
    x, observed : array, shapes (N, ...) and (...), optional
        The simulated data and the observation.  Without them, simulations are like the observation
        if their posteriors are where its posterior is.
    names : sequence of str, optional
        Parameter names for messages.
    seed : int
        Of the permutations.
    warn, fail : float
        p-values below which the outcome is WARN and FAIL.

    Returns
    -------
    Verdict
        Its curve is the sorted ``probability`` that the classifier gives each of up to 200 draws to
        be a truth, above ``share``, the share of draws with less.  UNKNOWN if there are too few
        simulations or draws, a parameter is constant, or too many draws
        tie with the truth.

    Raises
    ------
    DataError
        If shapes disagree, arrays are not numeric, or draws of the observation are not finite.
    UsageError
        If a level or the seed is wrong, or only one of `x` and `observed` is given.

    Notes
    -----
    The classifier is linear in deviations from the mean of the draws, their squares and, for up to
    8 parameters, products, in standard deviations of the draws.  Its statistic is the mean square
    of its score over the draws of the observation.  The p-value is that of a permutation test with
    1,999 permutations: under an exact posterior, each of the draws of a simulation may stand for
    its truth.  It is exact, and at least 1 / 2000.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> rng = np.random.default_rng(2)
    >>> theta = rng.normal(size=(500, 1))
    >>> x = theta + rng.normal(size=(500, 1))
    >>> sd = np.sqrt(0.5) * np.where(x > 0, 0.5, 1.0)  # too narrow on one side only
    >>> samples = x / 2 + sd * rng.normal(size=(100, 500, 1))
    >>> for seen in (-2.0, 2.0):
    ...     scale = np.sqrt(0.5) * (0.5 if seen > 0 else 1.0)
    ...     draws = seen / 2 + scale * rng.normal(size=(100, 1))
    ...     print(seen, sbiwb.lc2st(theta, samples, draws, x, [seen]).outcome)
    -2.0 pass
    2.0 fail
    """
    check_levels(warn, fail)
    given = read_calibration(theta, samples, x, names)
    seen = _read_observed(x, observed)
    own = _read_draws(given, draws)
    calibration = given.varying()
    if calibration.refused is not None:
        return calibration.refusal(NAME)
    own = own[:, [given.names.index(name) for name in calibration.names]]
    if len(own) < MIN_DRAWS or np.any(np.ptp(own, axis=0) == 0):
        message = f"cannot tell: needs at least {MIN_DRAWS} different draws at the observation"
        return Verdict(NAME, Outcome.UNKNOWN, calibration.noted(message))
    near = _near(calibration, own, seen)
    chosen = features(len(calibration.names))
    told = tell(
        _training(calibration, near, chosen),
        values(_standardised(own)[np.newaxis], chosen)[0],
        PERMUTATIONS,
        stream(seed, NAME),
    )
    at_best, tied = calibration.at_best, _tied(calibration, near)
    if told.p_value < warn:
        message = _what(told, chosen, calibration.names)
    elif tied > TIES_TOLERATED:
        at_best = worse(at_best, Outcome.UNKNOWN)
        message = f"cannot tell: in {tied:.0%} of the simulations a draw ties with the truth"
    else:
        message = (
            f"among the {len(near)} simulations most like the observation, truth cannot be told "
            "from draws"
        )
    probability = np.sort(told.probability)
    kept = np.linspace(0, len(own) - 1, min(len(own), _CURVE)).round().astype(int)
    return judged(
        NAME,
        told.p_value,
        calibration.noted(message),
        {"share": (kept + 0.5) / len(own), "probability": probability[kept]},
        warn=warn,
        fail=fail,
        at_best=at_best,
    )


def check(result: Result) -> list[Verdict]:
    """Judge the calibration set of a result near its observation; nothing if it has none.

    Nor if it is local: its posteriors know the observation already.
    """
    found = recorded(result)
    if found is None or found.is_local:
        return []
    observed = None if found.x is None else result.tree["observed_data"].to_dataset()["x"].values
    draws = result.samples()
    own = draws[:: max(1, len(draws) // _OWN)]
    return [
        lc2st(
            found.theta,
            found.samples,
            own,
            found.x,
            observed,
            names=found.names,
            seed=result.seed,
        )
    ]


def _read_observed(x: ArrayLike | None, observed: ArrayLike | None) -> Array | None:
    if (x is None) != (observed is None):
        raise UsageError("x and observed are needed both, or neither")
    if x is None or observed is None:
        return None
    seen, shape = numeric("observed", observed), np.shape(x)[1:]
    if seen.shape != shape:
        raise DataError("observed has the wrong shape", got=seen.shape, expected=shape)
    if not np.isfinite(seen).all():
        raise DataError("observed has NaN or infinite values", expected="finite numbers")
    return seen.reshape(-1)


def _read_draws(given: CalibrationSet, draws: ArrayLike) -> Array:
    own = numeric("draws", draws)
    if own.ndim != 2 or own.shape[1] != len(given.names):
        expected = f"(M, {len(given.names)})"
        raise DataError("draws have the wrong shape", got=own.shape, expected=expected)
    if not np.isfinite(own).all():
        raise DataError("draws have NaN or infinite values", expected="finite numbers")
    return own


def _near(calibration: CalibrationSet, own: Array, seen: Array | None) -> NDArray[np.intp]:
    """Simulations like the observation; truth and draws enter alike, as permutations demand."""
    length = len(calibration.samples)
    mean = calibration.samples.mean(axis=0, dtype=np.float64)
    means = (length * mean + calibration.theta) / (length + 1)
    count = max(MIN_SIMULATIONS, int(NEAR * len(means)))
    return nearest(means, own.mean(axis=0), calibration.x, seen, count)


def _tied(calibration: CalibrationSet, near: NDArray[np.intp]) -> float:
    """Share of simulations of which a draw equals the truth in some parameter."""
    equal = calibration.samples[:_DRAWS, near] == calibration.theta[near]
    return float(np.mean(equal.any(axis=(0, 2))))


def _training(calibration: CalibrationSet, near: NDArray[np.intp], chosen: list[Feature]) -> Array:
    theta, samples = calibration.theta[near], calibration.samples[:, near]
    parts = [values(z[:, : _DRAWS + 1], chosen) for _, z in pools(theta, samples)]
    return np.concatenate(parts)


def _standardised(draws: Array) -> Array:
    return np.asarray((draws - draws.mean(axis=0)) / draws.std(axis=0))


def _what(told: Told, chosen: list[Feature], names: Sequence[str]) -> str:
    """What the classifier went by most."""
    clearest = int(np.argmax(np.abs(told.surprise)))
    feature, more = chosen[clearest], told.surprise[clearest] > 0
    first = names[feature.first]
    if feature.second is None:
        what = f"the true '{first}' lies {'above' if more else 'below'} its draws"
    elif feature.second == feature.first:
        what = f"the draws of '{first}' scatter too {'little' if more else 'much'}"
    else:
        what = f"'{first}' and '{names[feature.second]}' are correlated otherwise than their draws"
    return f"on simulations like the observation the posterior is wrong: {what}"
