"""What posterior draws predict, in the terms of a field: data that a report draws.

A simulator that has a method ``views`` says in them how its data are looked at, and knows nothing
of figures; the report draws, and knows nothing of the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import UsageError


@dataclass(frozen=True, eq=False)
class Points:
    """Measurements.

    Parameters
    ----------
    x, y : ndarray, shape (k,)
    error : ndarray, shape (k,), optional
        Standard deviations of y.
    label : str
        What tells these from others in the same view; may be empty.
    joined : bool
        Whether they are samples of a series, to be drawn as a line.
    """

    x: Array
    y: Array
    error: Array | None = None
    label: str = ""
    joined: bool = False

    def __post_init__(self) -> None:
        _require_shape("y of points", self.y, self.x.shape)
        if self.error is not None:
            _require_shape("error of points", self.error, self.x.shape)


@dataclass(frozen=True, eq=False)
class Curves:
    """Functions of one variable, one a draw: the report shows where 68 and 95 % of them run.

    Parameters
    ----------
    title, across, up : str
        Title and labels of the axes: plain text, or LaTeX between dollar signs.
    x : ndarray, shape (k,)
        Increasing.
    curves : ndarray, shape (n, k)
        NaN where a curve is not defined.
    points : tuple of Points
        Measurements to show beside.
    level : float, optional
        A value of y to mark.
    note : str
        What a reader must know of this view.
    """

    title: str
    across: str
    up: str
    x: Array
    curves: Array
    points: tuple[Points, ...] = ()
    level: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        _require_shape("curves", self.curves, (len(self.curves), *self.x.shape))
        if not np.all(np.diff(self.x) > 0):
            raise UsageError(f"x of the view '{self.title}' does not increase")

    def __len__(self) -> int:
        return len(self.curves)


@dataclass(frozen=True, eq=False)
class Outlines:
    """Regions on a map, one a draw: the report shows where how many of them agree.

    Parameters
    ----------
    title, across, up : str
        Title and labels of the axes: plain text, or LaTeX between dollar signs.
    x, y : ndarray, shapes (i,) and (j,)
        Centres of the map's cells.
    background : ndarray, shape (i, j)
        Shades of the map, 0 to 1.
    inside : ndarray of bool, shape (n, i, j)
        The region of each draw.
    observed : ndarray of bool, shape (i, j), optional
        The region that was seen.
    note : str
        What a reader must know of this view.
    """

    title: str
    across: str
    up: str
    x: Array
    y: Array
    background: Array
    inside: Array
    observed: Array | None = None
    note: str = ""

    def __post_init__(self) -> None:
        grid = (len(self.x), len(self.y))
        _require_shape("background", self.background, grid)
        _require_shape("inside", self.inside, (len(self.inside), *grid))
        if self.observed is not None:
            _require_shape("observed", self.observed, grid)

    def __len__(self) -> int:
        return len(self.inside)


View = Curves | Outlines


@runtime_checkable
class HasViews(Protocol):
    """A simulator that says how its field looks at its data."""

    def views(self, theta: Array, x: Array) -> Sequence[View]:
        """What draws predict, beside the datum they were inferred from.

        Parameters
        ----------
        theta : ndarray, shape (n, d)
            Posterior draws; n ≥ 1.
        x : ndarray, shape output.shape
            The datum.

        Returns
        -------
        sequence of View
            With n curves or regions each.  Their titles depend on the simulator alone, so that
            draws of several methods can share a figure; none if this datum has no such view.
        """
        ...


def _require_shape(what: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise UsageError(f"{what} of a view has the wrong shape", got=array.shape, expected=shape)
