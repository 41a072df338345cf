"""How data are told to a network: as they are or as scores, whitened, reduced, by strength."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import stats

from sbiwb.core.distributions import Array, Mask
from sbiwb.core.prior import Prior
from sbiwb.estimators._directions import informative_directions, principal_directions
from sbiwb.estimators._entries import connected_entries
from sbiwb.estimators._pilot import STEPS, held_out_density, held_out_likelihood
from sbiwb.estimators._regression import (
    MAX_DEGREE,
    Polynomial,
    fit_polynomial,
    gaussian_loss,
    polynomial_features,
)
from sbiwb.estimators._scaling import (
    WHITEN_UP_TO,
    Whitening,
    fit_whitening,
    has_covariance,
    linear_coordinates,
)
from sbiwb.estimators._strength import by_strength

CURVED = 2
"""Degree of a regression of data on parameters that bends.  A higher one explains more, but where
it does not explain all it leaves wiggles, and a network would rather learn what it explains."""
TAIL = 8.0
"""Standard deviations beyond which bell-shaped data do not lie, however many there are."""
CLEAR = 1.0
"""Nats of a lead after a short training that would not be lost in a longer one."""
GAIN = 0.1
"""Nats by which scores, or axes, have to be better: data as they are have no kinks, and are all."""
WORTH = 0.5
"""Directions are judged by moments, and far tails can hide one: a network does not learn so much
better from fewer numbers, if they are more than this share of all, that one should be risked."""
LEVEL = 1e-4
"""Chance of a rest that does not depend on the parameters to be told."""


def fit_coordinates(
    theta: Array,
    x: Array,
    prior: Prior,
    seed: int,
    *,
    embedded: bool = False,
    steps: int = 2 * STEPS,
) -> Whitening:
    """Choose how a network that learns θ, or a ratio, is told simulated data x (n, *shape).

    Any one-to-one function of the data will do, so this is a choice of regression: data as they
    are, or their normal scores.  With far tails, which a regression follows rather than the bulk,
    a short training is the judge; and so it is of whether principal axes tell more than all of the
    data, where these are too many for their covariance to be known.

    Parameters
    ----------
    theta, x : ndarray
    prior : Prior
    seed : int
    embedded : bool
        Whether another network sees all of the data: then only what stands out is told.
    steps : int
        Of the training that is to come: no training that judges is longer.

    Raises
    ------
    DataError
        If no entry varies.
    """
    told = linear_coordinates(theta, prior)
    entries = connected_entries(told, x, seed)
    plain = fit_whitening(x, entries)
    if not _can_be_regressed(plain):
        axes = None if embedded else principal_directions(plain(x), seed)
        if axes is None:
            return _reduced(plain, told, x, seed, embedded=embedded)
        fewer = _reduced(plain.then(axes), told, x, seed, embedded=False)
        return _better((plain, fewer), theta, x, prior, seed, steps)
    warped = fit_whitening(x, entries, warped=True)
    if not embedded and np.abs(plain(x)).max() > TAIL:
        plain, warped = (_reduced(w, told, x, seed, embedded=False) for w in (plain, warped))
        return _better((plain, warped), theta, x, prior, seed, steps)
    before, after = (fit_polynomial(whole(x), told, seed).score for whole in (plain, warped))
    whole = warped if after < before else plain
    return _reduced(whole, told, x, seed, embedded=embedded)


def _better(
    ways: tuple[Whitening, Whitening], theta: Array, x: Array, prior: Prior, seed: int, most: int
) -> Whitening:
    """The second way of two if a network learns clearly more in it, else the first.

    A short training judges.  Networks are quicker to learn from bell-shaped data, or from fewer, so
    where that prefers the second a longer one is asked, and what it loses is lost once more.  None
    is longer than the training to come, of `most` steps, for which it chooses.
    """

    def lead(steps: int) -> float:
        first, second = (held_out_density(theta, way(x), prior, seed, steps) for way in ways)
        return second - first

    gain = lead(min(STEPS, most))
    if GAIN < gain < CLEAR and most >= 2 * STEPS:
        later = lead(2 * STEPS)
        gain = later + min(later - gain, 0.0)
    return ways[1] if gain > GAIN else ways[0]


def _reduced(whole: Whitening, theta: Array, x: Array, seed: int, *, embedded: bool) -> Whitening:
    """Only directions that tell of theta, if it pays to leave out others, scaled by how much."""
    directions = informative_directions(theta, whole(x), seed)
    if embedded:
        return whole.then(np.zeros((whole.dim, 0)) if directions is None else directions)
    if directions is not None and directions.shape[1] <= WORTH * whole.dim:
        whole = whole.then(directions)
    if has_covariance(len(x), whole.dim):
        whole = whole.then(by_strength(theta, whole(x), seed))
    return with_rest(whole, theta, x)


def with_rest(whole: Whitening, theta: Array, x: Array) -> Whitening:
    """Add how large the rest is that a projection leaves out, if that depends on theta (n, d).

    So noise of a level that is not known, which is in no direction more than in others, is told.
    """
    if whole.directions is None or whole.directions.shape[1] == len(whole.kept):
        return whole
    size = whole.left_out(x)
    ranks, features = stats.rankdata(size), polynomial_features(theta, 2)
    fitted = features @ np.linalg.lstsq(features, ranks - ranks.mean(), rcond=None)[0]
    explained = len(x) * np.var(fitted) / np.var(ranks)
    if stats.chi2.sf(explained, features.shape[1] - 1) > LEVEL:
        return whole
    return replace(whole, rest=np.array([size.mean(), size.std()]))


def fit_targets(
    condition: Array, x: Array, entries: Mask | None, seed: int, *, local: bool = False
) -> tuple[Whitening, Polynomial]:
    """Choose how a likelihood is told data x (n, *shape), and regress that on conditions (n, m).

    It is a density of x as they are, so what counts is the likelihood that a Gaussian around the
    regression, as wide as a second one says, gives held-out data.

    Parameters
    ----------
    condition, x : ndarray
    entries : ndarray of bool, optional
        Those to describe; by default all.
    seed : int
    local : bool
        Whether what counts are the parameters where most simulations lie, near one observation.  A
        polynomial is good there, which a mean over all simulations, far ones too, would not see.
    """
    chosen = plain = fit_whitening(x, entries)
    if _can_be_regressed(plain):
        warped = fit_whitening(x, entries, warped=True)
        before, after = (
            gaussian_loss(condition, to(x), seed) - float(np.mean(to.log_abs_det(x)))
            for to in (plain, warped)
        )
        chosen = warped if after < before - GAIN else plain
    mean = fit_polynomial if local else _mean_of_targets
    return chosen, mean(condition, chosen(x), seed)


def _mean_of_targets(condition: Array, x: Array, seed: int) -> Polynomial:
    """Regression of scaled data (n, k) on conditions (n, m), over which a network learns more."""
    high = fit_polynomial(condition, x, seed)
    if high.degree <= CURVED:
        return high
    low = fit_polynomial(condition, x, seed, max_degree=CURVED)
    if x.shape[1] > WHITEN_UP_TO:  # a mixture of so many would take long
        return low
    degrees = CURVED, MAX_DEGREE
    first, second = (held_out_likelihood(condition, x, seed, max_degree=d) for d in degrees)
    return high if second > first else low


def _can_be_regressed(whitening: Whitening) -> bool:
    """Whether there are so few entries that their covariance could be told."""
    return whitening.matrix.ndim == 2 or whitening.dim == 1
