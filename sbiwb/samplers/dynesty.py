"""Nested sampling with dynesty: posterior and evidence from likelihood and prior transform."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import dynesty
import numpy as np
from pydantic import Field
from scipy import special

from sbiwb.core.draws import Cost, Draws
from sbiwb.core.options import Options
from sbiwb.core.prior import Prior
from sbiwb.errors import InferenceError, UsageError
from sbiwb.progress import Progress, Task
from sbiwb.rng import stream
from sbiwb.samplers._evaluations import Evaluations
from sbiwb.samplers._insertion import insertion_rank_p
from sbiwb.samplers._nested import BatchPool, LooseBound
from sbiwb.samplers._pool import prior_pools
from sbiwb.samplers._resampling import kish, systematic
from sbiwb.samplers.base import Sampler, Target

WALK_FROM = 10
"""Parameters from which new points come from random walks, as in dynesty."""
QUEUE_SHARE, MIN_QUEUE = 0.1, 20
"""Length of the queue as a share of the live points: the prior volume shrinks by a tenth while a
queue is used up, so that few of its points fall below the threshold meanwhile."""
PATIENCE = 500
"""Draws from the ellipsoids per new point at which ``auto`` turns to random walks: ten times the
steps of a walk among ten parameters."""
UPDATE_INTERVAL = 3.0
"""Calls between updates of the ellipsoids, per live point: twice dynesty's, since an update takes
longer than thousands of calls in batches."""


class DynestyOptions(Options):
    """Options of dynesty.

    Parameters
    ----------
    nlive : int, optional
        Live points, more than 2 d.  By default 50 d, and not less than 500.
    dlogz : float
        A run ends when what is left can add no more than this to log p(x).
    dynamic : bool
        Dynamic nested sampling (Higson et al. 2019), which adds points where the posterior is.
    sampling : {"auto", "unif", "rwalk"}
        New points from a union of ellipsoids, or from random walks; ``auto`` is ``unif`` below
        ten parameters, and walks if the ellipsoids turn out not to fit.  Random walks take more
        likelihood calls and less time between them, and they alone go through the ends of periodic
        parameters.
    draws : int, optional
        Equally weighted draws.  By default as many as can be had without repeating one.  A dynamic
        run goes on until this many are effective, by default 10,000.
    max_calls : int
        Likelihood evaluations at which the run is given up.
    """

    nlive: int | None = None
    dlogz: float = Field(0.1, gt=0)
    dynamic: bool = False
    sampling: Literal["auto", "unif", "rwalk"] = "auto"
    draws: int | None = Field(None, ge=1)
    max_calls: int = Field(10_000_000, ge=1)

    def nlive_for(self, dim: int) -> int:
        """Live points for `dim` parameters.

        Raises
        ------
        UsageError
            If there are too few.
        """
        nlive = max(500, 50 * dim) if self.nlive is None else self.nlive
        if nlive <= 2 * dim:
            raise UsageError(
                "too few live points",
                got=nlive,
                expected=f"more than {2 * dim} for {dim} parameters",
            )
        return nlive


class Dynesty(Sampler[DynestyOptions]):
    """Nested sampling with dynesty (Speagle 2020, arXiv:1904.02180; Koposov et al. 2023).

    Posteriors are drawn one after the other.  New live points are proposed in batches, see
    `sbiwb.samplers._nested`.

    Notes
    -----
    Draws are chosen by systematic resampling and shuffled.  `stats`: ``kish`` (Kish's effective
    number of the weighted points), ``ess`` (of the draws chosen among them), ``iterations``,
    ``nlive``, ``efficiency`` (new points per likelihood call), ``random_walks`` (1 if new points
    came from them), ``information`` (nats) and, for static runs, ``insertion_rank_p``.
    """

    options_type = DynestyOptions
    gives_evidence = True

    def sample(
        self, target: Target, options: DynestyOptions, seed: int, progress: Progress
    ) -> Sequence[Draws]:
        evaluations = Evaluations(target)
        with progress.task("dynesty", total=len(target)) as task:
            return [_sample(evaluations, k, options, seed, task) for k in range(len(target))]


def _sample(
    evaluations: Evaluations, which: int, options: DynestyOptions, seed: int, task: Task
) -> Draws:
    """Run dynesty on one posterior."""
    began = time.perf_counter()
    prior, key = evaluations.target.prior, ("dynesty", which)
    nlive = options.nlive_for(prior.dim)
    # dynesty itself would look for possible points for ever.
    prior_pools(evaluations, np.array([which]), nlive, 1, stream(seed, *key, "possible"))
    report = _Report(task, nlive, options.dlogz)
    walks = options.sampling == "rwalk" or (options.sampling == "auto" and prior.dim >= WALK_FROM)
    try:
        results = _run(evaluations, which, options, walks, stream(seed, *key), report)
    except LooseBound:
        if options.sampling != "auto":
            raise
        walks = True
        results = _run(evaluations, which, options, walks, stream(seed, *key, "walks"), report)
    report.finish()
    draws = _draws(results, prior, options, stream(seed, *key, "resample"))
    calls = int(evaluations.calls[which])
    cost = Cost(likelihood_calls=calls, seconds=time.perf_counter() - began)
    return replace(draws, stats={**draws.stats, "random_walks": float(walks)}, cost=cost)


def _run(
    evaluations: Evaluations,
    which: int,
    options: DynestyOptions,
    walks: bool,
    rng: np.random.Generator,
    report: _Report,
) -> Any:
    """dynesty's results with new points from random walks, or from ellipsoids."""
    prior = evaluations.target.prior
    nlive = options.nlive_for(prior.dim)
    queue = max(MIN_QUEUE, int(QUEUE_SHARE * nlive))
    patience = PATIENCE * queue if options.sampling == "auto" else options.max_calls
    pool = BatchPool(evaluations, which, queue, options.max_calls, patience)
    kind = dynesty.DynamicNestedSampler if options.dynamic else dynesty.NestedSampler
    end: dict[str, float | None] = {"dlogz": options.dlogz}
    if options.dynamic:
        end = {"dlogz_init": options.dlogz, "n_effective": options.draws}
    with _quietly():
        sampler = kind(
            lambda theta: pool.log_likelihood(theta[np.newaxis])[0],
            lambda u: prior.from_unit(u[np.newaxis])[0],
            prior.dim,
            nlive=nlive,
            pool=pool,
            rstate=rng,
            **_proposals(prior, walks),
        )
        sampler.run_nested(**end, print_func=report, save_bounds=False)
    return sampler.results


