"""Many ensembles of walkers in the unconstrained space of the prior, and their start.

Walkers live in z = Φ⁻¹(u), in which the prior is a standard normal whatever its shape: no walls
that a posterior at the edge of the prior (wa → −3) would be cut by, and no Jacobian to forget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import emcee
import numpy as np
from numpy.typing import NDArray
from scipy import special

from sbiwb.core.distributions import Array
from sbiwb.errors import InferenceError
from sbiwb.rng import integer_seed, stream
from sbiwb.samplers._evaluations import Evaluations
from sbiwb.samplers._moves import mixture
from sbiwb.samplers._pool import prior_pools
from sbiwb.samplers._resampling import kish, systematic
from sbiwb.samplers.base import Target

POOL = 8
"""Prior draws per walker that a start is chosen from."""
STAGE_STEPS = 5
MAX_STAGES = 500

Groups = NDArray[np.intp]


@dataclass(frozen=True)
class Walk:
    """What a stretch of walking gave, for ensembles (g) of walkers (w).

    Parameters
    ----------
    z : ndarray, shape (step, g, w, d)
    log_prob : ndarray, shape (step, g, w)
        Log of the density that was walked in, with respect to z.
    accepted : ndarray, shape (g,)
        Fraction of proposals accepted.
    """

    z: Array
    log_prob: Array
    accepted: Array


class Ensembles:
    """Ensembles of `walkers` walkers, `copies` independent ones for each posterior of `target`."""

    def __init__(
        self, target: Target, copies: int, walkers: int, seed: int, key: tuple[str | int, ...]
    ) -> None:
        self.evaluations = Evaluations(target)
        self.walkers, self.seed, self.key = walkers, seed, key
        self.observation = np.repeat(np.arange(len(target)), copies)

    def log_likelihood(self, z: Array, group: Groups) -> Array:
        """log p(x | θ(z)) of rows of z (n, d) that belong to ensembles `group` (n,)."""
        theta = self.evaluations.target.prior.from_unconstrained(z)
        return self.evaluations.log_likelihood(theta, self.observation[group])

    def log_prob(self, z: Array, group: Groups) -> Array:
        """Unnormalised log posterior with respect to z."""
        return self.log_likelihood(z, group) + log_normal(z)

    def walk(
        self,
        log_prob: Callable[[Array, Groups], Array],
        group: Groups,
        z: Array,
        value: Array,
        steps: int,
        stage: str | int,
    ) -> Walk:
        """Walk some ensembles from z (g, w, d), where `log_prob` is `value` (g, w)."""
        dim = z.shape[-1]
        label = np.repeat(group, self.walkers)
        coords = np.column_stack([z.reshape(-1, dim), label])

        def density(coords: Array) -> Array:
            return log_prob(coords[:, :-1], coords[:, -1].astype(np.intp))

        sampler = emcee.EnsembleSampler(
            *coords.shape, density, moves=mixture(self.walkers), vectorize=True
        )
        # Without emcee's wrapper, which prints a traceback before it passes an error on.
        sampler.log_prob_fn = density
        words = integer_seed(self.seed, *self.key, stage) % 2**32
        start = emcee.State(
            coords,
            log_prob=value.ravel().copy(),
            random_state=np.random.RandomState(words).get_state(),
        )
        sampler.run_mcmc(start, steps, skip_initial_state_check=True)
        shape = (steps, len(group), self.walkers)
        return Walk(
            sampler.get_chain()[..., :-1].reshape(*shape, dim),
            sampler.get_log_prob().reshape(shape),
            sampler.acceptance_fraction.reshape(shape[1:]).mean(axis=1),
        )

    def start(self) -> tuple[Array, Array]:
        """Walkers spread over the posteriors, found by annealing from the prior.

        Each ensemble is a small sequential Monte Carlo sampler (Del Moral et al. 2006) of its own:
        prior draws are weighted by the likelihood to a power that leaves half of them effective,
        resampled and moved, until the power is one.  It finds a posterior in a tiny part of the
        prior, and all modes that prior draws reach; ensembles that differ in what they found stay
        apart, which R̂ then sees.

        Returns
        -------
        z : ndarray, shape (g, w, d)
        log_prob : ndarray, shape (g, w)

        Raises
        ------
        InferenceError
            If the likelihood is zero almost everywhere, or annealing does not end.
        """
        rng = stream(self.seed, *self.key, "start")
        u, log_like = prior_pools(
            self.evaluations, self.observation, POOL * self.walkers, self.walkers // 2, rng
        )
        power = np.zeros(len(u))
        power, rows = self._select(log_like, power, rng)
        z = np.take_along_axis(special.ndtri(u), rows[..., np.newaxis], axis=1)
        log_like = np.take_along_axis(log_like, rows, axis=1)
        cold = np.arange(len(z))
        for stage in range(MAX_STAGES):
            z[cold], log_like[cold] = self._temper(power, cold, z[cold], log_like[cold], stage)
            cold = np.flatnonzero(power < 1)
            if not len(cold):
                return z, log_like + log_normal(z)
            power[cold], rows = self._select(log_like[cold], power[cold], rng)
            z[cold] = np.take_along_axis(z[cold], rows[..., np.newaxis], axis=1)
            log_like[cold] = np.take_along_axis(log_like[cold], rows, axis=1)
        raise InferenceError(
            "walkers did not get from the prior to the posterior",
            got=f"likelihood to the power {power.min():.1e} after {MAX_STAGES} stages",
            expected="power 1",
            remedy="take more walkers, narrow the prior, or use dynesty",
        )

    def _select(
        self, log_like: Array, power: Array, rng: np.random.Generator
    ) -> tuple[Array, Groups]:
        """Raise the power as far as weights allow; new power (g,) and chosen rows (g, w)."""
        finite = np.sum(np.isfinite(log_like), axis=1)
        step = _largest_step(log_like, 1 - power, np.minimum(self.walkers, finite / 2))
        log_weights = step[:, np.newaxis] * (log_like - log_like.max(axis=1, keepdims=True))
        rows = np.stack([systematic(row, self.walkers, rng) for row in log_weights])
        return np.where(step == 1 - power, 1.0, power + step), rows

    def _temper(
        self, power: Array, group: Groups, z: Array, log_like: Array, stage: int
    ) -> tuple[Array, Array]:
        """Move walkers under the likelihood to a power; their places and log-likelihoods."""

        def tempered(z: Array, group: Groups) -> Array:
            return power[group] * self.log_likelihood(z, group) + log_normal(z)

        exponent = power[group, np.newaxis]
        walk = self.walk(
            tempered, group, z, exponent * log_like + log_normal(z), STAGE_STEPS, stage
        )
        z = walk.z[-1]
        return z, (walk.log_prob[-1] - log_normal(z)) / exponent


def log_normal(z: Array) -> Array:
    """Log density of a standard normal along the last axis: the prior in z."""
    return np.asarray(-0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=-1))


def _largest_step(log_like: Array, limit: Array, effective: Array) -> Array:
    """Largest δ ≤ limit at which weights L^δ have the given effective number; shape (g,)."""
    excess = log_like - log_like.max(axis=1, keepdims=True)

    def enough(step: Array) -> NDArray[np.bool_]:
        return np.asarray(kish(step[:, np.newaxis] * excess) >= effective)

    low, high = 1e-30 * limit, limit.copy()
    done = enough(high)
    for _ in range(50):
        middle = np.sqrt(low * high)
        ok = enough(middle)
        low, high = np.where(ok, middle, low), np.where(ok, high, middle)
    return np.where(done, limit, low)
