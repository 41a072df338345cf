"""A few numbers that hold most of what images of a tumour tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array

from .anatomy import Anatomy
from .images import OUTLINES

AXES = "xyz"
PSEUDO = 1.0
"""Weight, in voxels, of a point at the tissue's centre: an empty outline has moments too."""


class Summaries:
    """Sizes, places and widths of each channel.

    For each channel with weights w over the voxels of tissue: the cube root (square root in a
    slice) of its volume Σw in cm, the centroid in cm, the standard deviation along each axis in cm
    and the covariances in cm².  An outline's weights are its own.  Those of PET are the uptake
    within a box around all outlines; its total over the brain comes besides.

    Parameters
    ----------
    anatomy : Anatomy
    channels : sequence of str
    """

    def __init__(self, anatomy: Anatomy, channels: tuple[str, ...]) -> None:
        self.channels = channels
        self.dimensions = anatomy.tissue.ndim
        self.spacing = anatomy.spacing
        mesh = np.meshgrid(*anatomy.axes, indexing="ij")
        self.place = np.stack([axis[anatomy.tissue] for axis in mesh])  # (dimensions, voxels)
        self.centre = self.place.mean(axis=1)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers."""
        axes = AXES[: self.dimensions]
        pairs = [a + b for k, a in enumerate(axes) for b in axes[k:]]
        names = []
        for channel in self.channels:
            names += [f"{channel} size", *(f"{channel} {a}" for a in axes)]
            names += [f"{channel} {pair}" for pair in pairs]
        if "pet" in self.channels and len(self.channels) > 1:
            names.append("pet total")
        return tuple(names)

    def __call__(self, x: Array) -> Array:
        """Numbers of images (n, channels, voxels of tissue); shape (n, numbers)."""
        outlines = [k for k, channel in enumerate(self.channels) if channel in OUTLINES]
        columns: list[Array] = []
        for k, channel in enumerate(self.channels):
            weight = x[:, k]
            if channel not in OUTLINES and outlines:
                weight = np.where(self._around(x[:, outlines].max(axis=1)), weight, 0.0)
            columns += self._moments(weight)
        if "pet" in self.channels and outlines:
            columns.append(x[:, self.channels.index("pet")].sum(axis=1) * self._voxel)
        return np.stack(columns, axis=1)

    @property
    def _voxel(self) -> float:
        return self.spacing**self.dimensions

    def _moments(self, weight: Array) -> list[Array]:
        """Size, centroid and widths of weights (n, voxels)."""
        signed = weight.sum(axis=1) * self._voxel
        size = np.sign(signed) * np.abs(signed) ** (1 / self.dimensions)
        # Noise of PET can be negative; moments need a positive total.
        weight = np.maximum(weight, 0.0)
        sums = weight.sum(axis=1)
        total = sums + PSEUDO
        first = (weight @ self.place.T + PSEUDO * self.centre) / total[:, np.newaxis]
        columns = [size, *first.T]
        # Widths are those about the outline's own centroid, and zero if it is empty.
        own = weight @ self.place.T / np.maximum(sums, 1e-9)[:, np.newaxis]
        for a in range(self.dimensions):
            for b in range(a, self.dimensions):
                product = weight @ (self.place[a] * self.place[b])
                second = (product - sums * own[:, a] * own[:, b]) / total
                columns.append(np.sqrt(np.maximum(second, 0.0)) if a == b else second)
        return columns

    def _around(self, outline: Array) -> NDArray[np.bool_]:
        """Which voxels lie in the box around each outline (n, voxels), a centimetre wider."""
        inside = np.ones(outline.shape, dtype=bool)
        seen = outline > 0
        for axis in self.place:
            low = np.min(np.where(seen, axis, np.inf), axis=1, keepdims=True) - 1.0
            high = np.max(np.where(seen, axis, -np.inf), axis=1, keepdims=True) + 1.0
            inside &= (axis >= low) & (axis <= high)
        return inside
