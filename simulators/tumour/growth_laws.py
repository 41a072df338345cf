"""Growth laws of a tumour's volume, as functions of time with a closed form.

The logarithm of the volume is returned, which neither overflows nor underflows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sbiwb.core.distributions import Array, LogUniform, Uniform
from sbiwb.core.prior import Parameter

VOLUME = Parameter("v0", LogUniform(1.0, 1e7), unit="mm^3", label="v_0")
_CAPACITY = Parameter("K", LogUniform(1.0, 1e7), unit="mm^3")
_RATE = Parameter("a", LogUniform(1e-4, 0.2), unit="1/d")


@dataclass(frozen=True)
class GrowthLaw:
    """A law v(t) with v(0) = v0.

    Parameters
    ----------
    log_volume : callable
        ``fn(t (k,), v0, *own)`` with parameters as columns (n, 1); returns ln v, shape (n, k).
    parameters : tuple of Parameter
        The law's own parameters, besides v0.
    """

    log_volume: Callable[..., Array]
    parameters: tuple[Parameter, ...]


def exponential(t: Array, v0: Array, a: Array) -> Array:
    """dv/dt = a v; shrinks if a < 0."""
    return np.log(v0) + a * t


def logistic(t: Array, v0: Array, a: Array, capacity: Array) -> Array:
    """dv/dt = a v (1 − v/K) (Verhulst 1838)."""
    gone = np.exp(-a * t)
    return np.log(capacity) - np.log1p(-gone + capacity / v0 * gone)


def gompertz(t: Array, v0: Array, a: Array, capacity: Array) -> Array:
    """dv/dt = a v ln(K/v) (Gompertz 1825; Laird 1964 for tumours)."""
    log_capacity = np.log(capacity)
    return log_capacity + (np.log(v0) - log_capacity) * np.exp(-a * t)


# The capacity may be less than v0: a treated lesion shrinks towards what resists.
LAWS = {
    "exponential": GrowthLaw(exponential, (Parameter("a", Uniform(-0.1, 0.1), unit="1/d"),)),
    "logistic": GrowthLaw(logistic, (_RATE, _CAPACITY)),
    "gompertz": GrowthLaw(gompertz, (_RATE, _CAPACITY)),
}
