"""Can a classifier tell the observation from simulations?  A ratio of densities, learned.

Distances see data that lie far from all simulations.  Data may also lie between them: each entry as
in many simulations, and no simulation with these entries together.  There the density of simulated
data is low beside that of independent entries, and a classifier between the two learns their ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._grade import FAIL, WARN, check_levels
from sbiwb.diagnostics._observed import Words, judge_observation
from sbiwb.diagnostics._pool import Pool, exchangeable_p_value, observed_data, read_pool
from sbiwb.diagnostics.prior_predictive import thinned
from sbiwb.rng import global_streams, integer_seed, stream

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "misspecification"
WORDS = Words(
    like="no classifier tells the observation from simulations",
    unlike="a classifier tells the observation from simulations",
    impossible="the observation cannot be one of the simulations",
)
FEWEST = 400
MOST_ENTRIES, AXES = 30, 10
"""Of more entries that many are taken, evenly spaced, and principal axes of all: trees find no
structure in thousands."""
TREES = 100
LEAF = 5
COPIES = 2
"""Data with independent entries, per simulation: they fill more room."""


def misspecification(
    observed: ArrayLike,
    simulated: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    warn: float = WARN,
    fail: float = FAIL,
) -> Verdict:
    """Test whether the observation has a density among simulations, by a learned density ratio.

    Half of the simulations train a classifier (extremely randomised trees) against data whose
    entries are drawn independently from the same simulations.  The observation is ranked by its
    probability of being a simulation among the other half.

    Parameters
    ----------
    observed : array, shape (*shape)
    simulated : array, shape (n, *shape)
        n ≥ 400 data, from the prior or, for a posterior predictive check, from posterior draws.
    names : sequence of str, optional
        Names of the flattened entries, for messages.
    warn, fail : float
        p-values below which the outcome is WARN and FAIL.

    Returns
    -------
    Verdict
        Exact: an observation that the simulator made fails with a probability of `fail` at most.
        Its curve is as in `sbiwb.diagnostics.predictive.predictive`.  UNKNOWN if there are too few
        data, fewer than two entries vary, or all are the same.

    Raises
    ------
    DataError
        If shapes disagree, arrays are not numeric, or the observation is not finite.
    UsageError
        If a level is wrong.

    Notes
    -----
    The classifier has not seen the observation nor the simulations it is ranked among, so all are
    exchangeable whatever it has learned (split conformal prediction).  The p-value cannot be less
    than 2 / (n + 2).  Its seed is fixed.

    References
    ----------
    Geurts et al. 2006, Machine Learning 63, 3 (the trees).

    Examples
    --------
    >>> import numpy as np
    >>> from sbiwb.diagnostics.misspecification import misspecification
    >>> rng = np.random.default_rng(1)
    >>> angle = rng.uniform(0, 2 * np.pi, size=800)
    >>> ring = np.stack([np.cos(angle), np.sin(angle)], 1) + 0.05 * rng.normal(size=(800, 2))
    >>> str(misspecification(np.array([0.0, 0.0]), ring).outcome)
    'fail'
    """
    check_levels(warn, fail)
    pool = read_pool(observed, thinned(simulated), names)
    if pool.refused is None and len(pool.simulated) < FEWEST:
        why = f"cannot tell: needs at least {FEWEST} simulated data, got {len(pool.simulated)}"
        return Verdict(NAME, Outcome.UNKNOWN, why)
    if pool.refused is None and pool.contradicted is None and pool.varies.sum() < 2:
        return Verdict(NAME, Outcome.UNKNOWN, "cannot tell: a single entry has no structure")
    return judge_observation(NAME, pool, _p_value, np.asarray, WORDS, warn=warn, fail=fail)


def check(result: Result) -> list[Verdict]:
    """Judge the observation of a result against the simulations it carries, if they are enough."""
    if "training" not in result.tree.children:
        return []
    simulated = result.tree["training"]["x"].transpose("simulation", ...).values
    seen, names = observed_data(result)
    if len(simulated) < FEWEST or seen.size < 2:
        return []
    return [misspecification(seen, simulated, names=names)]


def _p_value(pool: Pool) -> float:
    with global_streams(0, NAME):  # importing it draws from Python's global state
        from sklearn.ensemble import ExtraTreesClassifier

    together = pool.together
    train, held_out = together[1::2], together[2::2]
    features = _Features(train)
    seen, rng = features(train), stream(0, NAME)
    apart = features(rng.permuted(np.repeat(train, COPIES, axis=0), axis=0))
    trees = ExtraTreesClassifier(
        TREES, min_samples_leaf=LEAF, random_state=integer_seed(0, NAME) % 2**32, n_jobs=1
    )
    trees.fit(np.vstack([seen, apart]), np.repeat([1, 0], [len(seen), len(apart)]))
    ranked = features(np.vstack([together[:1], held_out]))
    return exchangeable_p_value(-trees.predict_proba(ranked)[:, 1])


class _Features:
    """Entries as they are; of many, some of them and principal axes of all."""

    def __init__(self, train: Array) -> None:
        size = train.shape[1]
        self.chosen = np.arange(size)
        self.axes = np.zeros((size, 0))
        if size > MOST_ENTRIES:
            self.chosen = np.linspace(0, size - 1, MOST_ENTRIES).round().astype(int)
            sd = train.std(axis=0)
            scale = np.where(sd > 0, sd, 1.0)
            _, _, axes = np.linalg.svd((train - train.mean(axis=0)) / scale, full_matrices=False)
            self.axes = axes[:AXES].T / scale[:, np.newaxis]

    def __call__(self, x: Array) -> Array:
        return np.hstack([x[:, self.chosen], x @ self.axes])
