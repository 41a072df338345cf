"""From data to the numbers that a network is told: warped, whitened, reduced.

A posterior, and a likelihood ratio, may be learned from any one-to-one function of the data: how
they are told is a choice of regression, and made as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.estimators._directions import informative_directions
from sbiwb.estimators._entries import connected_entries
from sbiwb.estimators._regression import fit_polynomial
from sbiwb.estimators._scaling import Whitening, fit_whitening
from sbiwb.estimators._warp import Warp, fit_warp

TAIL = 8.0
"""Standard deviations beyond which bell-shaped data do not lie, however many there are."""
WORTH = 0.5
"""Directions are judged by moments, and far tails can hide one: a network does not learn so much
better from fewer numbers, if they are more than this share of all, that one should be risked."""


@dataclass(frozen=True)
class Coordinates:
    """Map of data x (n, *shape) to scaled numbers (n, k).

    Parameters
    ----------
    whitening : Whitening
        Onto all directions, or those that tell of θ.
    warp : Warp, optional
        Of single entries, before they are whitened.
    """

    whitening: Whitening
    warp: Warp | None = None

    @property
    def dim(self) -> int:
        """Number k of scaled numbers."""
        return self.whitening.dim

    @property
    def kept(self) -> Array:
        """Entries of the flattened data that are looked at."""
        return self.whitening.kept

    def __call__(self, x: Array) -> Array:
        return self.whitening(x if self.warp is None else self.warp(x))

    def reduced(self, directions: Array) -> Coordinates:
        """These, followed by a projection onto `directions` (k, m)."""
        return Coordinates(self.whitening.then(directions), self.warp)

    def arrays(self, prefix: str) -> dict[str, Array]:
        """Numbers to save."""
        warp = {} if self.warp is None else self.warp.arrays(f"{prefix}.warp")
        return {**self.whitening.arrays(prefix), **warp}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], prefix: str) -> Coordinates:
        """Inverse of `arrays`."""
        is_warped = f"{prefix}.warp.values" in arrays
        warp = Warp.from_arrays(arrays, f"{prefix}.warp") if is_warped else None
        return cls(Whitening.from_arrays(arrays, prefix), warp)


def fit_coordinates(theta: Array, x: Array, seed: int, *, embedded: bool = False) -> Coordinates:
    """Choose coordinates of simulated data x (n, *shape) that tell of scaled theta (n, d).

    Parameters
    ----------
    theta, x : ndarray
    seed : int
    embedded : bool
        Whether a network sees all of the data besides: then only what stands out is told.

    Raises
    ------
    DataError
        If no entry varies.
    """
    whole = _whitened(theta, x, seed)
    directions = informative_directions(theta, whole(x), seed)
    if embedded:
        return whole.reduced(np.zeros((whole.dim, 0)) if directions is None else directions)
    if directions is None or directions.shape[1] > WORTH * whole.dim:
        return whole
    return whole.reduced(directions)


def _whitened(theta: Array, x: Array, seed: int) -> Coordinates:
    """Data as they are or their normal scores, whitened.

    Scores are taken where a polynomial tells theta better from them, and of data with far tails,
    which no network bears as they are.
    """
    entries = connected_entries(theta, x, seed)
    plain = Coordinates(fit_whitening(x, entries))
    if plain.whitening.matrix.ndim == 1 and plain.dim > 1:
        return plain  # too many entries for a regression
    warp = fit_warp(x)
    warped = Coordinates(fit_whitening(warp(x), entries), warp)
    if np.abs(plain(x)).max() > TAIL:
        return warped
    before, after = (fit_polynomial(c(x), theta, seed).score for c in (plain, warped))
    return warped if after < before else plain
