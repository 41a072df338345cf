"""Explicit steps of Fisher–Kolmogorov growth, compiled, on one thread.

A step is an explicit diffusion step followed by the exact solution of logistic growth.  Both
factors commute where growth is still exponential, which is where a front is made, so that the
splitting leaves the front's speed alone.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_ONE = np.uint64(1)


# Voxels are numbered along one axis, so that the compiler sees few arrays and long rows.  Numbers
# are unsigned: a signed index might count from the end, and a loop that looks for that works on one
# voxel at a time, four times as slow.  "contract" lets products and sums be fused.
@numba.njit(cache=True, error_model="numpy", fastmath={"contract"})
def grow(
    fields: Any,
    face_x: Any,
    face_y: Any,
    face_z: Any,
    rows: Any,
    stride_x: np.uint64,
    stride_y: np.uint64,
    diffusion: Any,
    growth: Any,
    steps: Any,
) -> None:
    """Advance every field of a batch by its own number of steps, in place.

    Parameters
    ----------
    fields : ndarray of float64, shape (n, voxels)
        Cell density on a grid (x, y, z) in C order; zero outside the tissue.
    face_x, face_y, face_z : ndarray of float64, shape (voxels,)
        Diffusivity over squared spacing at the face between a voxel and the next on that axis;
        zero at faces that do not join two voxels of tissue, so that nothing flows there.
    rows : ndarray of uint64, shape (m, 2)
        First voxel, and one past the last, of each row along z that holds tissue.  None lies in
        the outermost layer of the grid.
    stride_x, stride_y : uint64
        Voxels from one to the next along x and y.
    diffusion, growth : ndarray of float64, shape (n,)
        D·dt and ρ·dt; the faces' diffusivities are in units of D.
    steps : ndarray of int64, shape (n,)
    """
    for s in range(fields.shape[0]):
        c, after = fields[s].copy(), np.zeros(fields.shape[1])
        share, rise = diffusion[s], np.exp(growth[s]) - 1.0
        for _ in range(steps[s]):
            for r in range(rows.shape[0]):
                for p in range(rows[r, 0], rows[r, 1]):
                    value = c[p]
                    # What leaves a voxel through a face enters its neighbour.
                    flow = (
                        face_x[p - stride_x] * (c[p - stride_x] - value)
                        + face_x[p] * (c[p + stride_x] - value)
                        + face_y[p - stride_y] * (c[p - stride_y] - value)
                        + face_y[p] * (c[p + stride_y] - value)
                        + face_z[p - _ONE] * (c[p - _ONE] - value)
                        + face_z[p] * (c[p + _ONE] - value)
                    )
                    value += share * flow
                    after[p] = value + rise * value * (1.0 - value) / (1.0 + rise * value)
            c, after = after, c
        fields[s] = c