def _proposals(prior: Prior, walks: bool) -> dict[str, Any]:
    """dynesty's options for random walks, or for ellipsoids.

    Walks are longer than dynesty's 20 + d, in which some points never move and count twice.
    Ellipsoids are not let through the ends of periodic parameters, since dynesty then counts the
    space beyond them twice; to them a mode at the ends is two, which is correct.
    """
    if not walks:
        return {"sample": "unif", "update_interval": UPDATE_INTERVAL}
    periodic = [k for k, parameter in enumerate(prior.parameters) if parameter.periodic]
    return {"sample": "rwalk", "walks": 20 + 4 * prior.dim, "periodic": periodic or None}


def _draws(run: Any, prior: Prior, options: DynestyOptions, rng: np.random.Generator) -> Draws:
    """Turn dynesty's weighted points into equally weighted draws."""
    log_evidence = float(run.logz[-1])
    log_weights = run.logwt - special.logsumexp(run.logwt)
    n = int(np.exp(-log_weights.max())) if options.draws is None else options.draws
    # Resampled points come in the order of their likelihood, which draws must not have.
    rows = rng.permutation(systematic(log_weights, n, rng))
    theta = run.samples[rows]
    effective = float(kish(log_weights))
    stats = {
        "ess": min(effective, float(n)),
        "kish": effective,
        "iterations": float(run.niter),
        "efficiency": float(run.eff) / 100,
        "information": float(run.information[-1]),
    }
    if not options.dynamic:
        stats["nlive"] = float(run.nlive)
        p_value = insertion_rank_p(run.logl, run.samples_it, run.nlive)
        if p_value is not None:
            stats["insertion_rank_p"] = p_value
    return Draws(
        theta[np.newaxis],
        (run.logl[rows] + prior.log_prob(theta) - log_evidence)[np.newaxis],
        normalised=True,
        log_evidence=log_evidence,
        log_evidence_err=float(run.logzerr[-1]),
        stats=stats,
    )


class _Report:
    """Progress of one run, from what dynesty tells at every iteration."""

    def __init__(self, task: Task, nlive: int, dlogz: float) -> None:
        self.task, self.nlive, self.dlogz = task, nlive, dlogz
        self.shown = 0.0

    def __call__(self, state: Any, iteration: int, *_: object, **__: object) -> None:
        # What is left shrinks by an e-fold every `nlive` iterations.
        if iteration % 100 == 0:
            left = self.nlive * max(0.0, state.delta_logz + np.log(1 / self.dlogz))
            self._show(iteration / (iteration + left))

    def finish(self) -> None:
        """Show the run as done."""
        self._show(1.0)

    def _show(self, share: float) -> None:
        self.task.advance(max(0.0, min(share, 1.0) - self.shown))
        self.shown = max(self.shown, min(share, 1.0))


@contextmanager
def _quietly() -> Iterator[None]:
    """Turn dynesty's failures into typed errors, and leave out warnings that need no action.

    A plateau is handled exactly; large ellipsoids and few possible points cost calls only, which
    `max_calls` bounds.
    """
    with warnings.catch_warnings():
        for message in (
            "All the initial likelihood values are the same",
            "We have reached the plateau",
            "The enlargement factor for the ellipsoidal bounds",
            "After .* attempts, we could not find at least",
        ):
            warnings.filterwarnings("ignore", message=message)
        try:
            yield
        except RuntimeError as error:
            raise InferenceError(
                "dynesty failed", got=error, remedy="take more live points or sampling=rwalk"
            ) from error
