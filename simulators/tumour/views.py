"""Outlines of a tumour over the anatomy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.views import Outlines, View

if TYPE_CHECKING:
    from .fisher_kolmogorov import FisherKolmogorov

_NAMES = {"t1gd": "T1Gd", "flair": "FLAIR"}
_NOTE = "Lines are where half of the draws have the outline; dotted is the one observed."
_LABELS = ("right [cm]", "anterior [cm]", "superior [cm]")
_PLANES = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}


def views(simulator: FisherKolmogorov, theta: Array, x: Array) -> list[View]:
    """Each outline in the slice, or in three slices through the middle of the tumour."""
    anatomy, images = simulator.anatomy, simulator.images
    cells = images.whole(simulator.cells(theta))
    seen = images.whole(x) == 1 if x.shape == (len(images.channels), anatomy.tissue.sum()) else None
    background = 0.35 * anatomy.grey + anatomy.white
    found: list[View] = []
    for k, channel in enumerate(images.outlines):
        threshold = simulator.thresholds(theta)[:, k]
        inside = cells > threshold.reshape(-1, *[1] * anatomy.tissue.ndim)
        observed = None if seen is None else seen[images.channels.index(channel)]
        if anatomy.tissue.ndim == 2:
            at = {"axial": (slice(None), slice(None))}
        else:
            at = _slices(inside.mean(axis=0) if observed is None else observed)
        for plane, cut in at.items():
            across, up = _PLANES[plane]
            found.append(
                Outlines(
                    f"{_NAMES[channel]}, {plane}",
                    _LABELS[across],
                    _LABELS[up],
                    anatomy.axes[across],
                    anatomy.axes[up],
                    background[cut],
                    inside[:, *cut],
                    None if observed is None else observed[cut],
                    _NOTE,
                )
            )
    return found


def _slices(region: Array) -> dict[str, tuple[slice | int, ...]]:
    """Three slices through the middle of a region of the brain."""
    total = max(float(np.sum(region)), 1e-12)
    middle = [int(np.sum(k * region) / total) for k in np.indices(region.shape)]
    cuts: dict[str, tuple[slice | int, ...]] = {}
    for plane, kept in _PLANES.items():
        cuts[plane] = tuple(slice(None) if k in kept else middle[k] for k in range(3))
    return cuts
