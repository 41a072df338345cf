"""An observed datum and where it came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import Output
from sbiwb.errors import DataError


@dataclass(frozen=True)
class Observation:
    """An observed datum.

    Parameters
    ----------
    x : ndarray, shape output.shape
        The datum, in the units of the simulator's output.
    name : str
        Short name for tables and files.
    source : str
        Where it comes from: a citation, an address or a file name.
    """

    x: Array
    name: str = "observation"
    source: str = "given as an array"

    @property
    def sha256(self) -> str:
        """Hash of the numbers."""
        return hashlib.sha256(np.ascontiguousarray(self.x, dtype="<f8").tobytes()).hexdigest()


def check_observation(x: ArrayLike, output: Output) -> Array:
    """Return x as float64 with the output's shape, or raise `DataError`."""
    try:
        x = np.asarray(x)
    except (TypeError, ValueError) as error:  # rows of different lengths
        raise DataError("the observation is not an array", got=error) from error
    if x.dtype.kind not in "fiub":
        raise DataError(
            "the observation is not numeric", got=f"{x.dtype} data", expected="real numbers"
        )
    x = x.astype(np.float64)
    if x.shape != output.shape:
        raise DataError("the observation has the wrong shape", got=x.shape, expected=output.shape)
    bad = np.flatnonzero(~np.isfinite(x))
    if len(bad):
        raise DataError(
            "the observation has NaN or infinite values",
            got=f"{len(bad)} of {x.size}, first at flat index {bad[0]}",
            expected="finite numbers",
            remedy="leave missing points out of both the data and the simulator",
        )
    return x
