"""Fisher–Kolmogorov growth in tissue: ∂c/∂t = ∇·(D∇c) + ρ c (1 − c), no flux at the boundary."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.errors import UsageError

from .anatomy import Anatomy
from .kernel import grow

GREY = 0.1
"""Diffusivity in grey matter over that in white matter."""
SAFETY = 0.9
"""Share of the stability bound that a step may take."""
GROWTH_STEP = 0.1
"""Largest ρ·dt: explicit diffusion then slows a front by at most ρ·dt/4, 2.5 %."""
SEED_CUT = 1e-6


class Growth:
    """Solver on one anatomy, for many tumours at once.

    Time is measured in units of the tumour's age T and length in cm, so that the two numbers that
    matter are μ1² = D T and μ2² = ρ T, with D the diffusivity in white matter.

    Parameters
    ----------
    anatomy : Anatomy
    seed_cm : float
        Radius s of the cells at the start, c = exp(−r²/2s²) around the origin.

    Attributes
    ----------
    largest_step : float
        Largest D·dt in cm² at which an explicit step is stable and keeps c in [0, 1]: one over the
        largest sum of a voxel's face diffusivities over h².  It is h²/(2 · dimensions) in white
        matter.

    Notes
    -----
    The flux through a face is its diffusivity, the harmonic mean of those of its two voxels, times
    the difference of c; a voxel's diffusivity is white + 0.1 grey of the shares that fill it, and
    zero without tissue.  The scheme therefore conserves cells where none grow.
    """

    def __init__(self, anatomy: Anatomy, seed_cm: float = 0.3) -> None:
        self.anatomy = anatomy
        self.seed_cm = seed_cm
        # The kernel knows three axes: a slice is the middle of three layers.
        self._flat = anatomy.tissue.ndim == 2
        tissue = self._layered(anatomy.tissue)
        diffusivity = self._layered(anatomy.white + GREY * anatomy.grey)
        faces = [_faces(diffusivity, axis) / anatomy.spacing**2 for axis in range(tissue.ndim)]
        total = sum(face + np.roll(face, 1, axis) for axis, face in enumerate(faces))
        self.largest_step = 1 / float(np.max(total))
        strides = (np.uint64(n) for n in (tissue.shape[1] * tissue.shape[2], tissue.shape[2]))
        self._geometry = (*(face.ravel() for face in faces), _rows(tissue), *strides)

    def steps(self, mu1: Array, mu2: Array) -> NDArray[np.int64]:
        """Fewest steps that keep the stability bound and the accuracy of growth; shape (n,)."""
        diffusion = mu1**2 / (SAFETY * self.largest_step)
        return np.ceil(np.maximum(np.maximum(diffusion, mu2**2 / GROWTH_STEP), 1)).astype(np.int64)

    def start(self, origin: Array) -> Array:
        """Cells at the start around each origin (n, dimensions); shape (n, *anatomy.shape)."""
        axes = self.anatomy.axes
        shape = [len(origin)]
        field = np.ones([len(origin)] + [1] * len(axes))
        for k, axis in enumerate(axes):
            distance = (axis - origin[:, k : k + 1]) / self.seed_cm
            along = np.exp(-0.5 * distance**2).reshape(
                *shape, *(len(axis) if a == k else 1 for a in range(len(axes)))
            )
            field = field * along
        field[field < SEED_CUT] = 0.0
        return np.where(self.anatomy.tissue, field, 0.0)

    def solve(self, mu1: Array, mu2: Array, origin: Array, steps: int | None = None) -> Array:
        """Cell density of n tumours at their age.

        Parameters
        ----------
        mu1, mu2 : ndarray, shape (n,)
            √(D T) in cm and √(ρ T).
        origin : ndarray, shape (n, dimensions)
            Where they began, in cm.
        steps : int, optional
            Explicit steps; the fewest that `steps` allows by default.

        Returns
        -------
        ndarray, shape (n, *anatomy.shape)
            c in [0, 1], zero outside the tissue.

        Raises
        ------
        UsageError
            If `steps` breaks the stability bound.
        """
        return self.advance(self.start(origin), mu1, mu2, steps)

    def advance(self, fields: Array, mu1: Array, mu2: Array, steps: int | None = None) -> Array:
        """Grow from given fields (n, *anatomy.shape), zero outside the tissue; see `solve`."""
        mu1, mu2 = np.asarray(mu1, dtype=np.float64), np.asarray(mu2, dtype=np.float64)
        if steps is None:
            number = self.steps(mu1, mu2)
        else:
            self.check_steps(steps, float(np.max(mu1, initial=0.0)))
            number = np.full(len(mu1), steps, dtype=np.int64)
        if self._flat:
            batch = np.pad(fields[:, np.newaxis], ((0, 0), (1, 1), (0, 0), (0, 0)))
        else:
            batch = np.array(fields, dtype=np.float64)
        flat = np.ascontiguousarray(batch.reshape(len(batch), -1))
        grow(flat, *self._geometry, mu1**2 / number, mu2**2 / number, number)
        grown = flat.reshape(batch.shape)
        return grown[:, 1] if self._flat else grown

    def check_steps(self, steps: int, mu1: float) -> None:
        """Refuse a number of steps with which a tumour of this μ1 would be unstable.

        Raises
        ------
        UsageError
            If it breaks the bound.
        """
        least = max(1, math.ceil(mu1**2 / self.largest_step))
        if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < least:
            raise UsageError(
                f"too few steps for mu1 = {mu1:g} cm on a {10 * self.anatomy.spacing:g} mm grid",
                got=steps,
                expected=f"a whole number, at least {least}",
                remedy="leave steps out: as many are taken as each tumour needs",
            )

    def _layered(self, field: NDArray) -> NDArray:  # type: ignore[type-arg]
        return np.pad(field[np.newaxis], ((1, 1), (0, 0), (0, 0))) if self._flat else field


def _faces(diffusivity: Array, axis: int) -> Array:
    """Harmonic mean of each voxel's diffusivity and that of the next along an axis."""
    following = np.roll(diffusivity, -1, axis)
    product, total = diffusivity * following, diffusivity + following
    return np.divide(2 * product, total, out=np.zeros_like(product), where=total > 0)


def _rows(tissue: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """First voxel, and one past the last, of each row along z that holds tissue; shape (m, 2)."""
    filled = tissue.reshape(-1, tissue.shape[2])
    rows = np.flatnonzero(filled.any(axis=1))
    first = np.argmax(filled[rows], axis=1)
    last = tissue.shape[2] - np.argmax(filled[rows, ::-1], axis=1)
    within = np.stack([first, last], axis=1)
    return (within + rows[:, np.newaxis] * tissue.shape[2]).astype(np.uint64)
