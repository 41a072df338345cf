"""A linear classifier of truth against draws, and its null distribution by permutation.

A pool holds the truth of one simulation and draws made for it.  Under an exact posterior each of
them may stand for the truth, so that training again with others in its place shows chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import special

from sbiwb.core.distributions import Array

PRODUCTS_UP_TO = 8
"""Parameters of which products are features: beyond, they would drown what else there is."""

_CLIP = 4.0
_RIDGE = 0.1


@dataclass(frozen=True)
class Feature:
    """One number by which truth may differ from draws: a deviation, its square, or a product."""

    first: int
    second: int | None = None


def features(d: int) -> list[Feature]:
    """Features of d parameters, in the order of the columns of `values`."""
    found = [Feature(k) for k in range(d)] + [Feature(k, k) for k in range(d)]
    pairs = combinations(range(d), 2) if d <= PRODUCTS_UP_TO else ()
    return found + [Feature(*pair) for pair in pairs]


def values(z: Array, chosen: list[Feature]) -> Array:
    """Features (n, pool, F) of standardised pools (n, pool, d), less their mean in each pool."""
    z = np.clip(z, -_CLIP, _CLIP)
    columns = [z[..., f.first] * (1.0 if f.second is None else z[..., f.second]) for f in chosen]
    psi = np.stack(columns, axis=-1)
    return np.asarray(psi - psi.mean(axis=1, keepdims=True))


@dataclass(frozen=True)
class Told:
    """How well the classifier told truth from draws, where it is applied.

    Parameters
    ----------
    p_value : float
        Share of permutations in which it did as well.
    surprise : ndarray, shape (F,)
        Sum of each feature over the truths, in standard errors.
    probability : ndarray, shape (M,)
        That each of the points it is applied to is a truth, not a draw.
    """

    p_value: float
    surprise: Array
    probability: Array


def tell(psi: Array, applied: Array, permutations: int, rng: np.random.Generator) -> Told:
    """Train on pools whose first member is the truth, and apply to other points.

    Parameters
    ----------
    psi : ndarray, shape (n, pool, F)
    applied : ndarray, shape (M, F)
    permutations : int
    rng : numpy.random.Generator
    """
    n, size, _ = psi.shape
    flat = psi.reshape(n * size, -1)
    covariance = flat.T @ flat / len(flat)
    variance = np.maximum(np.diag(covariance), 1e-12)
    stand_in = rng.integers(size, size=(permutations, n))
    rows = np.arange(n)
    sums = np.stack([psi[rows, 0].sum(axis=0), *(psi[rows, k].sum(axis=0) for k in stand_in)])
    # A ridge as of as many simulations as features leaves directions that data say little of.
    ridge = _RIDGE + psi.shape[2] / n
    weights = np.linalg.solve(covariance + ridge * np.diag(variance), sums.T / n).T
    scores = weights @ (applied.T @ applied / len(applied))
    statistic = np.sum(scores * weights, axis=1)
    as_good = np.count_nonzero(statistic[1:] >= statistic[0] * (1 - 1e-12))
    own = weights[0]
    return Told(
        (1 + as_good) / (1 + permutations),
        sums[0] / np.sqrt(n * variance),
        np.asarray(special.expit(applied @ own - 0.5 * own @ covariance @ own)),
    )
