"""Many ensembles of walkers, and their start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import emcee
import numpy as np
from emcee.moves import Move
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.errors import InferenceError
from sbiwb.rng import integer_seed, stream
from sbiwb.samplers._coordinates import Coordinates
from sbiwb.samplers._evaluations import Evaluations
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
    y : ndarray, shape (step, g, w, d)
    log_prob : ndarray, shape (step, g, w)
        Log of the density that was walked in, with respect to y.
    accepted : ndarray, shape (g,)
        Fraction of proposals accepted.
    """

    y: Array
    log_prob: Array
    accepted: Array


class Ensembles:
    """Ensembles of `walkers` walkers, `copies` independent ones for each posterior of `target`.

    They walk by `moves`: moves of emcee and their shares.
    """

    def __init__(
        self,
        target: Target,
        copies: int,
        walkers: int,
        moves: Sequence[tuple[Move, float]],
        seed: int,
        key: tuple[str | int, ...],
    ) -> None:
        self.evaluations, self.coordinates = Evaluations(target), Coordinates(target.prior)
        self.walkers, self.moves, self.seed, self.key = walkers, list(moves), seed, key
        self.observation = np.repeat(np.arange(len(target)), copies)

    def log_likelihood(self, y: Array, group: Groups) -> Array:
        """log p(x | θ(y)) of rows of y (n, d) of ensembles `group` (n,), −inf outside the prior."""
        value = np.full(len(y), -np.inf)
        inside = np.isfinite(self.coordinates.log_prior(y))
        if np.any(inside):
            theta = self.coordinates.theta(y[inside])
            which = self.observation[group[inside]]
            value[inside] = self.evaluations.log_likelihood(theta, which)
        return value

    def log_prob(self, y: Array, group: Groups) -> Array:
        """Unnormalised log posterior with respect to y."""
        return self.log_likelihood(y, group) + self.coordinates.log_prior(y)

    def walk(
        self,
        log_prob: Callable[[Array, Groups], Array],
        group: Groups,
        y: Array,
        value: Array,
        steps: int,
        stage: str | int,
    ) -> Walk:
        """Walk some ensembles from y (g, w, d), where `log_prob` is `value` (g, w)."""
        dim = y.shape[-1]
        label = np.repeat(group, self.walkers)
        coords = np.column_stack([y.reshape(-1, dim), label])

        def density(coords: Array) -> Array:
            return log_prob(coords[:, :-1], coords[:, -1].astype(np.intp))

        sampler = emcee.EnsembleSampler(*coords.shape, density, moves=self.moves, vectorize=True)
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
        y : ndarray, shape (g, w, d)
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
        y = np.take_along_axis(self.coordinates.from_unit(u), rows[..., np.newaxis], axis=1)
        log_like = np.take_along_axis(log_like, rows, axis=1)
        cold = np.arange(len(y))
        for stage in range(MAX_STAGES):
            y[cold], log_like[cold] = self._temper(power, cold, y[cold], log_like[cold], stage)
            cold = np.flatnonzero(power < 1)
            if not len(cold):
                return y, log_like + self.coordinates.log_prior(y)
            power[cold], rows = self._select(log_like[cold], power[cold], rng)
            y[cold] = np.take_along_axis(y[cold], rows[..., np.newaxis], axis=1)
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
        self, power: Array, group: Groups, y: Array, log_like: Array, stage: int
    ) -> tuple[Array, Array]:
        """Move walkers under the likelihood to a power; their places and log-likelihoods."""

        def tempered(y: Array, group: Groups) -> Array:
            return power[group] * self.log_likelihood(y, group) + self.coordinates.log_prior(y)

        exponent = power[group, np.newaxis]
        value = exponent * log_like + self.coordinates.log_prior(y)
        walk = self.walk(tempered, group, y, value, STAGE_STEPS, stage)
        y = walk.y[-1]
        return y, (walk.log_prob[-1] - self.coordinates.log_prior(y)) / exponent


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
