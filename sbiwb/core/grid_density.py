"""A joint prior given as a table: a density that is linear between the nodes of a regular grid.

For parameters whose prior is a map, such as a place inside an organ.  A box with a mask would be
full of holes, and rejection would leave an evidence without its normalisation.  The density is the
multilinear interpolation of the nodes' weights, so its marginals and conditionals are piecewise
linear and the Rosenblatt (1952) transform to the unit cube is elementary and continuous.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from sbiwb.core.distributions import Array, Index, Uniform
from sbiwb.errors import DataError, UsageError, unknown_name


@dataclass(frozen=True, eq=False)
class GridDensity:
    """Joint density ∝ the multilinear interpolation of `weights`, zero outside the grid.

    Parameters
    ----------
    names : tuple of str
        The parameters, one an axis of the grid, in the order of the prior.
    start, step : tuple of float
        First node and distance of nodes on each axis.
    weights : ndarray, shape (nodes of the first axis, …)
        Non-negative, in any unit.

    Raises
    ------
    DataError
        If the weights are negative, not finite or all zero, or an axis has fewer than two nodes.
    UsageError
        If names, start, step and weights do not have the same number of axes.

    Examples
    --------
    A triangle:

    >>> GridDensity(("a",), (-1.0,), (1.0,), np.array([0.0, 1.0, 0.0])).ranges
    ((-1.0, 1.0),)
    """

    names: tuple[str, ...]
    start: tuple[float, ...]
    step: tuple[float, ...]
    weights: Array

    def __post_init__(self) -> None:
        weights = np.array(self.weights, dtype=np.float64)
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "start", tuple(map(float, self.start)))
        object.__setattr__(self, "step", tuple(map(float, self.step)))
        axes = (len(set(self.names)), len(self.start), len(self.step), weights.ndim)
        if not self.names or set(axes) != {len(self.names)}:
            raise UsageError(
                "bad grid density",
                got=f"{axes[0]} different names, {axes[1]} starts, {axes[2]} steps, "
                f"{axes[3]} axes of weights",
                expected="the same number of each",
            )
        if min(weights.shape) < 2 or any(not 0 < step < np.inf for step in self.step):
            raise DataError(
                "bad grid density",
                got=f"shape {weights.shape}, steps {self.step}",
                expected="at least two nodes an axis and positive steps",
            )
        if not np.all(np.isfinite(weights)) or np.any(weights < 0) or self._total <= 0:
            raise DataError(
                "bad weights of a grid density",
                got=f"values from {weights.min():g} to {weights.max():g}",
                expected="finite numbers, none negative, not all zero",
            )

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """First and last node of each axis."""
        return tuple(
            (start, start + step * (size - 1))
            for start, step, size in zip(self.start, self.step, self.weights.shape, strict=True)
        )

    @property
    def distributions(self) -> tuple[Uniform, ...]:
        """What each parameter's own distribution must be: uniform over its axis."""
        return tuple(Uniform(*ends) for ends in self.ranges)

    def describe(self) -> dict[str, object]:
        """Everything that defines the density, the weights by their hash."""
        content = np.ascontiguousarray(self.weights, dtype="<f8").tobytes()
        return {
            "names": list(self.names),
            "start": list(self.start),
            "step": list(self.step),
            "nodes": list(self.weights.shape),
            "sha256": hashlib.sha256(content).hexdigest(),
        }

    def log_pdf(self, *columns: Array) -> Array:
        """Log density at n points given as one array (n,) for each axis; shape (n,)."""
        inside = np.ones(len(columns[0]), dtype=bool)
        for column, (low, high) in zip(columns, self.ranges, strict=True):
            inside &= (column >= low) & (column <= high)
        cells = [self._cell(axis, column) for axis, column in enumerate(columns)]
        value = self._between(self.weights, cells)
        volume = self._total * float(np.prod(self.step))
        with np.errstate(divide="ignore"):
            return np.where(inside, np.log(value) - np.log(volume), -np.inf)

    def from_unit(self, *unit: Array) -> tuple[Array, ...]:
        """Map unit coordinates, one array (n,) for each axis, to the parameters."""
        cells: list[tuple[Index, Array]] = []
        for axis, u in enumerate(unit):
            cells.append(_quantile(self._profile(axis, cells, len(u)), u))
        return tuple(
            # Rounding can pass the end by one unit in the last place, and so leave the support.
            np.clip(low + self.step[axis] * (cell + part), low, high)
            for axis, ((cell, part), (low, high)) in enumerate(zip(cells, self.ranges, strict=True))
        )

    def to_unit(self, *columns: Array) -> tuple[Array, ...]:
        """Inverse of `from_unit`; 0.5 where the parameters before allow no value."""
        cells = [self._cell(axis, column) for axis, column in enumerate(columns)]
        return tuple(
            _probability(self._profile(axis, cells[:axis], len(columns[0])), *cells[axis])
            for axis in range(len(columns))
        )

    def given(self, name: str, value: float) -> GridDensity | None:
        """Conditional density of the other parameters; None if there are none.

        Raises
        ------
        UsageError
            If the name is unknown or the density is zero at the value.
        """
        if name not in self.names:
            raise unknown_name("parameter of the grid density", name, self.names)
        axis = self.names.index(name)
        cell, part = self._cell(axis, np.array([value]))
        below = np.take(self.weights, cell[0], axis)
        above = np.take(self.weights, cell[0] + 1, axis)
        weights = below + part[0] * (above - below)
        low, high = self.ranges[axis]
        if not low <= value <= high or not np.any(weights > 0):
            raise UsageError(f"the prior is zero at the fixed value of {name}", got=value)
        rest = [k for k in range(len(self.names)) if k != axis]
        if not rest:
            return None
        return GridDensity(
            tuple(self.names[k] for k in rest),
            tuple(self.start[k] for k in rest),
            tuple(self.step[k] for k in rest),
            weights,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GridDensity) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash(str(self.describe()))

    @cached_property
    def _marginals(self) -> tuple[Array, ...]:
        """For each axis, the weights integrated over the axes after it."""
        marginals = [self.weights]
        while marginals[0].ndim > 1:
            marginals.insert(0, np.asarray(np.trapezoid(marginals[0], axis=-1)))
        return tuple(marginals)

    @cached_property
    def _total(self) -> float:
        """Integral over the grid in cells."""
        return float(np.trapezoid(self._marginals[0]))

    def _cell(self, axis: int, column: Array) -> tuple[Index, Array]:
        """Number of the cell that holds each point, and how far through the cell it lies."""
        last = self.weights.shape[axis] - 1
        place = (np.asarray(column, dtype=np.float64) - self.start[axis]) / self.step[axis]
        place = np.clip(np.where(np.isnan(place), 0.0, place), 0.0, last)
        cell = np.minimum(place.astype(np.intp), last - 1)
        return cell, place - cell

    def _profile(self, axis: int, cells: Sequence[tuple[Index, Array]], n: int) -> Array:
        """Density along an axis given the axes before it, at the nodes; shape (n, nodes)."""
        if axis == 0:
            return np.broadcast_to(self._marginals[0], (n, self.weights.shape[0]))
        return self._between(self._marginals[axis], cells)

    @staticmethod
    def _between(table: Array, cells: Sequence[tuple[Index, Array]]) -> Array:
        """Multilinear interpolation along the first axes; shape (n, *rest)."""
        total: Array | float = 0.0
        for corner in product((0, 1), repeat=len(cells)):
            share = np.ones(len(cells[0][0]))
            for upper, (_, part) in zip(corner, cells, strict=True):
                share = share * (part if upper else 1 - part)
            node = tuple(cell + upper for upper, (cell, _) in zip(corner, cells, strict=True))
            values = table[node]
            total = total + share.reshape(-1, *(1,) * (values.ndim - 1)) * values
        return np.asarray(total)


