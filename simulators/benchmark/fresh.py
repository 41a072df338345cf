"""Observations that nobody has published, and draws from their exact posteriors.

Choices made by looking at the published observations say little about others.  Here is any number
of others: parameters from the prior, data from them, and the posterior by a tempered particle
sampler with the exact likelihood (Del Moral, Doucet & Jasra 2006; Neal 2001), whose moves are
differences of other particles (ter Braak 2006).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.observation import Observation
from sbiwb.core.problem import Problem, make_problem
from sbiwb.core.simulator import KnownLikelihood, Simulator
from sbiwb.errors import InferenceError, UsageError
from sbiwb.rng import stream

# Each step of the temperature keeps this share of effective particles.
_KEPT = 0.9
_MOST_TEMPERATURES = 500
# Moves at each temperature, and at the last, after which copies of a particle have parted.
MOVES, LAST_MOVES = 12, 60

LogDensity = Callable[[Array], Array]


def fresh_problem(simulator: Simulator, seed: int) -> tuple[Problem, Array]:
    """Pose a problem whose data come from a draw of the prior.

    Parameters
    ----------
    simulator : Simulator
    seed : int
        Another seed is another observation.

    Returns
    -------
    problem : Problem
    theta : ndarray, shape (d,)
        The parameters that the data were simulated from.
    """
    theta = simulator.prior.sample(1, stream(seed, "fresh theta", simulator.name))
    x = simulator.simulate(theta, stream(seed, "fresh x", simulator.name))[0]
    observation = Observation(x, name=f"fresh {seed}", source=f"simulated with seed {seed}")
    return make_problem(simulator, observation), theta[0]


def exact_posterior(
    problem: Problem, n: int = 10_000, *, particles: int = 100_000, seed: int = 0
) -> Array:
    """Draws from the posterior of a problem whose simulator has a batched exact likelihood.

    Parameters
    ----------
    problem : Problem
    n : int
        Number of draws.
    particles : int
        Particles that the draws are picked from, at least n and 100.  Narrow modes need many: with
        ten thousand the weights of SLCP's four are uncertain by some per cent.  Each costs about a
        thousand likelihoods.
    seed : int
        Root seed.

    Returns
    -------
    ndarray, shape (n, d)
        Equally weighted draws, close to independent.

    Raises
    ------
    UsageError
        If the simulator has no exact likelihood, or the particles are too few.
    InferenceError
        If no draw of the prior can have produced the data, or the likelihood is so narrow that the
        particles do not reach it.

    Notes
    -----
    tests/external/test_fresh_posteriors.py compares draws with published reference posteriors.
    """
    simulator, prior, x = problem.simulator, problem.prior, problem.observation.x
    if not isinstance(simulator, KnownLikelihood):
        raise UsageError(f"simulator '{problem.name}' offers no exact likelihood")
    if particles < max(n, 100):
        raise UsageError(
            "too few particles", got=particles, expected=f"at least {max(n, 100)} for {n} draws"
        )
    rng = stream(seed, "exact posterior", problem.name)
    likelihood = simulator.log_likelihood

    def log_likelihood(z: Array) -> Array:
        return likelihood(prior.from_unconstrained(z), x)

    z = rng.standard_normal((particles, prior.dim))
    log_like, power = log_likelihood(z), 0.0
    if not np.any(np.isfinite(log_like)):
        raise InferenceError("no prior draw can have produced the data", got=f"{particles} draws")
    for _ in range(_MOST_TEMPERATURES):
        new = _next_power(log_like, power)
        weight = _weight(log_like, new - power)
        # Systematic resampling: one uniform number places n equidistant picks.
        picks = (rng.random() + np.arange(particles)) / particles
        chosen = np.minimum(np.searchsorted(np.cumsum(weight), picks), particles - 1)
        z, log_like, power = z[chosen], log_like[chosen], new
        for _ in range(MOVES if power < 1 else LAST_MOVES):
            z, log_like = _move(log_likelihood, z, log_like, power, rng)
        if power == 1.0:
            draws: Array = prior.from_unconstrained(rng.permutation(z)[:n])
            return draws
    raise InferenceError(
        "the particles did not reach the posterior",
        got=f"power {power:.2g} of the likelihood after {_MOST_TEMPERATURES} temperatures",
        remedy="raise particles",
    )


def _weight(log_like: Array, rise: float) -> Array:
    log_weight = rise * log_like
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


def _next_power(log_like: Array, power: float) -> float:
    """The power of the likelihood at which the effective share of particles falls to `_KEPT`."""
    possible = np.isfinite(log_like)
    n = np.count_nonzero(possible)

    def share(new: float) -> float:
        return float(1 / np.sum(_weight(log_like[possible], new - power) ** 2) / n)

    if share(1.0) >= _KEPT:
        return 1.0
    low, high = power, 1.0
    for _ in range(60):
        middle = low + (high - low) / 2
        low, high = (middle, high) if share(middle) >= _KEPT else (low, middle)
    return high


def _move(
    log_likelihood: LogDensity, z: Array, log_like: Array, power: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """One Metropolis step of each half of the particles along differences of the other half."""
    order = rng.permutation(len(z))
    halves = np.array_split(order, 2)
    z, log_like = z.copy(), log_like.copy()
    best = 2.38 / np.sqrt(2 * z.shape[1])
    for mine, other in (halves, halves[::-1]):
        a, b = z[rng.choice(other, (2, len(mine)))]
        # 1 leaps between modes; the others are the best scale for a Gaussian, and finer ones.
        sizes = np.array([1.0, best, 0.3 * best, 0.1 * best])
        size = rng.choice(sizes, (len(mine), 1), p=[0.1, 0.4, 0.3, 0.2])
        proposed = z[mine] + size * (a - b) * (1 + 1e-3 * rng.standard_normal((len(mine), 1)))
        there = log_likelihood(proposed)
        prior_gain = 0.5 * np.sum(z[mine] ** 2 - proposed**2, axis=1)
        now = np.where(np.isfinite(log_like[mine]), log_like[mine], -np.inf)
        with np.errstate(invalid="ignore"):  # −inf − (−inf): accepted by neither
            gain = power * (there - now) + prior_gain
        accepted = np.log(rng.random(len(mine))) < np.where(np.isnan(gain), -np.inf, gain)
        z[mine[accepted]] = proposed[accepted]
        log_like[mine[accepted]] = there[accepted]
    return z, log_like
