"""Chains of several posteriors that walk together, and the draws that are kept of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbiwb.core.distributions import Array, Index, Mask
from sbiwb.samplers._autocorrelation import integrated_time
from sbiwb.samplers._ensembles import Ensembles

BURN_IN = 0.2
"""Share of the steps that is discarded."""


@dataclass(frozen=True)
class Chains:
    """Chains of posteriors (p), each in several ensembles (e) of walkers (w).

    Parameters
    ----------
    which : ndarray of int, shape (p,)
        Numbers of the posteriors.
    y : ndarray, shape (step, p, e, w, d)
    log_prob : ndarray, shape (step, p, e, w)
        With respect to y.
    accepted : ndarray, shape (p,)
        Proposals accepted per walker, all steps together.
    """

    which: Index
    y: Array
    log_prob: Array
    accepted: Array

    def __len__(self) -> int:
        return len(self.y)

    def extended(self, ensembles: Ensembles, steps: int) -> Chains:
        """Walk `steps` more."""
        _, posteriors, copies, walkers, dim = self.y.shape
        group = (self.which[:, np.newaxis] * copies + np.arange(copies)).ravel()
        last = self.y[-1].reshape(-1, walkers, dim), self.log_prob[-1].reshape(-1, walkers)
        walk = ensembles.walk(ensembles.log_prob, group, *last, steps, f"step {len(self)}")
        shape = (steps, posteriors, copies, walkers)
        return Chains(
            self.which,
            np.concatenate([self.y, walk.y.reshape(*shape, dim)]),
            np.concatenate([self.log_prob, walk.log_prob.reshape(shape)]),
            self.accepted + steps * walk.accepted.reshape(posteriors, copies).mean(axis=1),
        )

    def keep(self, chosen: Mask) -> Chains:
        """Chains of the chosen posteriors only."""
        return Chains(
            self.which[chosen], self.y[:, chosen], self.log_prob[:, chosen], self.accepted[chosen]
        )

    def autocorrelation_times(self) -> Array:
        """Largest autocorrelation time of y and log p, after burn-in, per posterior; (p,)."""
        kept = slice(burn_in(len(self)), None)
        series = np.concatenate([self.y[kept], self.log_prob[kept, ..., np.newaxis]], axis=-1)
        steps, posteriors, *_, quantities = series.shape
        times = np.array(
            [
                integrated_time(series[:, k].reshape(steps, -1, quantities))
                for k in range(posteriors)
            ]
        )
        # log p of a posterior that is the prior, flat in y, never changes.
        times[np.isinf(times[:, -1]), -1] = 1.0
        return np.asarray(times.max(axis=1))

    def draws(self, k: int, n: int) -> tuple[Array, Array]:
        """n evenly spread draws of each ensemble of the k-th posterior, after burn-in.

        They lie in the order early half, late half; within it by walker; within it in time.

        Returns
        -------
        y : ndarray, shape (e, n, d)
        log_prob : ndarray, shape (e, n)
        """
        half = (len(self) - burn_in(len(self))) // 2
        _, _, copies, walkers, dim = self.y.shape
        y = self.y[-2 * half :, k].reshape(2, half, copies, walkers, dim)
        log_prob = self.log_prob[-2 * half :, k].reshape(2, half, copies, walkers)
        rows = (np.arange(n) * (2 * half * walkers)) // n
        return (
            y.transpose(2, 0, 3, 1, 4).reshape(copies, -1, dim)[:, rows],
            log_prob.transpose(2, 0, 3, 1).reshape(copies, -1)[:, rows],
        )


def burn_in(steps: int) -> int:
    """Steps discarded of a chain of `steps`."""
    return int(BURN_IN * steps)
