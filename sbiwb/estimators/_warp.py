"""Monotone maps of single data entries to normal scores.

Counts of an epidemic or of a population span decades: a polynomial of them fits the largest and
misses the rest, and a network is blinded by them.  Their normal scores are bell-shaped by design,
and as a rule smooth in the logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special
from scipy.interpolate import PchipInterpolator

from sbiwb.core.distributions import Array

KNOTS = 33
LEAST_SLOPE = 1e-3
"""Of the flattest chord: a cubic may be flat at its ends, and a density may not vanish there."""


@dataclass(frozen=True)
class Warp:
    """Monotone cubic maps of entries (Fritsch & Butland 1984); straight beyond the training range.

    Parameters
    ----------
    values, scores : ndarray, shape (k, knots)
        Each entry's data at the knots, and their normal scores.
    """

    values: Array
    scores: Array

    def __call__(self, x: Array) -> Array:
        """Scores of data x (n, k)."""
        columns = zip(self._curves, x.T, strict=True)
        return np.stack([curve(column) for curve, column in columns], axis=1)

    def log_slope(self, x: Array) -> Array:
        """log d score / d x of each entry of data x (n, k)."""
        columns = zip(self._curves, x.T, strict=True)
        slopes = [curve.derivative(column) for curve, column in columns]
        return np.log(np.stack(slopes, axis=1))

    def arrays(self, prefix: str) -> dict[str, Array]:
        """Numbers to save."""
        return {f"{prefix}.values": self.values, f"{prefix}.scores": self.scores}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], prefix: str) -> Warp:
        """Inverse of `arrays`."""
        return cls(arrays[f"{prefix}.values"], arrays[f"{prefix}.scores"])

    @cached_property
    def _curves(self) -> list[_Curve]:
        return [
            _Curve(*np.unique(knots, axis=1)) for knots in np.stack([self.values, self.scores], 1)
        ]


class _Curve:
    """Monotone cubic through knots, of which there may be one, and straight lines beyond them."""

    def __init__(self, values: Array, scores: Array) -> None:
        self.values, self.scores = values, scores
        if len(values) == 1:
            values, scores = values[0] + np.array([-1.0, 1.0]), np.array([-1.0, 1.0])
        self.low, self.high = values[0], values[-1]
        chords = np.diff(scores) / np.diff(values)
        self.least = LEAST_SLOPE * chords.min()
        self.inside = PchipInterpolator(values, scores)
        self.slope = self.inside.derivative()
        # Data that pile up at an end would make what lies beyond it absurdly far.
        self.ends = np.minimum(chords[[0, -1]], (scores[-1] - scores[0]) / (self.high - self.low))

    def __call__(self, x: Array) -> Array:
        below, above = np.minimum(x - self.low, 0.0), np.maximum(x - self.high, 0.0)
        value = self.inside(np.clip(x, self.low, self.high))
        return np.asarray(value + self.ends[0] * below + self.ends[1] * above)

    def derivative(self, x: Array) -> Array:
        inside = np.maximum(self.slope(np.clip(x, self.low, self.high)), self.least)
        outside = np.where(x < self.low, *self.ends)
        return np.asarray(np.where((x < self.low) | (x > self.high), outside, inside))


def fit_warp(x: Array) -> Warp:
    """Fit to simulated data x (n, k); knots are equidistant in the scores."""
    maps = [_knots(entry) for entry in x.T]
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
