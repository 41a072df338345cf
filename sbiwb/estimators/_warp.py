"""Monotone maps of single data entries to normal scores.

Counts of an epidemic or of a population span decades: a polynomial of them fits the largest and
misses the rest, and a network is blinded by them.  Their normal scores are bell-shaped by design,
and as a rule smooth in the logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from sbiwb.core.distributions import Array

KNOTS = 65


@dataclass(frozen=True)
class Warp:
    """Piecewise linear maps of flattened data; beyond the training range they are constant.

    Parameters
    ----------
    values, scores : ndarray, shape (k, knots)
        Each entry's data at the knots, and their normal scores.
    """

    values: Array
    scores: Array

    def __call__(self, x: Array) -> Array:
        """Scores of data x (n, *shape); shape (n, k)."""
        entries = zip(x.reshape(len(x), -1).T, self.values, self.scores, strict=True)
        return np.stack([np.interp(entry, *knots) for entry, *knots in entries], axis=1)

    def arrays(self, prefix: str) -> dict[str, Array]:
        """Numbers to save."""
        return {f"{prefix}.values": self.values, f"{prefix}.scores": self.scores}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], prefix: str) -> Warp:
        """Inverse of `arrays`."""
        return cls(arrays[f"{prefix}.values"], arrays[f"{prefix}.scores"])


def fit_warp(x: Array) -> Warp:
    """Fit to simulated data x (n, *shape); knots are equidistant in the scores."""
    maps = [_knots(entry) for entry in x.reshape(len(x), -1).T]
    values, scores = (np.stack(part) for part in zip(*maps, strict=True))
    return Warp(values, scores)


def _knots(entry: Array) -> tuple[Array, Array]:
    """Distinct values of an entry and their scores, the last repeated if there are few."""
    values, counts = np.unique(entry, return_counts=True)
    scores = special.ndtri((np.cumsum(counts) - 0.5 * counts) / len(entry))
    places = np.searchsorted(scores, np.linspace(scores[0], scores[-1], KNOTS))
    chosen = np.unique(np.minimum(places, len(scores) - 1))
    chosen = np.pad(chosen, (0, KNOTS - len(chosen)), mode="edge")
    return values[chosen], scores[chosen]
