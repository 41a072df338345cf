"""The No-U-Turn Sampler: Hamiltonian trajectories along the gradient of the likelihood."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from sbiwb.core.distributions import Array
from sbiwb.core.draws import Cost, Draws
from sbiwb.core.options import Options
from sbiwb.effective_size import ess, rhat
from sbiwb.errors import InferenceError, UsageError
from sbiwb.progress import Progress, Task
from sbiwb.samplers._ensembles import Ensembles
from sbiwb.samplers._hamiltonian import Chain, Surface, rounding
from sbiwb.samplers._moves import mixture
from sbiwb.samplers.base import Sampler, Target

STRETCH = 50
"""Steps that a chain goes before the next one has its turn."""
RHAT, ESS = 1.01, 400.0
"""R̂ and effective size at which chains are long enough (Vehtari et al. 2021, arXiv:1903.08008)."""


class NutsOptions(Options):
    """Options of NUTS.

    Parameters
    ----------
    draws : int
        Draws kept, of all chains together (rounded up to a multiple of `chains`).  Chains that
        disagree, or have fewer effective draws than 400, or than half of `draws`, go on.
    chains : int
        Independent chains; R̂ compares them.
    warmup : int
        Steps in which each chain adapts its step size and mass matrix; they are discarded.
    max_steps : int
        Steps after warm-up at which a chain ends, converged or not.
    max_calls : int
        Likelihood calls at which all chains end; a gradient is one call, or 2 d + 1 where it has
        to be had from differences.
    target_accept : float
        Acceptance that the step size is adapted to; raise it where trajectories diverge.
    max_tree_depth : int
        A trajectory ends after 2 to this power steps of the integrator.
    """

    draws: int = Field(2000, ge=4)
    chains: int = Field(4, ge=2)
    warmup: int = Field(300, ge=20)
    max_steps: int = Field(2000, ge=10)
    max_calls: int = Field(2_000_000, ge=1)
    target_accept: float = Field(0.8, gt=0, lt=1)
    max_tree_depth: int = Field(10, ge=1, le=15)

    @property
    def per_chain(self) -> int:
        """Draws kept of each chain.

        Raises
        ------
        UsageError
            If `max_steps` does not suffice for them.
        """
        if self.draws > self.chains * self.max_steps:
            raise UsageError(
                "more draws than the chains can hold",
                got=self.draws,
                expected=f"at most {self.chains * self.max_steps}",
                remedy="raise max_steps",
            )
        return -(-self.draws // self.chains)


class Nuts(Sampler[NutsOptions]):
    """Pyro's No-U-Turn Sampler (Hoffman & Gelman 2014, JMLR 15, 1593; arXiv:1111.4246).

    Chains start from draws of an ensemble annealed from the prior, and in coordinates in which that
    ensemble is round.  The gradient goes through a learned network or a simulator's likelihood in
    Torch.  A likelihood that has neither is differentiated by central differences: the draws are as
    exact (see `sbiwb.likelihoods._gradients.jacobian`), and cost 2 d + 1 times the calls.

    In rounds before the last emcee stands in: a first network's likelihood often has several modes,
    between which no trajectory leads, and all that is asked for is where the posterior ends.

    Notes
    -----
    `stats`: ``divergences`` (trajectories that met an edge or a region too steep for their steps),
    ``acceptance``, ``step_size``, ``autocorrelation_time`` (in steps, largest of the parameters),
    ``steps``, ``burn_in`` (the warm-up), ``chains``, ``differences`` (1 if gradients came from
    them) and ``converged`` (0 if a limit ended the chains).
    """

    options_type = NutsOptions
    finds_box_by = "emcee"

    def sample(
        self, target: Target, options: NutsOptions, seed: int, progress: Progress
    ) -> Sequence[Draws]:
        _ = options.per_chain
        with progress.task("nuts", total=len(target)) as task:
            return [_sample(target, k, options, seed, task) for k in range(len(target))]


def _sample(target: Target, k: int, options: NutsOptions, seed: int, task: Task) -> Draws:
    """Draw from one posterior of the target."""
    began = time.perf_counter()
    part = Target(target.prior, target.likelihood, target.x[k : k + 1])
    chains = _start(part, options, seed, k)
    surface = chains[0].surface
    limit = surface.calls + options.max_calls
    w, converged = _run(chains, options, limit, task)
    rows = np.arange(options.per_chain) * w.shape[1] // options.per_chain
    kept = w[:, np.unique(rows)]
    theta = surface.theta(kept.reshape(-1, kept.shape[-1]))
    log_like = surface.evaluations.log_likelihood(theta, np.zeros(len(theta), dtype=np.intp))
    told = [chain.diagnostics() for chain in chains]
    _, effective = _judged(surface, w)
    stats = {
        "divergences": sum(one["divergences"] for one in told),
        "acceptance": float(np.mean([one["acceptance"] for one in told])),
        "step_size": float(np.mean([one["step_size"] for one in told])),
        "autocorrelation_time": w.shape[0] * w.shape[1] / effective,
        "steps": float(w.shape[1]),
        "burn_in": float(options.warmup),
        "chains": float(len(chains)),
        "differences": float(surface.evaluations.by_differences),
        "converged": float(converged),
    }
    return Draws(
        theta.reshape(kept.shape),
        (log_like + target.prior.log_prob(theta)).reshape(kept.shape[:2]),
        stats=stats,
        cost=Cost(likelihood_calls=surface.calls, seconds=time.perf_counter() - began),
    )


def _start(part: Target, options: NutsOptions, seed: int, k: int) -> list[Chain]:
    """Chains before their first step, each from its own ensemble."""
    walkers, dim = max(32, 4 * part.prior.dim), part.prior.dim
    moves = mixture(walkers, dim)
    ensembles = Ensembles(part, options.chains, walkers, moves, seed, ("nuts", k))
    y, _ = ensembles.start()
    z = part.prior.to_unconstrained(ensembles.coordinates.theta(y.reshape(-1, dim)))
    centre, matrix = rounding(z)
    surface = Surface(ensembles.evaluations, 0, centre, matrix)
    starts = np.linalg.solve(matrix, (z.reshape(y.shape)[:, -1] - centre).T).T
    settings = {
        "target_accept_prob": options.target_accept,
        "max_tree_depth": options.max_tree_depth,
    }
    return [
        Chain(surface, start, options.warmup, settings, seed, "nuts", k, number)
        for number, start in enumerate(starts)
    ]


def _run(
    chains: Sequence[Chain], options: NutsOptions, limit: int, task: Task
) -> tuple[Array, bool]:
    """Run all chains until they are long enough; w (chain, step, d), and whether they are.

    Raises
    ------
    InferenceError
        If likelihood calls are used up before the chains have any draws to compare.
    """
    surface, n = chains[0].surface, options.per_chain
    enough = min(ESS, options.draws / 2)
    for chain in chains:
        chain.run(options.warmup, limit)
    w = np.empty((len(chains), 0, len(surface.centre)))
    length = n
    while True:
        while w.shape[1] < length and surface.calls < limit:
            stretch = min(STRETCH, length - w.shape[1])
            parts = [chain.run(stretch, limit) for chain in chains]
            shortest = min(map(len, parts))
            w = np.concatenate([w, np.stack([part[:shortest] for part in parts])], axis=1)
            task.advance(shortest / n if w.shape[1] <= n else 0.0)
        if w.shape[1] < min(n, 10):
            raise InferenceError(
                "NUTS stalls: its trajectories get nowhere",
                got=f"{w.shape[1]} draws a chain after {surface.calls} likelihood calls",
                expected=f"at least {min(n, 10)} within max_calls={options.max_calls}",
                remedy="take emcee or slice, lower max_tree_depth, or raise max_calls",
            )
        worst, effective = _judged(surface, w)
        if worst < RHAT and effective >= enough:
            return w, True
        if w.shape[1] < length or length >= options.max_steps:
            return w, False
        length = min(2 * length, options.max_steps)


def _judged(surface: Surface, w: Array) -> tuple[float, float]:
    """Largest R̂ and smallest effective size of the parameters of chains w (chain, step, d)."""
    theta = surface.theta(w.reshape(-1, w.shape[-1])).reshape(w.shape)
    columns = np.moveaxis(theta, -1, 0)
    if np.any(np.ptp(columns, axis=2) == 0):  # a chain stands still
        return np.inf, float(len(w))
    sizes = [min(ess(column, "bulk"), ess(column, "tail")) for column in columns]
    return max(rhat(column) for column in columns), max(float(np.min(sizes)), 1.0)
