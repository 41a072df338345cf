"""Sliced Wasserstein distance: how far draws have to be moved, over random directions."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.distances.moments import standardised
from sbiwb.rng import stream

DIRECTIONS = 200


def sliced_wasserstein(
    a: Array, b: Array, *, directions: int = DIRECTIONS, seed: int = 1, standardise: bool = True
) -> float:
    """Sliced 2-Wasserstein distance between two sets of draws.

    Parameters
    ----------
    a, b : ndarray, shapes (n, d) and (m, d)
        Equally weighted draws.
    directions : int
        Random directions on the unit sphere; their Monte Carlo error is about 1/√(2 · directions)
        of the distance.
    seed : int
        Seeds the directions.
    standardise : bool
        Whether to measure each column in standard deviations of `a`.

    Returns
    -------
    float
        √ of the mean over directions of the squared 2-Wasserstein distance of the projections.
        Between Gaussians of unit covariance it is |Δμ| / √d.  It is positive for finite samples of
        one distribution too, and falls like 1/√n.

    Raises
    ------
    DataError
        If the shapes do not match, or a column of `a` is constant.

    References
    ----------
    Bonneel, Rabin, Peyré & Pfister (2015), J. Math. Imaging Vis. 51, 22.
    """
    a, b = standardised(a, b, "the sliced Wasserstein distance", scaled=standardise)
    way = stream(seed, "directions").standard_normal((a.shape[1], directions))
    way /= np.linalg.norm(way, axis=0)
    along_a, along_b = np.sort(a @ way, axis=0), np.sort(b @ way, axis=0)
    # Both quantile functions are steps; they are compared on each interval between any two steps.
    ends_a, ends_b = (np.arange(1, len(x) + 1) / len(x) for x in (along_a, along_b))
    ends = np.union1d(ends_a, ends_b)
    inside = (ends + np.concatenate([[0.0], ends[:-1]])) / 2
    rows_a = np.minimum((inside * len(a)).astype(int), len(a) - 1)
    rows_b = np.minimum((inside * len(b)).astype(int), len(b) - 1)
    gaps = (along_a[rows_a] - along_b[rows_b]) ** 2
    return float(np.sqrt(np.mean(np.diff(ends, prepend=0.0) @ gaps)))
