"""Importance sampling: draws of a learned posterior, corrected with the likelihood, or refused."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from arviz_stats.base.array import BaseArray
from pydantic import Field
from scipy import special, stats

from sbiwb.core.distributions import Array
from sbiwb.core.draws import Cost, Draws
from sbiwb.core.options import Options
from sbiwb.diagnostics.importance import FAIL
from sbiwb.errors import InferenceError
from sbiwb.progress import Progress
from sbiwb.rng import stream
from sbiwb.samplers._evaluations import Evaluations
from sbiwb.samplers._resampling import kish, systematic
from sbiwb.samplers.base import Sampler, Target

DEFENSIVE = 0.2
"""Share of the proposals that do not come from the network."""
HEAVY, WIDER = 5, 2.0
"""Degrees of freedom of the Student t around the draws, and its scale in covariances of theirs."""
WALL = 7.0
"""Standard deviations of the unconstrained prior beyond which numbers round to the walls."""


class ImportanceOptions(Options):
    """Options of importance sampling.

    Parameters
    ----------
    proposals : int
        Points at which the likelihood is evaluated.
    """

    proposals: int = Field(20_000, ge=100)


class Importance(Sampler[ImportanceOptions]):
    """Pareto-smoothed importance sampling (Vehtari et al. 2024, JMLR 25, 72; arXiv:1507.02646).

    Proposals are draws of the target's learned posterior, so that ``npe+importance`` is the
    network's answer corrected with the simulator's own likelihood (Dax et al. 2023,
    arXiv:2210.05686), evidence included; without a learned posterior they are draws of the prior.
    A fifth of them is drawn from a wider Student t instead, so that tails which are too light do
    not let a few weights decide (a defensive mixture: Hesterberg 1995, Technometrics 37, 185).

    Notes
    -----
    Draws are chosen by systematic resampling and shuffled, as many as can be had without repeating
    one.  `stats`: ``pareto_k``, ``kish`` (Kish's effective number of the weighted points), ``ess``
    (of the draws chosen among them) and ``efficiency`` (the former per proposal).
    """

    options_type = ImportanceOptions
    gives_evidence = True
    corrects = True

    def sample(
        self, target: Target, options: ImportanceOptions, seed: int, progress: Progress
    ) -> Sequence[Draws]:
        evaluations = Evaluations(target)
        with progress.task("importance", total=len(target)) as task:
            every = []
            for k in range(len(target)):
                every.append(_sample(evaluations, k, options, seed))
                task.advance()
        return every


def _sample(evaluations: Evaluations, k: int, options: ImportanceOptions, seed: int) -> Draws:
    """Draw from one posterior of the target."""
    began = time.perf_counter()
    target, n = evaluations.target, options.proposals
    theta, log_proposal = _propose(target, k, n, stream(seed, "importance", k))
    log_prior = target.prior.log_prob(theta)
    log_prob = evaluations.log_likelihood(theta, np.full(n, k)) + log_prior
    raw = log_prob - log_proposal
    log_weights, pareto_k = _smoothed(raw)
    # The raw mean is unbiased; the smoothed one has less variance and is what the draws follow.
    log_evidence = float(special.logsumexp(log_weights) - np.log(n))
    weights = np.exp(log_weights - log_evidence)
    share = np.exp(log_weights - special.logsumexp(log_weights))
    rng = stream(seed, "importance", k, "resample")
    rows = rng.permutation(systematic(log_weights, max(1, int(1 / share.max())), rng))
    effective = float(kish(log_weights))
    return Draws(
        theta[rows][np.newaxis],
        (log_prob[rows] - log_evidence)[np.newaxis],
        normalised=True,
        log_evidence=log_evidence,
        log_evidence_err=float(weights.std(ddof=1) / np.sqrt(n)),
        stats={
            "ess": min(effective, float(len(rows))),
            "kish": effective,
            "efficiency": effective / n,
            "pareto_k": pareto_k,
        },
        cost=Cost(likelihood_calls=n, seconds=time.perf_counter() - began),
    )


def _propose(target: Target, k: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """n points (n, d), and the log density that they were drawn from (n,)."""
    if target.proposal is None:
        theta = target.prior.sample(n, rng)
        return theta, target.prior.log_prob(theta)
    x = target.x[k : k + 1]
    wide = max(1, round(DEFENSIVE * n))
    learned = target.proposal.sample(n - wide, x, rng)[0]
    z = np.clip(target.prior.to_unconstrained(learned), -WALL, WALL)
    around = stats.multivariate_t(z.mean(axis=0), WIDER * np.cov(z, rowvar=False), df=HEAVY)
    tails = np.clip(around.rvs(wide, random_state=rng).reshape(wide, -1), -WALL, WALL)
    theta = np.concatenate([learned, target.prior.from_unconstrained(tails)])
    z = np.concatenate([z, tails])
    of_learned = target.proposal.log_prob(theta, np.broadcast_to(x, (n, *x.shape[1:])))
    of_tails = around.logpdf(z) - target.prior.log_abs_det(theta)
    share = wide / n
    return theta, np.logaddexp(np.log1p(-share) + of_learned, np.log(share) + of_tails)


def _smoothed(log_weights: Array) -> tuple[Array, float]:
    """Weights with their largest replaced by quantiles of a fitted Pareto tail, and its shape k̂.

    Raises
    ------
    InferenceError
        If the proposals miss so much of the posterior that no weights can mend it.
    """
    possible = np.flatnonzero(np.isfinite(log_weights))
    if len(possible) < 2:
        raise InferenceError(
            "the likelihood is zero almost everywhere in the proposal",
            got=f"{len(possible)} of {len(log_weights)} points with a likelihood above zero",
            remedy="check the likelihood and the observation, or raise budget",
        )
    smoothed = np.full(len(log_weights), -np.inf)
    finite = log_weights[possible]
    tail = np.sort(finite)[-int(np.ceil(min(len(finite) / 5, 3 * np.sqrt(len(finite))))) :]
    if np.ptp(tail) == 0:  # the largest weights are all alike: nothing to smooth
        smoothed[possible] = finite
        return smoothed, 0.0
    # ArviZ takes the negative of the weights: it was written for leaving one datum out.
    shifted, pareto_k = BaseArray().psislw(-finite)  # type: ignore[no-untyped-call]
    if not pareto_k <= FAIL:
        raise InferenceError(
            "importance weights cannot correct these draws",
            got=f"Pareto k = {pareto_k:.2f}",
            expected=f"at most {FAIL}: the draws miss a part of the posterior",
            remedy="raise budget or rounds, or take another sampler",
        )
    # The smoothed weights come normalised; their sum is that of the raw ones, the tail replaced.
    order = np.argsort(finite)
    body = order[: len(finite) // 2]
    offset = float(np.mean(finite[body] - shifted[body]))
    smoothed[possible] = shifted + offset
    return smoothed, float(pareto_k)
