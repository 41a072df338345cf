"""Comoving distances, batched, in NumPy or Torch.

D_C(z) = c/H0 ∫ dz/E is smooth in n = ln(1 + z).  [0, n(z_max)] is cut at every redshift asked for
and, where these lie far apart, in between; each panel is integrated by Gauss–Legendre quadrature
and the distance to a redshift is the sum of the panels below it.  All sums together are one matrix
product, so that one evaluation of 1/E at some tens of nodes gives every distance.

In curved space the transverse comoving distance is D_M = S(Ωk D_C²) D_C, in units of c/H0, with
S(x) = sinh(√x)/√x for x > 0 and sin(√−x)/√−x for x < 0 (Hogg 1999, astro-ph/9905116, eq. 16).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sbiwb.core.distributions import Array

from .model import Model

# Over the priors of all models, five nodes on the panels that each model allows (0.3 in ln(1 + z)
# where nothing oscillates) leave a relative error below 1e-7; four nodes leave 1e-6
# (tests/unit/test_cosmology_distances.py measures both).
NODES = 5

# S(x) = Σ xᵏ/(2k+1)!; below z = 3 and within the prior, |x| < 10, where the rest is below 1e-17.
_TERMS = 14


class Distances:
    """Distances to fixed redshifts as a function of the parameters.

    Parameters
    ----------
    model : Model
    z : array, shape (k,)
        Positive redshifts, in any order; they may repeat.
    xp : module
        `numpy`, or `torch` for float64 tensors with gradients.
    nodes : int
        Quadrature nodes a panel.
    """

    def __init__(self, model: Model, z: Array, xp: Any = np, nodes: int = NODES) -> None:
        at = np.log1p(np.asarray(z, dtype=np.float64))
        abscissae, weights = quadrature(at, nodes, model.panel)
        n = xp.asarray(np.concatenate([abscissae, at]))
        self._weights = xp.asarray(weights)
        self._inside = len(abscissae)
        self._matter = xp.exp(3 * n)
        self._curvature = xp.exp(2 * n) if model.curved else None
        self._dark = model.density(n, xp)
        self._sqrt = xp.sqrt

    def __call__(self, om: Any, *own: Any) -> tuple[Any, Any]:
        """Distances for m points.

        Parameters
        ----------
        om, *own : array or tensor, shape (m, 1)
            Ωm and the model's own parameters, in its order.

        Returns
        -------
        transverse : array or tensor, shape (m, k)
            D_M H0/c at each redshift: in flat space ∫ dz/E from 0.
        hubble : array or tensor, shape (m, k)
            D_H H0/c = 1/E at each redshift.
        """
        if self._curvature is None:
            squared_rate = om * self._matter + (1 - om) * self._dark(*own)
        else:
            ok, *dark = own
            squared_rate = om * self._matter + ok * self._curvature
            squared_rate = squared_rate + (1 - om - ok) * self._dark(*dark)
        inverse_rate = 1 / self._sqrt(squared_rate)
        comoving = inverse_rate[:, : self._inside] @ self._weights
        hubble = inverse_rate[:, self._inside :]
        if self._curvature is None:
            return comoving, hubble
        return comoving * curved(own[0] * comoving * comoving), hubble


def curved(x: Any) -> Any:
    """S(x) of the module's docstring, smooth through x = 0 with all its derivatives."""
    total = 1.0 + 0.0 * x
    for k in range(_TERMS, 0, -1):
        total = 1 + total * x / (2 * k * (2 * k + 1))
    return total


def quadrature(at: Array, nodes: int, panel: float) -> tuple[Array, Array]:
    """Nodes in n = ln(1 + z), and weights (node, k) such that ``f(n) @ weights`` is ∫ f dz.

    The integrals run from 0 to each of the k points `at`, which are in ln(1 + z) too, on panels no
    wider than `panel`.
    """
    edge = np.array([0.0])
    for stop in np.unique(at):
        pieces = int(np.ceil((stop - edge[-1]) / panel))
        edge = np.append(edge, np.linspace(edge[-1], stop, pieces + 1)[1:])
    unit, weight = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(edge)[:, np.newaxis] / 2
    n = (edge[:-1, np.newaxis] + half * (1 + unit)).ravel()
    weight_z = (half * weight).ravel() * np.exp(n)  # dz = (1 + z) dn
    return n, np.where(n[:, np.newaxis] < at, weight_z[:, np.newaxis], 0.0)
