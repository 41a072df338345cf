"""Reduced basis: the directions in which whitened signals of a prior lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.errors import UsageError
from sbiwb.rng import stream

_CHUNK = 64


@dataclass(frozen=True)
class Basis:
    """Orthonormal directions in the space of whitened data.

    Parameters
    ----------
    vectors : ndarray, shape (entries, components)
    lost : float
        Share of the squared signal-to-noise ratio outside them, on average over signals of the
        prior that the basis was not made from.
    """

    vectors: Array
    lost: float

    def __call__(self, x: Array) -> Array:
        """Components of rows of x (n, …); shape (n, components)."""
        return np.asarray(x.reshape(len(x), -1) @ self.vectors)


def svd_basis(
    mean: Callable[[Array], Array], prior: Prior, components: int, training: int, seed: int
) -> Basis:
    """Leading right singular vectors of signals drawn from the prior, each scaled to unit norm.

    White noise stays white in an orthonormal basis, so the likelihood of the components is exact;
    what they lose is the part of the signal outside them.

    Parameters
    ----------
    mean : callable
        ``mean(theta (n, d)) -> (n, …)``, the whitened signal.
    prior : Prior
    components : int
    training : int
        Signals that the basis is made from; a tenth as many more measure what it loses.
    seed : int

    Raises
    ------
    UsageError
        If there are more components than signals or entries.
    """
    theta = prior.sample(training, stream(seed, "svd basis"))
    signals = _unit_signals(mean, theta)
    if not 1 <= components <= min(signals.shape):
        raise UsageError(
            "bad number of components",
            got=components,
            expected=f"1 to {min(signals.shape)}, the number of signals or of entries of x",
        )
    # Eigenvectors of the small Gram matrix; forming it squares the singular values, which matters
    # only far below the leading ones.
    values, left = np.linalg.eigh(signals @ signals.T)
    order = np.argsort(values)[::-1][:components]
    vectors, _ = np.linalg.qr(signals.T @ (left[:, order] / np.sqrt(values[order])))
    # The sign of a singular vector is arbitrary; fixed here, so that machines agree.
    largest = np.abs(vectors).argmax(axis=0)
    vectors *= np.sign(vectors[largest, np.arange(components)])
    held_out = _unit_signals(mean, prior.sample(max(training // 10, 1), stream(seed, "svd test")))
    kept = np.sum((held_out @ vectors) ** 2, axis=1)
    return Basis(vectors, float(1 - kept.mean()))


def _unit_signals(mean: Callable[[Array], Array], theta: Array) -> Array:
    parts = []
    for at in range(0, len(theta), _CHUNK):
        part = mean(theta[at : at + _CHUNK])
        part = part.reshape(len(part), -1)
        parts.append(part / np.linalg.norm(part, axis=1, keepdims=True))
    return np.concatenate(parts)