def _cumulative(profile: Array) -> Array:
    """Integral of each row up to each node; shape (n, nodes)."""
    area = np.cumsum((profile[:, 1:] + profile[:, :-1]) / 2, axis=1)
    return np.concatenate([np.zeros((len(profile), 1)), area], axis=1)


def _quantile(profile: Array, u: Array) -> tuple[Index, Array]:
    """Cell, and place within it, below which a share u of each row's integral lies."""
    rows, area = np.arange(len(profile)), _cumulative(profile)
    target = u * area[:, -1]
    # The cell that begins at or below the target, but none of the empty ones at the end.
    filled = np.argmax(area == area[:, -1:], axis=1) - 1
    cell = np.minimum(np.sum(area <= target[:, np.newaxis], axis=1) - 1, filled)
    start = profile[rows, cell]
    slope = profile[rows, cell + 1] - start
    rest = np.maximum(target - area[rows, cell], 0.0)
    # Root of  start·t + slope·t²/2 = rest  in the form that survives slope → 0.
    denominator = start + np.sqrt(np.maximum(start**2 + 2 * slope * rest, 0.0))
    part = np.divide(2 * rest, denominator, out=np.zeros_like(rest), where=denominator > 0)
    return cell, np.clip(part, 0.0, 1.0)


def _probability(profile: Array, cell: Index, part: Array) -> Array:
    """Share of each row's integral below a place."""
    rows, area = np.arange(len(profile)), _cumulative(profile)
    start = profile[rows, cell]
    slope = profile[rows, cell + 1] - start
    below = area[rows, cell] + part * (start + slope * part / 2)
    total = area[:, -1]
    return np.divide(below, total, out=np.full_like(below, 0.5), where=total > 0)
