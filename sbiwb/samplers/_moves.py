"""Ensemble moves for many ensembles at once: walkers meet only walkers of their own ensemble.

Calibration asks for hundreds of posteriors.  Walking them together costs one batched call of the
likelihood per half-step, where hundreds of chains one after the other cost hundreds.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import emcee
import numpy as np
from emcee.moves import Move
from numpy.typing import NDArray

from sbiwb.core.distributions import Array


class GroupedMove(Move):  # type: ignore[misc]
    """A red–blue move of ensembles that lie one after the other in emcee's array of walkers.

    The last coordinate of a walker is the number of its ensemble and never moves.  Even walkers
    move given the odd ones, then odd given even (Foreman-Mackey et al. 2013, arXiv:1202.3665); as
    the number of walkers is even, parity is the same within the ensemble as within the array.

    Parameters
    ----------
    walkers : int
        Walkers per ensemble, even.
    """

    def __init__(self, walkers: int) -> None:
        self.walkers = walkers

    @abstractmethod
    def propose_from(
        self, moving: Array, others: Array, random: np.random.RandomState
    ) -> tuple[Array, Array]:
        """Propose points for `moving`, given `others`, both (ensemble, walkers / 2, d).

        Returns
        -------
        ndarray, shape (ensemble, walkers / 2, d)
            Proposed points.
        ndarray, shape (ensemble, walkers / 2)
            Log of the factor that the acceptance ratio takes besides the densities.
        """

    def propose(self, model: emcee.model.Model, state: emcee.State) -> tuple[emcee.State, Array]:
        """Move every walker once; emcee calls this."""
        accepted = np.zeros(len(state.coords), dtype=bool)
        for half in (0, 1):
            points = state.coords[:, :-1].reshape(-1, self.walkers, state.coords.shape[1] - 1)
            new, log_factor = self.propose_from(
                points[:, half::2], points[:, 1 - half :: 2], model.random
            )
            proposed = state.coords[half::2].copy()
            proposed[:, :-1] = new.reshape(len(proposed), -1)
            log_prob = model.log_prob_fn(proposed)
            log_ratio = log_factor.ravel() + log_prob - state.log_prob[half::2]
            taken = log_ratio > -model.random.standard_exponential(len(proposed))
            rows = np.arange(half, len(accepted), 2)[taken]
            state.coords[rows] = proposed[taken]
            state.log_prob[rows] = log_prob[taken]
            accepted[rows] = True
        return state, accepted


class Stretch(GroupedMove):
    """The stretch move of Goodman & Weare (2010, CAMCoS 5, 65) with a = 2."""

    def propose_from(
        self, moving: Array, others: Array, random: np.random.RandomState
    ) -> tuple[Array, Array]:
        ensembles, half, dim = moving.shape
        stretch = 0.5 * (1 + random.random_sample((ensembles, half))) ** 2
        partner = _pick(others, random.randint(half, size=(ensembles, half)))
        proposed = partner + stretch[..., np.newaxis] * (moving - partner)
        return proposed, (dim - 1) * np.log(stretch)


class Difference(GroupedMove):
    """Differential evolution (ter Braak 2006, Statistics and Computing 16, 239).

    Parameters
    ----------
    walkers : int
        Walkers per ensemble, even.
    scale : float, optional
        Factor of the difference of two other walkers; 2.38/√(2d) by default, which is optimal for
        a Gaussian.  With 1, walkers jump between modes of like shape.
    """

    def __init__(self, walkers: int, scale: float | None = None) -> None:
        super().__init__(walkers)
        self.scale = scale

    def propose_from(
        self, moving: Array, others: Array, random: np.random.RandomState
    ) -> tuple[Array, Array]:
        ensembles, half, dim = moving.shape
        difference = difference_of_two(others, random)
        # A little noise in the scale lets walkers off the lattice of each other's differences.
        noise: Array = 1 + 1e-5 * random.standard_normal((ensembles, half, 1))
        scale = 2.38 / math.sqrt(2 * dim) if self.scale is None else self.scale
        proposed = moving + scale * noise * difference
        return proposed, np.zeros((ensembles, half))


def mixture(walkers: int, _dim: int) -> list[tuple[GroupedMove, float]]:
    """The moves and their shares, alike in any dimension.

    Differential evolution mixes faster than the stretch move on Gaussians; the
    stretch move is better in curved valleys and the full jump between modes.
    """
    return [(Difference(walkers), 0.6), (Difference(walkers, 1.0), 0.2), (Stretch(walkers), 0.2)]


def difference_of_two(points: Array, random: np.random.RandomState) -> Array:
    """Differences of two different points of each ensemble (e, n, d); n of them, (e, n, d)."""
    ensembles, n, _ = points.shape
    first = random.randint(n, size=(ensembles, n))
    second = (first + random.randint(1, n, size=(ensembles, n))) % n
    return _pick(points, first) - _pick(points, second)


def _pick(points: Array, index: NDArray[np.intp]) -> Array:
    """Rows `index` (ensemble, k) of each ensemble's points (ensemble, n, d)."""
    return np.take_along_axis(points, index[..., np.newaxis], axis=1)
