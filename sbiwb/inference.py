"""One call for every method: simulate, learn, draw, judge."""

from __future__ import annotations

import importlib.metadata
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr

from sbiwb import registry
from sbiwb.core.draws import Cost, Draws
from sbiwb.core.prior import Prior
from sbiwb.core.problem import Problem
from sbiwb.core.repeated import calls_per_datum
from sbiwb.core.simulations import Simulations, Status, concatenate
from sbiwb.diagnostics._family import corrected
from sbiwb.errors import UsageError
from sbiwb.estimators._product import for_data_of, learned_from
from sbiwb.estimators.base import LearnedLikelihood, LearnedPosterior
from sbiwb.execute import Execution, Proposal, parse_execution, running, simulate
from sbiwb.interruption import terminable
from sbiwb.likelihoods.base import Likelihood
from sbiwb.likelihoods.exact import Exact
from sbiwb.likelihoods.remembered import remembered
from sbiwb.method import Method, Rounds, needs_exact, parse_method, parse_rounds
from sbiwb.progress import Progress
from sbiwb.result import Result, make_result
from sbiwb.rng import check_seed, integer_seed, stream
from sbiwb.rounds import Made, Region, follows_posterior, of_round
from sbiwb.samplers.base import Target

KEPT_SIMULATIONS = 1000
OWN_OPTIONS = ("budget", "seed", "rounds", "executor", "store", "progress")
PACKAGES = ("sbiwb", "numpy", "scipy", "torch", "sbi", "emcee", "dynesty", "pyro-ppl", "xarray")


