"""Walks of ensembles until they are long enough, whatever the moves; for one posterior or hundreds.

`emcee` and `slice` differ in their moves only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from emcee.moves import Move
from pydantic import Field

from sbiwb.core.draws import Cost, Draws
from sbiwb.core.options import Options
from sbiwb.errors import UsageError
from sbiwb.progress import Progress, Task
from sbiwb.samplers._chains import BURN_IN, Chains, burn_in
from sbiwb.samplers._coordinates import Coordinates
from sbiwb.samplers._ensembles import Ensembles
from sbiwb.samplers.base import Target

MIN_LENGTH = 25.0
"""Autocorrelation times below which no chain ends: 5 of burn-in and 20 that are kept."""
FIRST_CHECK = 100
WALKERS_AT_ONCE = 16384
NUMBERS_AT_ONCE = 2**27
"""Bound of what is held at once, as numbers in memory: data of the walkers, and longest chains."""


Moves = Callable[[int, int], Sequence[tuple[Move, float]]]
"""From walkers per ensemble and parameters to moves and their shares."""


class EnsembleOptions(Options):
    """Options of samplers whose walkers move in ensembles.

    Parameters
    ----------
    draws : int
        Draws kept, of all ensembles together (rounded up to a multiple of `ensembles`).  Chains
        are run until draws kept lie at least one autocorrelation time apart.
    ensembles : int
        Independent ensembles; R̂ compares them.
    walkers : int, optional
        Walkers per ensemble: even, at least 2 (d + 1).  By default 4 d, and not less than 32.
    max_steps : int
        Steps at which a chain ends, converged or not.
    """

    draws: int = Field(4000, ge=4)
    ensembles: int = Field(4, ge=2)
    walkers: int | None = None
    max_steps: int = Field(10_000, ge=FIRST_CHECK)

    def walkers_for(self, dim: int) -> int:
        """Walkers per ensemble for `dim` parameters.

        Raises
        ------
        UsageError
            If the number asked for is odd or too small, or the draws cannot be had.
        """
        walkers = max(32, 4 * dim) if self.walkers is None else self.walkers
        if walkers % 2 or walkers < 2 * (dim + 1):
            raise UsageError(
                "bad number of walkers",
                got=walkers,
                expected=f"an even number of at least {2 * (dim + 1)} for {dim} parameters",
            )
        most = int((1 - BURN_IN) * self.max_steps) * walkers * self.ensembles
        if self.draws > most:
            raise UsageError(
                "more draws than the chains can hold",
                got=self.draws,
                expected=f"at most {most} with max_steps={self.max_steps}",
                remedy="raise max_steps",
            )
        return walkers


def walk(
    name: str,
    moves: Moves,
    target: Target,
    options: EnsembleOptions,
    seed: int,
    progress: Progress,
) -> list[Draws]:
    """Draw from every posterior of `target`.

    All posteriors of a target walk together, so that each half-step is one batched call of the
    likelihood.  A posterior leaves the walk when its chain is 25 autocorrelation times long and
    long enough for the draws asked for; the first fifth is discarded.

    Notes
    -----
    A chain of the draws is an *ensemble*: walkers of one ensemble depend on each other, ensembles
    do not, so that R̂ may compare ensembles only.  Within a chain the draws come first from the
    first half of the time and then from the second, within a half walker by walker, within a
    walker in time.  So split-R̂ compares early with late, and the autocorrelation that effective
    sizes rest on is that of single walkers.

    `stats`: ``acceptance``, ``autocorrelation_time`` (in steps, largest of the parameters and
    log p), ``steps``, ``burn_in``, ``walkers``, ``ensembles`` and ``converged`` (0 if `max_steps`
    ended the chain).
    """
    walkers = options.walkers_for(target.prior.dim)
    numbers = max(target.x[0].size, options.max_steps * (target.prior.dim + 1))
    rows = min(WALKERS_AT_ONCE, NUMBERS_AT_ONCE // numbers)
    at_once = max(1, rows // (walkers * options.ensembles))
    draws: list[Draws] = []
    with progress.task(name, total=len(target)) as task:
        while len(draws) < len(target):
            first = len(draws)
            x = target.x[first : first + at_once]
            part = Target(target.prior, target.likelihood, x)
            ensembles = Ensembles(
                part,
                options.ensembles,
                walkers,
                moves(walkers, target.prior.dim),
                seed,
                (name, first),
            )
            draws += _walk(ensembles, part, options, task)
    return draws


def _walk(
    ensembles: Ensembles, target: Target, options: EnsembleOptions, task: Task
) -> list[Draws]:
    """Walk all posteriors of `target` together."""
    began = time.perf_counter()
    y, log_prob = ensembles.start()
    shape = (1, len(target), options.ensembles, ensembles.walkers)
    chains = Chains(
        np.arange(len(target)),
        y.reshape(*shape, -1),
        log_prob.reshape(shape),
        np.zeros(len(target)),
    )
    n = -(-options.draws // options.ensembles)
    length = max(MIN_LENGTH, n / (ensembles.walkers * (1 - BURN_IN)))
    finished: dict[int, Draws] = {}
    steps, shown = FIRST_CHECK, 0.0
    while len(chains.which):
        chains = chains.extended(ensembles, steps - len(chains))
        tau = chains.autocorrelation_times()
        long_enough = length * tau <= steps
        over = long_enough | (steps >= options.max_steps)
        for k in np.flatnonzero(over):
            # A walker that never moves has an infinite time, which files do not hold.
            stats = {
                "autocorrelation_time": float(min(tau[k], steps)),
                "converged": float(long_enough[k]),
            }
            finished[int(chains.which[k])] = _draws(target, chains, int(k), n, stats)
        chains, needed = chains.keep(~over), length * tau[~over]
        done = len(finished) + float(np.sum(steps / needed))
        task.advance(max(0.0, done - shown))
        shown = max(shown, done)
        if len(needed):
            wanted = np.clip(needed.min(), 1.25 * steps, 2 * steps)
            steps = min(int(wanted) + 1, options.max_steps)
    seconds = (time.perf_counter() - began) / ensembles.evaluations.calls.sum()
    return [
        finished[i].with_cost(Cost(likelihood_calls=int(calls), seconds=float(calls * seconds)))
        for i, calls in enumerate(ensembles.evaluations.calls)
    ]


def _draws(target: Target, chains: Chains, k: int, n: int, stats: Mapping[str, float]) -> Draws:
    """Keep n draws of each ensemble of the k-th posterior, in θ."""
    prior = target.prior
    coordinates = Coordinates(prior)
    y, log_prob = chains.draws(k, n)
    theta = coordinates.theta(y.reshape(-1, prior.dim))
    log_like = log_prob - coordinates.log_prior(y)
    return Draws(
        theta.reshape(y.shape),
        log_like + prior.log_prob(theta).reshape(log_like.shape),
        stats={
            **stats,
            "acceptance": float(chains.accepted[k] / (len(chains) - 1)),
            "steps": float(len(chains)),
            "burn_in": float(burn_in(len(chains))),
            "walkers": float(chains.y.shape[3]),
            "ensembles": float(len(y)),
        },
    )
