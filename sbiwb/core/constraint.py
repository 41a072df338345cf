"""A linear inequality between two uniform parameters, with an exact unit-cube transform.

Cutting a prior by rejection leaves an evidence without its normalisation and a hard edge inside
the cube, which nested samplers and flows both meet badly.  For two uniform parameters under a
linear inequality the density stays uniform on a polygon, so the Rosenblatt (1952) transform is
elementary: the first parameter has a piecewise linear marginal, the second is uniform given it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sbiwb.core.distributions import Array, Uniform
from sbiwb.errors import UsageError


@dataclass(frozen=True)
class LinearConstraint:
    """``weights · (first, second) < below`` for two named uniform parameters.

    Parameters
    ----------
    names : tuple of str
        The two parameters, in any order.
    weights : tuple of float
        Their weights, both non-zero.
    below : float
        Upper bound of the weighted sum.

    Examples
    --------
    Matter domination at early times in the w0–wa model:

    >>> LinearConstraint(("w0", "wa"), (1.0, 1.0), 0.0)
    LinearConstraint(names=('w0', 'wa'), weights=(1.0, 1.0), below=0.0)
    """

    names: tuple[str, str]
    weights: tuple[float, float]
    below: float

    def __post_init__(self) -> None:
        good = len(set(self.names)) == len(self.names) == len(self.weights) == 2
        if not good or 0 in self.weights or not np.all(np.isfinite([*self.weights, self.below])):
            raise UsageError(
                "bad linear constraint",
                got=self,
                expected="two different names, two weights that are not zero, finite numbers",
            )

    def describe(self) -> dict[str, object]:
        """Names and numbers, enough to rebuild and to hash the constraint."""
        return {"names": list(self.names), "weights": list(self.weights), "below": self.below}

    def satisfied(self, values: Mapping[str, Array]) -> Array:
        """Whether each point obeys the inequality."""
        total = sum(w * values[n] for n, w in zip(self.names, self.weights, strict=True))
        return np.asarray(total < self.below)


@dataclass(frozen=True)
class UniformPair:
    """Two uniform parameters cut by a `LinearConstraint`, seen as one joint distribution.

    `first` and `second` are in the order of the unit cube; `weights` follows that order.
    """

    first: Uniform
    second: Uniform
    weights: tuple[float, float]
    below: float

    def __post_init__(self) -> None:
        if self._cumulative[-1] <= 0:
            raise UsageError(
                "the constraint excludes the whole prior",
                got=self,
                expected="a linear inequality that some point of the box obeys",
            )

    @property
    def log_area(self) -> float:
        """Log of the area that the inequality leaves: minus the log density inside."""
        return float(np.log(self._cumulative[-1]))

    def conditional_range(self, first: Array) -> tuple[Array, Array]:
        """Lower and upper end of the second parameter given the first."""
        edge = (self.below - self.weights[0] * np.asarray(first)) / self.weights[1]
        low = np.full_like(edge, self.second.low)
        high = np.full_like(edge, self.second.high)
        if self.weights[1] > 0:
            return low, np.clip(edge, self.second.low, self.second.high)
        return np.clip(edge, self.second.low, self.second.high), high

    def from_unit(self, u_first: Array, u_second: Array) -> tuple[Array, Array]:
        """Map two unit coordinates to the two parameters."""
        knots, area = self._knots, self._cumulative
        target = u_first * area[-1]
        piece = np.clip(np.searchsorted(area, target, side="right") - 1, 0, len(knots) - 2)
        width = self._knot_widths
        step = knots[piece + 1] - knots[piece]
        start, slope = width[piece], (width[piece + 1] - width[piece]) / step
        rest = np.maximum(target - area[piece], 0.0)
        # Root of  start·t + slope·t²/2 = rest  in the form that survives slope → 0.
        root = np.sqrt(np.maximum(start**2 + 2 * slope * rest, 0.0))
        denominator = start + root
        t = np.divide(2 * rest, denominator, out=np.zeros_like(rest), where=denominator > 0)
        # Rounding can pass an end by one unit in the last place, and so leave the support.
        first = np.minimum(knots[piece] + np.clip(t, 0.0, step), knots[-1])
        low, high = self.conditional_range(first)
        return first, np.minimum(low + (high - low) * u_second, high)

    def to_unit(self, first: Array, second: Array) -> tuple[Array, Array]:
        """Inverse of `from_unit`."""
        knots, area = self._knots, self._cumulative
        clipped = np.clip(first, knots[0], knots[-1])
        piece = np.clip(np.searchsorted(knots, clipped, side="right") - 1, 0, len(knots) - 2)
        width = self._knot_widths
        step = knots[piece + 1] - knots[piece]
        slope = (width[piece + 1] - width[piece]) / step
        t = clipped - knots[piece]
        u_first = (area[piece] + width[piece] * t + 0.5 * slope * t**2) / area[-1]
        low, high = self.conditional_range(clipped)
        span = high - low
        u_second = np.divide(second - low, span, out=np.full_like(span, 0.5), where=span > 0)
        return u_first, np.clip(u_second, 0.0, 1.0)

    @cached_property
    def _knots(self) -> Array:
        """Points where the width of the second parameter's range changes slope."""
        ends = np.array([self.second.low, self.second.high])
        bends = (self.below - self.weights[1] * ends) / self.weights[0]
        inside = bends[(bends > self.first.low) & (bends < self.first.high)]
        return np.unique(np.concatenate([[self.first.low, self.first.high], inside]))

    @cached_property
    def _knot_widths(self) -> Array:
        low, high = self.conditional_range(self._knots)
        return high - low

    @cached_property
    def _cumulative(self) -> Array:
        """Area up to each knot."""
        width = self._knot_widths
        areas = 0.5 * (width[1:] + width[:-1]) * np.diff(self._knots)
        return np.concatenate([[0.0], np.cumsum(areas)])