@terminable()
def infer(
    problem: Problem,
    method: str,
    *,
    budget: int | None = None,
    seed: int = 0,
    rounds: int | None = None,
    executor: str | Mapping[str, Any] | Execution | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Result:
    """Infer the posterior of a problem.

    Parameters
    ----------
    problem : Problem
        Made by `sbiwb.problem`.
    method : str
        ``npe``, ``fmpe``, ``npse``, each also with ``+importance``, ``nle+SAMPLER``,
        ``nre+SAMPLER``, ``exact+SAMPLER``, ``abc-rejection`` or ``abc-smc``.
    budget : int, optional
        Simulator calls in all, for methods that simulate; 10,000 by default.
    seed : int
        Root seed: the same seed gives the same draws.
    rounds : int, optional
        Rounds that share the budget, for methods that learn; 1 by default.  After each round the
        prior is cut to a box around the posterior found so far (see Notes), so the simulations of
        the next lie where they tell most.
    executor : str, mapping or Execution, optional
        Where simulations run: ``inline`` (default), ``local``, ``slurm``, a scheduler's address.
    store : path, optional
        Folder in which simulations are kept and found again; so is what an exact likelihood says,
        until its sampler ends: one that was stopped goes on when it is asked the same.
    progress : Progress, optional
        A bar on a terminal by default.
    **options
        Options of the estimator and the sampler.

    Returns
    -------
    Result

    Raises
    ------
    UsageError
        If a name or option is unknown, or one means nothing to the method.
    InferenceError
        If no posterior can be had in bounded time.

    Notes
    -----
    A truncated prior leaves the posterior unchanged inside the box, so no proposal correction is
    needed (Miller et al. 2021, arXiv:2107.01214; Deistler et al. 2022, arXiv:2210.04815).  The box
    spans the draws in each coordinate of the prior's unit cube, widened by a tenth of its width on
    either side; simulations of earlier rounds that lie in it are used again.  A wall that draws
    pile up at is moved out again.  Estimators of the likelihood may instead simulate at posterior
    draws (``proposal="posterior"``): see `sbiwb.rounds`.
    """
    if not isinstance(problem, Problem):
        raise UsageError(
            "infer needs a problem",
            got=type(problem).__name__,
            expected="what sbiwb.problem(simulator, observation) returns",
        )
    progress = progress or Progress()
    check_seed(seed)
    parsed = parse_method(method, options, also=OWN_OPTIONS)
    execution = parse_execution(executor)
    began = time.perf_counter()
    plan = parse_rounds(method, budget, rounds)
    exact = Exact(problem.simulator) if needs_exact(method) else None
    learned: LearnedPosterior | LearnedLikelihood | None = None
    if parsed.approximation is not None:
        assert plan is not None
        with running(execution) as shared:
            draws, learning = _approximate(problem, parsed, plan, seed, shared, store, progress)
    else:
        learning = _Learning(problem.prior, None, Cost())
        if plan is not None:
            with running(execution) as shared:  # one cluster for all rounds
                learned, learning = _learn(problem, parsed, plan, seed, shared, store, progress)
        asked = {"box": learning.prior.box, "method": method, "options": options, "seed": seed}
        with remembered(exact, store, problem.observation.x, asked) as said:
            likelihood = learned if isinstance(learned, Likelihood) else said
            draws = _draw(problem, parsed, likelihood, learned, learning.prior, seed, progress)
    seconds = time.perf_counter() - began
    cost = Cost(
        learning.cost.simulator_calls,
        learning.cost.likelihood_calls + draws.cost.likelihood_calls,
        seconds,
    )
    draws = replace(draws, cost=cost)
    provenance = {
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "options": dict(options),
        "box": [list(side) for side in learning.prior.box],
        "execution": execution.cluster,
        **learning.record,
    }
    if exact is not None and exact.failures:
        provenance["likelihood_failures"] = exact.failures
    if exact is not None:
        learned = None  # it only proposed: the posterior is that of the exact likelihood
    result = make_result(
        problem, draws, method=method, seed=seed, provenance=provenance, learned=learned
    )
    shape = problem.simulator.output.shape
    if learning.simulations is not None and learning.simulations.x.shape[1:] == shape:
        result = result.with_group("training", training_group(problem, learning.simulations))
    if learning.failed is not None and len(learning.failed):
        result = result.with_group("failed_simulations", failed_group(problem, learning.failed))
    return judge(result)


def judge(result: Result) -> Result:
    """Run every diagnostic that has what it needs, and add the verdicts.

    The checks of the calibration set share one error rate.
    """
    verdicts = []
    for name in registry.names("diagnostics"):
        verdicts += registry.diagnostic(name)(result)
    return result.with_verdicts(corrected(verdicts))


def training_group(problem: Problem, simulations: Simulations) -> xr.Dataset:
    """Up to 1,000 valid simulations, against which the observation is judged."""
    valid = simulations.select(simulations.valid)
    kept = valid.select(slice(-KEPT_SIMULATIONS, None))
    dims = ("simulation", *(f"x_dim_{k}" for k in range(kept.x.ndim - 1)))
    return xr.Dataset(
        {"theta": (("simulation", "parameter"), kept.theta), "x": (dims, kept.x)},
        {"parameter": list(problem.prior.names)},
    )


def failed_group(problem: Problem, failed: Simulations) -> xr.Dataset:
    """Up to 1,000 simulations that failed, the first ones: where, how and why."""
    kept = failed.select(slice(None, KEPT_SIMULATIONS))
    status = [Status(value).name.lower() for value in kept.status]
    reasons = [kept.reasons.get(row, "") for row in range(len(kept))]
    return xr.Dataset(
        {
            "theta": (("simulation", "parameter"), kept.theta),
            "status": ("simulation", np.array(status, dtype=object)),
            "reason": ("simulation", np.array(reasons, dtype=object)),
        },
        {"parameter": list(problem.prior.names)},
    )


@dataclass
class _Learning:
    """What learning leaves behind besides the network."""

    prior: Prior
    simulations: Simulations | None
    cost: Cost
    record: dict[str, Any] = field(default_factory=dict)
    failed: Simulations | None = None


def _learn(
    problem: Problem,
    whole: Method,
    plan: Rounds,
    seed: int,
    execution: Execution,
    store: str | os.PathLike[str] | None,
    progress: Progress,
) -> tuple[LearnedPosterior | LearnedLikelihood, _Learning]:
    """Simulate and train, round after round."""
    assert whole.estimator is not None
    learns_likelihood = whole.estimator.learns == "likelihood"
    simulator = learned_from(problem.simulator, whole.estimator, whole.estimator_options)
    assert whole.estimator_options is not None
    follow = follows_posterior(whole, plan)
    whole.estimator.check_data(simulator.output.shape, whole.estimator_options)
    calls_each = calls_per_datum(simulator)
    sizes = _data_of_rounds(plan, calls_each)
    region, made, calls = Region(problem.prior), Made(), 0
    for number, size in enumerate(sizes):
        for word, (proposal, n) in region.proposals(size).items():
            new = simulate(
                simulator,
                proposal,
                n,
                seed=integer_seed(seed, word, number),
                execution=execution,
                store=store,
                progress=progress,
            )
            made.add(proposal, new)
        prior = region.prior
        usable = made.inside(prior) if learns_likelihood else made.drawn_from(prior)
        is_last = number + 1 == len(sizes)
        method = of_round(whole, is_last)
        one = _train(method, usable, prior, seed, number, progress)
        learned = for_data_of(problem.simulator, one)
        if not is_last:
            likelihood = learned if isinstance(learned, Likelihood) else None
            found = _draw(
                problem, method, likelihood, learned, prior, integer_seed(seed, number), progress
            )
            calls += found.cost.likelihood_calls
            region = region.around(found.flat, follow=follow)
    everything = made.everything
    log = getattr(learned, "log", None)
    record = {
        "budget": plan.budget,
        "rounds": plan.rounds,
        "simulations": everything.counts(),
        "used": int(usable.valid.sum()),
        "network": learned.state()[0],
        "training": {} if log is None else log.__dict__,
    }
    if follow:
        record["followed"] = made.followed
    failed = everything.select(~everything.valid)
    cost = Cost(calls_each * sum(sizes), calls)
    return learned, _Learning(prior, made.drawn_from(prior), cost, record, failed)


def _data_of_rounds(plan: Rounds, calls_each: int) -> list[int]:
    """How many data each round simulates, if one takes so many calls."""
    if plan.budget < plan.rounds * calls_each:
        raise UsageError(
            f"too few simulator calls for data of {calls_each} each",
            got=f"budget={plan.budget}",
            expected=f"at least {plan.rounds * calls_each}",
        )
    return [size // calls_each for size in plan.sizes()]


def _train(
    method: Method,
    usable: Simulations,
    prior: Prior,
    seed: int,
    number: int,
    progress: Progress,
) -> LearnedPosterior | LearnedLikelihood:
    """Train in one round; where simulations fail, a likelihood is multiplied by that of success."""
    assert method.estimator is not None
    one = method.estimator.train(
        usable, prior, method.estimator_options, integer_seed(seed, "train", number), progress
    )
    if isinstance(one, LearnedLikelihood) and not usable.valid.all():
        from sbiwb.estimators._validity import corrected  # brings Torch

        return corrected(one, usable, prior, integer_seed(seed, "valid", number), progress)
    return one


def _approximate(
    problem: Problem,
    method: Method,
    plan: Rounds,
    seed: int,
    execution: Execution,
    store: str | os.PathLike[str] | None,
    progress: Progress,
) -> tuple[Draws, _Learning]:
    """Draw by comparing simulations, without a likelihood."""
    assert method.approximation is not None
    made: list[Simulations] = []

    def simulate_from(proposal: Proposal, n: int) -> Simulations:
        new = simulate(
            problem.simulator,
            proposal,
            n,
            seed=integer_seed(seed, "round", len(made)),  # as in `_learn`: a store serves both
            execution=execution,
            store=store,
            progress=progress,
        )
        made.append(new)
        return new

    each = calls_per_datum(problem.simulator)
    found = method.approximation.draw(
        problem.prior,
        problem.observation.x,
        simulate_from,
        max(1, plan.budget // each),
        method.approximation_options,
        integer_seed(seed, "approximate"),
    )
    everything = concatenate(made)
    record = {"budget": plan.budget, "simulations": everything.counts()}
    failed = everything.select(~everything.valid)
    cost = Cost(each * len(everything))
    return found.draws, _Learning(problem.prior, found.from_prior, cost, record, failed)


def _draw(
    problem: Problem,
    method: Method,
    likelihood: Likelihood | None,
    learned: LearnedPosterior | LearnedLikelihood | None,
    prior: Prior,
    seed: int,
    progress: Progress,
) -> Draws:
    """Draw from the posterior at the observation."""
    x = problem.observation.x[np.newaxis]
    if isinstance(learned, LearnedPosterior) and method.sampler is None:
        n: int = method.estimator_options.draws  # type: ignore[union-attr]
        theta = learned.sample(n, x, stream(seed, "posterior"))
        log_prob = learned.log_prob(theta[0], np.broadcast_to(x[0], (n, *x.shape[1:])))
        return Draws(theta, log_prob[np.newaxis], normalised=True, independent=True)
    assert method.sampler is not None
    assert likelihood is not None
    target = Target(
        prior, likelihood, x, learned if isinstance(learned, LearnedPosterior) else None
    )
    draws = method.sampler.sample(
        target, method.sampler_options, integer_seed(seed, "sample"), progress
    )[0]
    if draws.log_evidence is None:
        return draws
    if not likelihood.normalised:
        return replace(draws, log_evidence=None, log_evidence_err=None)
    # p(x) = ∫ p(x|θ) p(θ) dθ, and p(θ) is exp(log_volume) times the truncated prior in the box.
    return replace(draws, log_evidence=draws.log_evidence + prior.log_volume)
