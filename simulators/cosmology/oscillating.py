"""Dark energy whose equation of state oscillates.

Two forms have a free frequency: w = w0 + A sin(B ln(1+z)), Linder's form with the phase that makes
w0 today's value, and w = w0 + A sin(B z), which with B = 1 is that of Xia, Feng & Zhang.  The other
four are those that Pan, Saridakis & Yang compare, two of them with a fixed frequency in ln(1+z)
and two damped in z; the damped sine is Ma & Zhang's.

Amplitudes and frequencies have priors of this library, wide enough for today's data.  B runs from
1, where less than half an oscillation lies below z = 2.33, to 10, where oscillations are as short
as the distance between data points.

References
----------
- Xia, Feng & Zhang (2005), Mod. Phys. Lett. A 20, 2409, astro-ph/0411501
- Linder (2006), On oscillating dark energy, Astropart. Phys. 25, 167, astro-ph/0511415
- Ma & Zhang (2011), Phys. Lett. B 699, 233, arXiv:1102.2671
- Pan, Saridakis & Yang (2018), Phys. Rev. D 98, 063510, arXiv:1712.05746, models I to IV
- Escamilla et al. (2025), Testing an oscillatory behavior of dark energy, arXiv:2404.00181
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array, Uniform
from sbiwb.core.prior import Parameter

from .model import W0, Density, Model

# Nodes of Gauss–Legendre quadrature: for a shape, once and for all; for a frequency, in each gap
# between neighbouring redshifts, at every evaluation.
_SHAPE_NODES = 40
_GAP_NODES = 3


def shaped(shape: Callable[[Array], Array]) -> Callable[[Any, Any], Density]:
    """Density of w = w0 + b·shape(z): the integral of the shape is computed once."""

    def prepare(n: Any, xp: Any) -> Density:
        unit, weight = np.polynomial.legendre.leggauss(_SHAPE_NODES)
        half = np.asarray(n)[:, np.newaxis] / 2
        integral = half[:, 0] * (shape(np.expm1(half * (1 + unit))) @ weight)
        total = xp.asarray(integral)
        return lambda w0, b: xp.exp(3 * ((1 + w0) * n + b * total))

    return prepare


def sine_in_ln(n: Any, xp: Any) -> Density:
    """Prepare w = w0 + A sin(B ln(1+z)): ∫ sin(B n) dn = (1 − cos(B n))/B."""
    return lambda w0, a, b: xp.exp(3 * ((1 + w0) * n + a * (1 - xp.cos(b * n)) / b))


def sine_in_z(n: Any, xp: Any) -> Density:
    """Prepare w = w0 + A sin(B z), integrated numerically to better than 1e-7."""
    edges = np.union1d(0.0, np.asarray(n))
    unit, weight = np.polynomial.legendre.leggauss(_GAP_NODES)
    half = np.diff(edges)[:, np.newaxis] / 2
    # Nodes between neighbouring redshifts, and the gap that ends at each redshift.
    z = np.expm1(edges[:-1, np.newaxis] + half * (1 + unit))
    nodes = [(xp.asarray(z[:, k]), xp.asarray(half[:, 0] * weight[k])) for k in range(_GAP_NODES)]
    ends = xp.asarray(np.searchsorted(edges, np.asarray(n)) - 1)

    def density(w0: Any, a: Any, b: Any) -> Any:
        gaps = sum(xp.sin(b * z) * share for z, share in nodes)
        return xp.exp(3 * ((1 + w0) * n + a * xp.cumsum(gaps, -1)[..., ends]))

    return density


_AMPLITUDE = Parameter("A", Uniform(-2.0, 2.0), label="A")
_FREQUENCY = Parameter("B", Uniform(1.0, 10.0), label="B")
_SHARE = Parameter("b", Uniform(-3.0, 3.0), label="b")

_SHAPES: dict[str, Callable[[Array], Array]] = {
    "osc_ln_cos": lambda z: 1 - np.cos(np.log1p(z)),
    "osc_ln_sin": lambda z: np.sin(np.log1p(z)),
    "osc_damped_sin": lambda z: np.sin(1 + z) / (1 + z) - np.sin(1),
    "osc_damped_cos": lambda z: z / (1 + z) * np.cos(1 + z),
}


def _of_shape(shape: Callable[[Array], Array]) -> Model:
    return Model(shaped(shape), lambda z, w0, b: w0 + b * shape(z), (W0, _SHARE))


OSCILLATING = {
    "osc_ln": Model(
        sine_in_ln,
        lambda z, w0, a, b: w0 + a * np.sin(b * np.log1p(z)),
        (W0, _AMPLITUDE, _FREQUENCY),
        panel=0.2,
    ),
    "osc_z": Model(
        sine_in_z,
        lambda z, w0, a, b: w0 + a * np.sin(b * z),
        (W0, _AMPLITUDE, _FREQUENCY),
        panel=0.1,
    ),
    **{name: _of_shape(shape) for name, shape in _SHAPES.items()},
}
