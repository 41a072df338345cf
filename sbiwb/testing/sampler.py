"""The contract of a sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import ValidationError
from scipy.stats import multivariate_normal

from sbiwb.core.distributions import Array, Uniform
from sbiwb.core.draws import Draws
from sbiwb.core.prior import Parameter, Prior
from sbiwb.likelihoods.base import Likelihood
from sbiwb.progress import QUIET
from sbiwb.samplers.base import Sampler, Target
from sbiwb.testing.contract import must_not_raise, require
from sbiwb.testing.global_states import must_not_draw_globally

PRIOR = Prior((Parameter("a", Uniform(-10, 10)), Parameter("b", Uniform(-10, 10))))
COVARIANCE = np.array([[1.0, 0.6], [0.6, 0.5]])
ERRORS = 5.0
"""Standard errors that a mean or an evidence may be off: by chance, once in a million."""


class Gaussian(Likelihood):
    """x ~ N(theta, COVARIANCE), so the posterior is N(x, COVARIANCE) well inside the prior."""

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        return np.asarray(multivariate_normal(np.zeros(2), COVARIANCE).logpdf(x - theta)).reshape(
            len(theta)
        )


def check_sampler(sampler: str | Sampler[Any], *, seed: int = 0) -> None:
    """Check that a sampler keeps its contract, on two Gaussian posteriors known in closed form.

    Parameters
    ----------
    sampler : str or Sampler
        A registered name, or an instance.
    seed : int
        Seed of the draws.

    Raises
    ------
    ContractError
        Naming the broken clause.
    """
    if isinstance(sampler, str):
        from sbiwb import registry

        sampler = registry.sampler(sampler)
    subject = f"sampler {type(sampler).__name__}"
    _check_options(sampler, subject)
    options = sampler.options_type()
    x = np.array([[0.5, -1.0], [2.0, 3.0]])
    target = Target(PRIOR, Gaussian(), x)
    with must_not_raise(subject, "sample"), must_not_draw_globally(subject, "sample"):
        first = sampler.sample(target, options, seed, QUIET)
    require(len(first) == len(x), subject, "one Draws a posterior", got=len(first), expected=len(x))
    again = sampler.sample(target, options, seed, QUIET)
    other = sampler.sample(target, options, seed + 1, QUIET)
    for k, draws in enumerate(first):
        same = np.array_equal(draws.theta, again[k].theta)
        require(same, subject, "the same seed gives the same draws")
        differs = not np.array_equal(draws.theta, other[k].theta)
        require(differs, subject, "another seed gives other draws")
        _check_posterior(draws, x[k], subject)
        _check_evidence(sampler, draws, subject)
        counted = draws.cost.likelihood_calls > 0
        require(counted, subject, "likelihood calls are counted")


def _check_options(sampler: Sampler[Any], subject: str) -> None:
    try:
        sampler.options_type.model_validate({"no_such_option": 1})
    except ValidationError:
        return
    require(False, subject, "options refuse unknown names")


def _check_posterior(draws: Draws, mean: Array, subject: str) -> None:
    flat = draws.flat
    inside = np.all(np.isfinite(PRIOR.log_prob(flat)))
    require(inside, subject, "draws lie inside the prior")
    effective = _effective_size(draws)
    sd = np.sqrt(np.diag(COVARIANCE))
    off = np.abs(flat.mean(axis=0) - mean) / (sd / np.sqrt(effective))
    require(
        np.all(off < ERRORS), subject, "means are right", got=off, expected=f"< {ERRORS} errors"
    )
    # The relative standard error of a standard deviation of n draws is 1/√(2n).
    ratio = np.abs(flat.std(axis=0) / sd - 1) * np.sqrt(2 * effective)
    require(np.all(ratio < ERRORS), subject, "widths are right", got=ratio)


def _effective_size(draws: Draws) -> float:
    from sbiwb.effective_size import ess

    if draws.independent:
        return float(len(draws.flat))
    if "ess" in draws.stats:
        return float(draws.stats["ess"])
    return min(ess(draws.theta[..., k], "bulk") for k in range(draws.theta.shape[-1]))


def _check_evidence(sampler: Sampler[Any], draws: Draws, subject: str) -> None:
    if not sampler.gives_evidence:
        require(draws.log_evidence is None, subject, "no evidence unless it says that it gives one")
        return
    given = draws.log_evidence is not None and draws.log_evidence_err is not None
    require(given, subject, "an evidence and its error are given")
    assert draws.log_evidence is not None
    assert draws.log_evidence_err is not None
    # The likelihood integrates to one over theta, and the prior's density is 1/400.
    off = abs(draws.log_evidence + np.log(400.0)) / draws.log_evidence_err
    require(off < ERRORS, subject, "the evidence is right", got=off, expected=f"< {ERRORS} errors")
