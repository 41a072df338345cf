"""Checks that need more simulations: calibration over the prior, and posterior prediction.

Calibration draws are made once, kept with the result and shared by all checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sbiwb import registry
from sbiwb.checking.evidence import repeatable, repeated
from sbiwb.checking.information import DATA, at_posterior
from sbiwb.checking.local import Updated, is_local, proposal
from sbiwb.checking.profiling import likelihood_of, of_result
from sbiwb.core.distributions import Array
from sbiwb.core.problem import Problem
from sbiwb.core.simulations import Simulations
from sbiwb.core.simulator import KnownLikelihood, KnownMean
from sbiwb.errors import UsageError
from sbiwb.estimators.base import LearnedPosterior
from sbiwb.execute import Execution, parse_execution, simulate
from sbiwb.execute.points import simulate_at
from sbiwb.inference import KEPT_SIMULATIONS, judge, training_group
from sbiwb.interruption import terminable
from sbiwb.likelihoods.base import Likelihood
from sbiwb.likelihoods.exact import Exact
from sbiwb.progress import Progress
from sbiwb.result import Result
from sbiwb.rng import integer_seed, stream
from sbiwb.samplers.base import Target

CALIBRATION_DRAWS = 200
LIKELIHOOD_DRAWS = 50
"""Draws at which the simulator's own likelihood is evaluated: ranks among more see little more."""
CALIBRATION_SAMPLER = "emcee"
"""Draws calibration posteriors of likelihood methods, whichever sampler drew the observation's:
what is calibrated is the likelihood, and this sampler walks hundreds of posteriors at once."""
CALIBRATION_STEPS = 1000
"""Steps at most: walkers start in the posterior and there are 32, so short chains suffice."""


@terminable()
def check(
    result: Result,
    *,
    calibration: int | None = None,
    predictive: int | None = 200,
    information: int | None = DATA,
    profile: int | None = None,
    evidence: int | None = None,
    seed: int | None = None,
    executor: str | Mapping[str, Any] | Execution | None = None,
    progress: Progress | None = None,
) -> Result:
    """Check a result and return it with the verdicts, and the draws they rest on.

    Parameters
    ----------
    result : Result
    calibration : int, optional
        Held-out simulations for TARP and simulation-based calibration of methods that learn
        (300 or more tell something; each costs one simulation).  Methods with the exact
        likelihood have nothing learned to calibrate and skip it.
    predictive : int, optional
        Posterior predictive simulations, None for none.
    information : int, optional
        Where the simulator's likelihood is known: data simulated at one posterior draw, for the
        Fisher information there; the likelihood is evaluated 2 d times for each.  None for none.
    profile : int, optional
        Points of the profile likelihood of each parameter, 21 for a smooth curve; the likelihood is
        maximised at each, which takes some 20 (2 d − 1) evaluations.
    evidence : int, optional
        Repeated runs of nested sampling, 10 for a verdict on the error of the evidence; each has a
        quarter of the live points, and costs a quarter of the run.
    seed : int, optional
        Defaults to the result's.
    executor : str, mapping or Execution, optional
        Where simulations run; see `sbiwb.infer`.
    progress : Progress, optional

    Returns
    -------
    Result

    Raises
    ------
    UsageError
        If a number is not positive.
    DataError
        If the problem or the network of a result from disk is missing.
    """
    problem = result.require_problem()
    progress = progress or Progress()
    execution = parse_execution(executor)
    seed = integer_seed(result.seed if seed is None else seed, "check")
    numbers = {
        "calibration": calibration,
        "predictive": predictive,
        "information": information,
        "profile": profile,
        "evidence": evidence,
    }
    for name, value in numbers.items():
        if value is not None and (isinstance(value, bool) or value < 1):
            raise UsageError(f"bad {name}", got=repr(value), expected="a whole number > 0, or None")
    if calibration is not None and result.learned is not None:
        held_out = simulate(
            problem.simulator,
            proposal(result),
            calibration,
            seed=integer_seed(seed, "held out"),
            execution=execution,
        )
        group = _calibrate(result, held_out, seed, progress)
        result = result.with_group("calibration", group)
    if "training" not in result.tree.children and not problem.simulator.costly:
        drawn = simulate(
            problem.simulator,
            result.training_prior,
            KEPT_SIMULATIONS,
            seed=integer_seed(seed, "prior"),
            execution=execution,
        )
        result = result.with_group("training", training_group(problem, drawn))
    if predictive is not None:
        group = _predict(result, problem, predictive, seed, execution)
        result = result.with_group("posterior_predictive", group)
    if information is not None:
        known = at_posterior(result, information, seed, execution)
        if known is not None:
            result = result.with_group("information", known)
    if profile is not None:
        result = result.with_group("profile", of_result(result, profile))
    if evidence is not None:
        result = result.with_group("evidence", repeated(result, evidence, seed, progress))
    return judge(result)


