"""Gradients of likelihoods: networks by autograd, the smooth maps around them by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array

if TYPE_CHECKING:
    import torch

STEP = 1e-3


def jacobian(function: Callable[[Array], Array], points: Array) -> Array:
    """∂f_i/∂p_j of ``function(points (k, d)) -> (k, m)`` at points (n, d); shape (n, m, d).

    By central differences, to about six digits at points of unit scale.  Hamiltonian Monte Carlo
    needs no more: whatever force it is driven by, as long as that depends on the place only, the
    leapfrog is reversible and keeps volume, and exact densities decide what is accepted (Neal 2011,
    arXiv:1206.1901).
    """
    n, dim = points.shape
    steps = STEP * np.concatenate([np.eye(dim), -np.eye(dim)])
    moved = (points[:, np.newaxis] + steps).reshape(-1, dim)
    up, down = function(moved).reshape(n, 2, dim, -1).transpose(1, 0, 3, 2)
    return np.asarray((up - down) / (2 * STEP))


def chained(
    log_likelihood: Callable[[torch.Tensor], torch.Tensor],
    inputs: Callable[[Array], Array],
    points: Array,
) -> tuple[Array, Array]:
    """Value (n,) and gradient (n, d) of ``log_likelihood(inputs(points))``.

    `log_likelihood`, on float64 tensors, is differentiated by autograd and `inputs`, in NumPy, by
    `jacobian`.  The gradient is zero where the value or the gradient itself is not finite.
    """
    import torch

    at = torch.tensor(inputs(points), requires_grad=True)
    value = log_likelihood(at)
    (slope,) = torch.autograd.grad(value.sum(), at)
    gradient = np.einsum("nm,nmd->nd", slope.numpy(), jacobian(inputs, points))
    known = np.asarray(value.detach().numpy(), dtype=np.float64)
    usable = np.isfinite(known) & np.isfinite(gradient).all(axis=1)
    return known, np.where(usable[:, np.newaxis], gradient, 0.0)
