"""What a data set measures, and how distances become its predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array, Uniform
from sbiwb.core.prior import Parameter

from .distances import Distances
from .model import Model

# c / (100 km/s/Mpc), so that distances over r_d need only the product h·r_d.
HUBBLE_DISTANCE = 2997.92458
SPEED_OF_LIGHT = 299792.458  # km/s

HRD = Parameter("hrd", Uniform(50.0, 200.0), unit="Mpc", label="h r_d")
# Range of DESI DR2 Results II (arXiv:2503.14738).
H0 = Parameter("H0", Uniform(20.0, 100.0), unit="km/s/Mpc", label="H_0")

Prediction = Callable[[Any, Any, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Probe:
    """A data set with Gaussian errors.

    Parameters
    ----------
    name, source : str
        Short name, and where the numbers come from.
    z : ndarray, shape (j,)
        Redshifts at which it needs distances.
    value : ndarray, shape (k,)
        What was measured.
    covariance : ndarray, shape (k, k)
    names : tuple of str
        A readable name for each entry of `value`.
    prepare : callable
        ``prepare(xp)`` returns, for the namespace `numpy` or `torch`, a function from the distances
        D_M and D_H at `z` in units of c/H0, each (m, j), and the scales, a mapping from the names
        of `scales` to columns (m, 1), to the prediction (m, k).
    scales : tuple of Parameter
        Parameters that it needs besides those of the model.
    unit : str
        Unit of `value`.
    measures : str
        What was measured: two probes that measure the same cannot be combined.
    """

    name: str
    source: str
    z: Array
    value: Array
    covariance: Array
    names: tuple[str, ...]
    prepare: Callable[[Any], Prediction]
    scales: tuple[Parameter, ...] = ()
    unit: str = ""
    measures: str = ""

    def __len__(self) -> int:
        return len(self.value)


class Predictions:
    """Predictions of several probes as one vector.

    Parameters
    ----------
    probes : sequence of Probe
    model : Model
    scales : sequence of str
        Names of the columns of theta between Ωm and the model's own parameters.
    xp : module
        `numpy`, or `torch` for float64 tensors with gradients.
    """

    def __init__(
        self, probes: Sequence[Probe], model: Model, scales: Sequence[str], xp: Any
    ) -> None:
        self._scales = tuple(scales)
        self._distances = Distances(model, np.concatenate([probe.z for probe in probes]), xp)
        ends = np.cumsum([0, *(len(probe.z) for probe in probes)]).tolist()
        self._parts = [
            (slice(start, stop), probe.prepare(xp))
            for start, stop, probe in zip(ends[:-1], ends[1:], probes, strict=True)
        ]
        self._join = xp.concatenate

    def __call__(self, theta: Any) -> Any:
        """Predict x for each row of theta (m, d); shape (m, k)."""
        om, *rest = (theta[:, k : k + 1] for k in range(theta.shape[1]))
        own = rest[len(self._scales) :]
        scales = dict(zip(self._scales, rest, strict=False))
        across, along = self._distances(om, *own)
        parts = [
            predict(across[:, where], along[:, where], scales) for where, predict in self._parts
        ]
        return parts[0] if len(parts) == 1 else self._join(parts, axis=1)


def differences(reference: int, size: int) -> Array:
    """Matrix (size, size − 1) that turns rows of values into differences from one of them."""
    others = np.delete(np.eye(size), reference, axis=1)
    others[reference] = -1.0
    return others
