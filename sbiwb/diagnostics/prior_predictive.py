"""Is the observation where the simulator's outputs are?  If not, no posterior can be trusted.

Networks that have seen only simulations give draws for any observation, without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Verdict
from sbiwb.diagnostics._grade import FAIL, WARN, check_levels
from sbiwb.diagnostics._observed import Words, judge_observation
from sbiwb.diagnostics._pool import Pool, exchangeable_p_value, observed_data, read_pool
from sbiwb.diagnostics._shrinkage import shrink

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "prior_predictive"
WORDS = Words(
    like="the observation lies where simulations from the prior do",
    unlike="the observation lies outside what the simulator produces",
    impossible="the observation lies outside what the simulator produces",
)
MAX_SIMULATED = 2000
NEIGHBOURS = 5

# In interquartile ranges: far enough out to leave flat surfaces flat.
_LINEAR = 3.0


def prior_predictive(
    observed: ArrayLike,
    simulated: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    warn: float = WARN,
    fail: float = FAIL,
) -> Verdict:
    """Test whether the observation could be one of the simulations.

    The distance to the five nearest neighbours is ranked among those of all simulations, in two
    geometries: of scaled entries, which shows data outside the range of the simulations, and of
    whitened ones, which shows data off the surface that few parameters can reach.

    Parameters
    ----------
    observed : array, shape (*shape)
    simulated : array, shape (n, *shape)
        n ≥ 100 data simulated from the prior; of more than 2,000 evenly spaced ones are used.
    names : sequence of str, optional
        Names of the flattened entries, for messages.
    warn, fail : float
        p-values below which the outcome is WARN and FAIL.

    Returns
    -------
    Verdict
        Exact: an observation that the simulator made fails with a probability of `fail` at most.
        Its curve is as in `sbiwb.diagnostics.predictive.predictive`.  UNKNOWN if there are too few
        data or all are the same.

    Raises
    ------
    DataError
        If shapes disagree, arrays are not numeric, or the observation is not finite.
    UsageError
        If a level is wrong.

    Notes
    -----
    Prior predictive data often span decades: entries are scaled by their quartiles, and tails
    beyond three interquartile ranges compressed by an arcsinh.  The p-value cannot be less than
    1 / (n + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from sbiwb.diagnostics.prior_predictive import prior_predictive
    >>> rng = np.random.default_rng(1)
    >>> simulated = rng.uniform(-1, 1, size=(500, 1)) + 0.01 * rng.normal(size=(500, 3))
    >>> str(prior_predictive(np.array([0.5, 0.5, 0.5]), simulated).outcome)
    'pass'
    >>> str(prior_predictive(np.array([0.5, 0.5, 0.8]), simulated).outcome)
    'fail'
    """
    check_levels(warn, fail)
    pool = read_pool(observed, thinned(simulated), names)
    return judge_observation(NAME, pool, _p_value, _compressed, WORDS, warn=warn, fail=fail)


def check(result: Result) -> list[Verdict]:
    """Judge the observation of a result against the simulations it carries, if any."""
    if "training" not in result.tree.children:
        return []
    simulated = result.tree["training"]["x"].transpose("simulation", ...).values
    seen, names = observed_data(result)
    return [prior_predictive(seen, simulated, names=names)]


def _p_value(pool: Pool) -> float:
    features = _compressed(pool.together)
    shrunk = shrink(features)
    return exchangeable_p_value(_neighbour_distance(shrunk.z), _neighbour_distance(shrunk.whitened))


def thinned(simulated: ArrayLike) -> NDArray[Any]:
    """At most `MAX_SIMULATED` of the data, evenly spaced."""
    array: NDArray[Any] = np.asarray(simulated)
    if array.ndim == 0 or len(array) <= MAX_SIMULATED:
        return array
    return np.asarray(array[np.linspace(0, len(array) - 1, MAX_SIMULATED).round().astype(int)])


def _compressed(data: Array) -> Array:
    """Scale entries by their quartiles and compress the far tails."""
    # Transposed, quantiles of many entries are several times faster.
    low, middle, high = np.quantile(np.ascontiguousarray(data.T), [0.25, 0.5, 0.75], axis=1)
    scale = np.where(high > low, high - low, data.std(axis=0))
    return np.asarray(np.arcsinh((data - middle) / (_LINEAR * scale)))


def _neighbour_distance(points: Array) -> Array:
    """Mean distance of each point to its five nearest neighbours; shape (n,)."""
    square = np.sum(points**2, axis=1)
    apart = square[:, np.newaxis] + square - 2 * points @ points.T
    np.fill_diagonal(apart, np.inf)
    nearest = np.partition(apart, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    return np.asarray(np.sqrt(np.maximum(nearest, 0)).mean(axis=1))