def applicable(result: Result, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options of `check` that mean something for a result.

    A recipe states its checks once, for all methods: profiles are for those with a likelihood,
    repeats for those with an evidence.
    """
    kept = dict(options)
    if kept.get("profile") is not None and likelihood_of(result) is None:
        del kept["profile"]
    if kept.get("evidence") is not None and not repeatable(result):
        del kept["evidence"]
    return kept


def _calibrate(
    result: Result, simulations: Simulations, seed: int, progress: Progress
) -> xr.Dataset:
    """Draw the posterior of every held-out simulation that succeeded."""
    valid = simulations.select(simulations.valid)
    theta, x = valid.theta, valid.x
    known: dict[str, Array] = {}
    if isinstance(result.learned, LearnedPosterior):
        samples = result.learned.sample(CALIBRATION_DRAWS, x, stream(seed, "calibrate"))
        known |= _at_all(result.learned.log_prob, "log_prob", theta, samples, x)
    else:
        likelihood = _likelihood(result)
        samples = _sample_all(result, likelihood, x, seed, progress)
        prior = result.training_prior.log_prob
        known |= _at_all(likelihood.log_likelihood, "log_likelihood", theta, samples, x)
        known["log_prob_theta"] = known["log_likelihood_theta"] + prior(theta)
        known["log_prob_samples"] = known["log_likelihood_samples"] + _each(prior, samples)
    simulator = result.require_problem().simulator
    if isinstance(simulator, KnownLikelihood) and not simulator.costly:
        exact, some = Exact(simulator).log_likelihood, samples[:, :LIKELIHOOD_DRAWS]
        known |= _at_all(exact, "log_likelihood", theta, some, x)
    of_draws = {
        "log_prob_samples": "calibration_draw",
        "log_likelihood_samples": "likelihood_draw",
    }
    dims = ("simulation", *(f"x_dim_{k}" for k in range(x.ndim - 1)))
    return xr.Dataset(
        {
            "theta": (("simulation", "parameter"), theta),
            "samples": (
                ("calibration_draw", "simulation", "parameter"),
                np.swapaxes(samples, 0, 1),
            ),
            "x": (dims, x),
            **{
                name: ((of_draws[name], "simulation"), values.T)
                if name in of_draws
                else ("simulation", values)
                for name, values in known.items()
            },
        },
        {"parameter": list(result.names)},
        {
            "simulator_calls": len(simulations),
            "failed": len(simulations) - len(valid),
            "local": int(is_local(result)),
        },
    )


def _at_all(
    density: Callable[[Array, Array], Array], name: str, theta: Array, samples: Array, x: Array
) -> dict[str, Array]:
    """A log density at the truths (m,) and at the draws (m, draws)."""
    repeated = np.repeat(x, samples.shape[1], axis=0)
    return {
        f"{name}_theta": density(theta, x),
        f"{name}_samples": _each(lambda flat: density(flat, repeated), samples),
    }


def _each(function: Callable[[Array], Array], samples: Array) -> Array:
    """Apply a function of points (n, d) to draws (m, draws, d); shape (m, draws)."""
    return function(samples.reshape(-1, samples.shape[-1])).reshape(samples.shape[:2])


def _likelihood(result: Result) -> Likelihood:
    problem = result.require_problem()
    if not isinstance(result.learned, Likelihood):
        return Exact(problem.simulator)
    if is_local(result):
        return Updated(result.learned, problem.observation.x)
    return result.learned


def _sample_all(
    result: Result, likelihood: Likelihood, x: Array, seed: int, progress: Progress
) -> Array:
    """Draws from the posterior of every row of x; shape (m, draws, d)."""
    sampler = registry.sampler(CALIBRATION_SAMPLER)
    target = Target(result.training_prior, likelihood, x)
    options = sampler.options_type.model_validate(
        {
            "draws": CALIBRATION_DRAWS,
            "ensembles": 2,
            "walkers": max(16, 2 * (target.prior.dim + 1)),
            "max_steps": CALIBRATION_STEPS,
        }
    )
    every = sampler.sample(target, options, integer_seed(seed, "calibrate"), progress)
    return np.stack([draws.flat[:CALIBRATION_DRAWS] for draws in every])


def _predict(
    result: Result, problem: Problem, n: int, seed: int, execution: Execution
) -> xr.Dataset:
    theta = result.samples(n, integer_seed(seed, "predict"))
    made = simulate_at(
        problem.simulator, theta, seed=integer_seed(seed, "predictive"), execution=execution
    )
    dims = ("chain", "draw", *(f"x_dim_{k}" for k in range(made.x.ndim - 1)))
    variables: dict[str, Any] = {"x": (dims, made.x[np.newaxis])}
    if isinstance(problem.simulator, KnownMean):
        variables["mean"] = (dims, problem.simulator.mean(theta)[np.newaxis])
    coords = {"chain": [0], "draw": np.arange(len(theta))}
    failed = int(np.sum(~made.valid))
    return xr.Dataset(variables, coords, {"simulator_calls": len(made), "failed": failed})
