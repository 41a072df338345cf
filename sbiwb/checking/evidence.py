"""Evidence by repeated runs of the sampler that gave it."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sbiwb.checking.profiling import likelihood_of
from sbiwb.errors import UsageError
from sbiwb.likelihoods.base import Likelihood
from sbiwb.method import EXACT, parse_method
from sbiwb.progress import Progress
from sbiwb.result import Result
from sbiwb.rng import integer_seed
from sbiwb.samplers.base import Target

SHORTER = 4
"""Live points of a repeat are fewer by this: its error is twice that of the run, its cost a
quarter."""
FEWEST_LIVE = 50


def repeated(result: Result, repeats: int, seed: int, progress: Progress) -> xr.Dataset:
    """The group ``evidence``: log p(x) and its quoted error from `repeats` short runs.

    Raises
    ------
    UsageError
        If the method gives no evidence, or corrects a learned posterior (whose draws the result
        does not hold).
    """
    problem = result.require_problem()
    method = parse_method(result.method, result.provenance.get("options", {}))
    sampler, likelihood = method.sampler, likelihood_of(result)
    if sampler is None or likelihood is None or not repeatable(result):
        raise UsageError(
            "no evidence to repeat",
            got=result.method,
            expected="a sampler that gives one, such as exact+dynesty or nle+dynesty",
            remedy="leave evidence= out",
        )
    prior = result.training_prior
    options = method.sampler_options
    assert options is not None
    if "nlive" in type(options).model_fields:
        used = result.provenance["stats"].get("nlive", getattr(options, "nlive", None)) or 500
        fewest = max(FEWEST_LIVE, 2 * prior.dim + 2)
        options = options.model_copy(update={"nlive": max(fewest, int(used) // SHORTER)})
    target = Target(prior, likelihood, problem.observation.x[np.newaxis])
    found: list[Any] = []
    with progress.task("evidence", total=repeats) as task:
        for k in range(repeats):
            draws = sampler.sample(target, options, integer_seed(seed, "repeat", k), Progress())[0]
            assert draws.log_evidence is not None
            found.append((draws.log_evidence, draws.log_evidence_err, draws.cost.likelihood_calls))
            task.advance()
    value, error, calls = np.array(found, dtype=float).T
    return xr.Dataset(
        {
            "log_evidence": ("repeat", value + prior.log_volume),
            "log_evidence_err": ("repeat", error),
        },
        attrs={"likelihood_calls": int(calls.sum())},
    )


def repeatable(result: Result) -> bool:
    """Whether a sampler gave an evidence that it can give again."""
    # What corrects a learned posterior cannot be repeated without it.
    exact = result.method.startswith(f"{EXACT}+")
    return result.log_evidence is not None and (exact or isinstance(result.learned, Likelihood))
