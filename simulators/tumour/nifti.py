"""A patient's own segmentations and PET, from NIfTI files to the simulator's grid.

The images must lie in the space of the ICBM152 template, that is, be registered to it; nothing is
registered here.  They are resampled by averaging: a voxel of the grid gets the mean of a cube of
points inside it, one a voxel of the file along each axis but no less than two and no more than
four, each read from the file by nearest neighbour (outlines) or linear interpolation (PET).  An
outline is 1 where the mean is at least one half.  Averaging, unlike reading one point, neither
drops thin parts at random nor shifts volumes.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from scipy import ndimage

from sbiwb.core.distributions import Array
from sbiwb.core.observation import Observation
from sbiwb.errors import DataError, UsageError

from .anatomy import Anatomy
from .fisher_kolmogorov import FisherKolmogorov
from .images import OUTLINES

POINTS = (2, 4)
"""Points along each axis of a voxel, at least and at most."""
OUTSIDE = 0.05
"""Share of an outline that may lie outside the brain before it is taken for unregistered."""


def read_images(
    simulator: FisherKolmogorov,
    files: Mapping[str, str | os.PathLike[str]],
    pet_scale: float | None = None,
) -> Observation:
    """Read one file a channel and return the datum of a simulator.

    Parameters
    ----------
    simulator : FisherKolmogorov
        Whose grid and channels are wanted.
    files : mapping of str to path
        Channel → NIfTI file in template space: ``t1gd`` and ``flair`` masks (0 is outside, all else
        inside), ``pet`` uptake.
    pet_scale : float, optional
        Uptake, in the file's unit, of tissue full of tumour cells (c = 1); needed with PET.

    Returns
    -------
    Observation
        x as the simulator's output: images, or their summaries.

    Raises
    ------
    UsageError
        If the channels are not those of the simulator, or `pet_scale` is missing or not positive.
    DataError
        If a file cannot be read, is not three-dimensional, does not overlap the grid, or an outline
        lies outside the brain by more than a twentieth.
    """
    channels = simulator.images.channels
    if set(files) != set(channels):
        raise UsageError(
            "files do not match the channels",
            got=", ".join(files),
            expected=", ".join(channels),
            remedy="build the simulator with channels=[…], those that were taken",
        )
    if "pet" in files and not (pet_scale is not None and 0 < pet_scale < np.inf):
        raise UsageError("PET needs pet_scale", got=pet_scale, expected="the uptake at c = 1, > 0")
    x = []
    for channel in channels:
        is_outline = channel in OUTLINES
        grid = _resampled(Path(files[channel]), simulator.anatomy, is_outline)
        if is_outline:
            outline = grid >= 0.5
            _check_inside(files[channel], outline, simulator.anatomy)
            x.append(simulator.images.cut(outline.astype(np.float64)))
        else:
            x.append(simulator.images.cut(grid) / pet_scale)
    images = np.stack(x)
    if simulator.options["output"] == "summary":
        images = simulator.summarise(images[np.newaxis])[0]
    hashes = ", ".join(f"{Path(files[c]).name} (SHA-256 {_hash(files[c])}…)" for c in channels)
    return Observation(images, name=Path(files[channels[0]]).name.split(".")[0], source=hashes)


def write_image(anatomy: Anatomy, values: Array, path: str | os.PathLike[str]) -> None:
    """Write values on the voxels of tissue, shape (voxels,), as a NIfTI file in template space.

    Raises
    ------
    UsageError
        If the values are not one for each voxel of tissue.
    """
    if np.shape(values) != (int(anatomy.tissue.sum()),):
        raise UsageError(
            "not one value for each voxel of tissue",
            got=f"shape {np.shape(values)}",
            expected=f"({int(anatomy.tissue.sum())},)",
        )
    grid = np.zeros(anatomy.shape, dtype=np.float32)
    grid[anatomy.tissue] = values
    volume = grid if grid.ndim == 3 else grid[:, :, np.newaxis]
    nibabel.save(nibabel.Nifti1Image(volume, anatomy.affine), os.fspath(path))


def _resampled(path: Path, anatomy: Anatomy, is_mask: bool) -> Array:
    """Mean of the file's values in each voxel of the grid; shape anatomy.shape."""
    values, affine = _read(path)
    if is_mask:
        values = (values != 0).astype(np.float64)
    size = 10 * anatomy.spacing
    finest = float(np.min(np.linalg.norm(affine[:3, :3], axis=0)))
    points = int(np.clip(math.ceil(size / finest), *POINTS))
    offset = size * ((np.arange(points) + 0.5) / points - 0.5)
    # A slice is a slab, one voxel thick.
    whole = [10 * axis for axis in anatomy.axes]
    if len(whole) == 2:
        whole.append(np.array([anatomy.affine[2, 3]]))
    to_file = np.linalg.inv(affine)
    total = np.zeros([len(axis) for axis in whole])
    seen = 0
    for shift in np.stack(np.meshgrid(offset, offset, offset), axis=-1).reshape(-1, 3):
        mesh = np.meshgrid(*(a + s for a, s in zip(whole, shift, strict=True)), indexing="ij")
        place = np.tensordot(to_file[:3, :3], np.stack(mesh), axes=1)
        place += to_file[:3, 3].reshape(3, 1, 1, 1)
        inside = np.all(
            [(p > -0.5) & (p < n - 0.5) for p, n in zip(place, values.shape, strict=True)], axis=0
        )
        seen += int(inside.sum())
        total += ndimage.map_coordinates(
            values, place, order=0 if is_mask else 1, mode="constant", cval=0.0, prefilter=False
        )
    if seen == 0:
        raise DataError(
            f"{path} does not overlap the brain",
            expected="an image registered to the ICBM152 template",
        )
    mean: Array = (total / points**3).reshape(anatomy.shape)
    return mean


def _read(path: Path) -> tuple[Array, Array]:
    try:
        image: Any = nibabel.load(path)
        values = np.asarray(image.get_fdata(), dtype=np.float64)
    except (OSError, ValueError, EOFError, nibabel.filebasedimages.ImageFileError) as error:
        raise DataError(f"cannot read {path}", got=error, expected="a NIfTI image") from error
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3 or not np.all(np.isfinite(values)):
        raise DataError(
            f"bad image {path}", got=f"shape {values.shape}", expected="three axes, finite numbers"
        )
    return values, np.asarray(image.affine, dtype=np.float64)


def _check_inside(path: str | os.PathLike[str], outline: Array, anatomy: Anatomy) -> None:
    filled = ndimage.binary_fill_holes(ndimage.binary_closing(anatomy.tissue, iterations=2))
    count = int(outline.sum())
    astray = int(np.sum(outline & ~(filled | anatomy.tissue)))
    if count and astray > OUTSIDE * count:
        raise DataError(
            f"{path} lies outside the brain",
            got=f"{astray} of {count} voxels",
            expected="a mask registered to the ICBM152 template",
        )


def _hash(path: str | os.PathLike[str]) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
