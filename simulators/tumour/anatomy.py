"""Grey and white matter of the ICBM152 template, as nilearn ships it, on a grid.

nilearn resamples the template to whole millimetres, which takes seconds; the result is kept in the
user's cache under nilearn's version and the spacing.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sbiwb.core.distributions import Array
from sbiwb.errors import UsageError

SPACINGS = (2, 4)
"""Grid spacings in millimetres."""
TISSUE = 0.5
"""A voxel is tissue if grey and white matter fill at least this share of it."""
SOURCE = "ICBM 152 2009a template (Fonov et al. 2011), as shipped by nilearn"


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Tissue on a grid with at least one layer of voxels without tissue around it.

    Parameters
    ----------
    grey, white : ndarray, shape (nx, ny, nz) or (nx, ny)
        Shares of grey and white matter in each voxel, zero outside `tissue`.
    tissue : ndarray of bool, same shape
        Where cells can live: one connected piece.
    affine : ndarray, shape (4, 4)
        From voxel numbers (i, j, k) to millimetres (right, anterior, superior); a slice is k = 0.
    """

    grey: Array
    white: Array
    tissue: NDArray[np.bool_]
    affine: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return self.tissue.shape

    @property
    def spacing(self) -> float:
        """Distance of voxel centres in cm."""
        return float(self.affine[0, 0]) / 10

    @cached_property
    def axes(self) -> tuple[Array, ...]:
        """Coordinates of voxel centres along each axis in cm: x right, y anterior, z superior."""
        return tuple(
            (self.affine[k, 3] + self.affine[k, k] * np.arange(n)) / 10
            for k, n in enumerate(self.shape)
        )


@lru_cache(maxsize=8)
def brain(spacing_mm: int = 4, slice_mm: float | None = None) -> Anatomy:
    """Return the template's cerebrum, cerebellum and stem, cropped to where there is tissue.

    Parameters
    ----------
    spacing_mm : int
        2 or 4.
    slice_mm : float, optional
        Height of an axial slice above the anterior commissure; the whole brain by default.

    Raises
    ------
    UsageError
        If there is no such spacing, or no tissue at this height.
    """
    if spacing_mm not in SPACINGS:
        raise UsageError("bad spacing", got=f"{spacing_mm!r} mm", expected=f"one of {SPACINGS} mm")
    grey, white, affine = _maps(spacing_mm)
    if slice_mm is not None:
        height = affine[2, 3] + spacing_mm * np.arange(grey.shape[2])
        nearest = int(np.argmin(np.abs(height - slice_mm)))
        if abs(height[nearest] - slice_mm) > spacing_mm / 2:
            raise UsageError(
                "no slice at this height",
                got=f"{slice_mm} mm",
                expected=f"{height[0]:g} to {height[-1]:g} mm",
            )
        affine[2, 3] = height[nearest]
        grey, white = grey[:, :, nearest], white[:, :, nearest]
    return from_maps(grey, white, affine)


def from_maps(grey: Array, white: Array, affine: Array) -> Anatomy:
    """Make an anatomy of tissue maps: the largest connected piece, cropped, with a margin.

    Raises
    ------
    UsageError
        If there is no tissue.
    """
    pieces, count = ndimage.label(grey + white >= TISSUE)
    if count == 0:
        raise UsageError("no tissue in this part of the template")
    sizes = np.bincount(pieces.ravel())
    tissue = np.pad(pieces == 1 + int(np.argmax(sizes[1:])), 1)
    box = ndimage.find_objects(tissue.astype(int))[0]
    crop = tuple(slice(side.start - 1, side.stop + 1) for side in box)
    moved = np.array(affine, dtype=np.float64)
    for axis, side in enumerate(crop):
        moved[axis, 3] += moved[axis, axis] * (side.start - 1)
    tissue = tissue[crop]
    grey, white = (np.where(tissue, np.pad(share, 1)[crop], 0.0) for share in (grey, white))
    for array in (grey, white, tissue, moved):
        array.flags.writeable = False
    return Anatomy(grey, white, tissue, moved)


def _maps(spacing_mm: int) -> tuple[Array, Array, Array]:
    """Grey and white matter of the whole template, and the affine, from the cache or nilearn."""
    import pooch

    version = importlib.metadata.version("nilearn")
    kept = Path(pooch.os_cache("sbiwb"), "tumour", f"icbm152-{spacing_mm}mm-nilearn-{version}.npz")
    if kept.is_file():
        try:
            with np.load(kept, allow_pickle=False) as arrays:
                return arrays["grey"], arrays["white"], arrays["affine"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            kept.unlink(missing_ok=True)  # a damaged copy is made again
    from nilearn import datasets  # only now: it takes seconds

    images = [
        load(resolution=spacing_mm)
        for load in (datasets.load_mni152_gm_template, datasets.load_mni152_wm_template)
    ]
    # Rounding in the resampling leaves −0.0 and 1 + 1e-16.
    grey, white = (np.clip(np.asarray(i.get_fdata(), np.float64), 0.0, 1.0) for i in images)
    affine = np.array(images[0].affine, dtype=np.float64)
    _keep(kept, grey=grey, white=white, affine=affine)
    return grey, white, affine


def _keep(path: Path, **arrays: Array) -> None:
    """Write the cache in one move, so that no reader sees half of it; none if it is closed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
            np.savez_compressed(file, **arrays)
        Path(file.name).replace(path)
    except OSError:  # a cache saves seconds; without one all is as before
        return
