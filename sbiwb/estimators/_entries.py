"""Entries of the data that have nothing to do with the parameters, nor with entries that do.

A network that is shown them learns to ignore them, as far as its simulations go; a likelihood has
to describe them.  Leaving them out changes no posterior: if x = (a, b) and b is independent of
(θ, a), then p(x | θ) = p(a | θ) p(b).  An entry that is independent of θ alone may not be left out,
for it may tell of the noise in another: so what is kept is all that is connected with θ through
chains of dependent entries.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats
from scipy.sparse.csgraph import connected_components

from sbiwb.core.distributions import Array, Mask
from sbiwb.estimators._regression import ENOUGH, polynomial_features
from sbiwb.estimators._scaling import has_covariance
from sbiwb.rng import stream

FEWEST = 1000
"""Simulations from which on independence can be told."""
LEVEL = 1e-4
"""Chance that any independent entry counts as dependent, for each kind of dependence, if z-values
were normal.  Those of products have longer tails; and a single false link keeps all that hangs on
it."""
NULLS = 20
FAR = 4.0
"""Standard deviations of permuted data beyond which what is to be left out depends, together."""


def connected_entries(theta: Array, x: Array, seed: int) -> Mask:
    """Which entries of x are connected with theta; all of them where that cannot be told.

    Parameters
    ----------
    theta : ndarray, shape (n, d)
        Parameters, scaled to about unit variance.
    x : ndarray, shape (n, *shape)
        Data, of k entries when flattened; those that never vary are not connected.
    seed : int

    Returns
    -------
    ndarray of bool, shape (k,)

    Notes
    -----
    Dependence is correlation of ranks, and of their distances from the middle, with each other and
    with those of polynomials of θ of second degree; and of these with products of two entries'.  It
    has to be beyond the largest that so many independent ones have: ranks are bounded, so that few
    simulations suffice to know it.  Many entries may tell a little each, as the samples of a
    weak signal do: so what is to be left out is tested as a whole against permuted data, and kept
    if it stands out.
    """
    x = x.reshape(len(x), -1)
    varies: Mask = np.ptp(x, axis=0) > 0
    k = int(varies.sum())
    if k < 2 or len(x) < FEWEST or not has_covariance(len(x), k):
        return varies
    rows = stream(seed, "entries").permutation(len(x))[:ENOUGH]
    ranks = _ranks(x[rows][:, varies])
    places, scales = _standardised(ranks), _standardised(np.abs(ranks))
    functions = _standardised(_ranks(polynomial_features(theta[rows], 2)[:, 1:]))
    in_pairs = _tell_in_pairs(functions, places)
    first = _tell(functions, places) | _tell(functions, scales) | in_pairs.any(axis=0)
    tells = _reached(first, _linked(places, scales) | in_pairs)
    if not tells.any() or tells.all():
        return varies
    rng = stream(seed, "entries", "permuted")
    other = np.concatenate([places[:, ~tells], scales[:, ~tells]], axis=1)
    known = np.concatenate([functions, places[:, tells], scales[:, tells]], axis=1)
    if _stands_out(known, other, rng):
        return varies
    kept = varies.copy()
    kept[varies] = tells
    return kept


def _ranks(x: Array) -> Array:
    """Ranks within each column, between −1 and 1."""
    return np.asarray(2 * stats.rankdata(x, axis=0) / (len(x) + 1) - 1)


def _standardised(columns: Array) -> Array:
    sd = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(sd > 1e-9, sd, 1.0))


def _threshold(tests: int) -> float:
    """z-value that the largest of so many independent ones exceeds with a chance of `LEVEL`."""
    return float(special.ndtri(1 - LEVEL / (2 * tests)))


def _z(a: Array, b: Array) -> Array:
    """z-values of the correlations of standardised columns a (n, p) and b (n, k); shape (p, k)."""
    return np.asarray(np.abs(a.T @ b) / np.sqrt(len(a)))


def _tell(functions: Array, columns: Array) -> Mask:
    """Columns that depend on functions of θ; shape (k,)."""
    z = _z(functions, columns)
    return np.asarray(z.max(axis=0) > _threshold(z.size))


def _tell_in_pairs(functions: Array, places: Array) -> Mask:
    """Pairs whose product depends on θ, such as two that θ correlates; shape (k, k)."""
    largest = np.zeros((places.shape[1],) * 2)
    for function in functions.T:
        largest = np.maximum(largest, _z(places * function[:, np.newaxis], places))
    np.fill_diagonal(largest, 0.0)  # scales have their own test
    squares = places**2
    z = largest / np.sqrt(squares.T @ squares / len(places))
    return np.asarray(z > _threshold(functions.shape[1] * z.size // 2))


def _linked(places: Array, scales: Array) -> Mask:
    """Pairs of entries that depend on each other; shape (k, k)."""
    mixed = _z(places, scales)
    z = np.stack([_z(places, places), _z(scales, scales), mixed, mixed.T])
    return np.asarray(z.max(axis=0) > _threshold(2 * mixed.size))


def _reached(first: Mask, linked: Mask) -> Mask:
    """Entries in the same component as one of the first."""
    _, component = connected_components(linked, directed=False)
    reached: Mask = np.isin(component, component[first])
    return reached


def _stands_out(known: Array, other: Array, rng: np.random.Generator) -> bool:
    """Whether the columns of `other` together depend on those of `known`."""
    found = float(np.sum(_z(known, other) ** 2))
    nulls = [float(np.sum(_z(rng.permutation(known), other) ** 2)) for _ in range(NULLS)]
    return found > float(np.mean(nulls)) + FAR * float(np.std(nulls, ddof=1))
