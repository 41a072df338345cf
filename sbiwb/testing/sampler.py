"""The contract of a sampler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from sbiwb.core.distributions import Array, Uniform
from sbiwb.core.draws import Draws
from sbiwb.core.options import Options
from sbiwb.core.prior import Parameter, Prior
from sbiwb.effective_size import ess
from sbiwb.errors import InferenceError
from sbiwb.likelihoods.base import Likelihood
from sbiwb.progress import QUIET
from sbiwb.samplers.base import Sampler, Target
from sbiwb.testing.contract import must_not_raise, require
from sbiwb.testing.global_states import must_not_draw_globally

PRIOR = Prior((Parameter("a", Uniform(-10, 10)), Parameter("b", Uniform(-10, 10))))
COVARIANCE = np.array([[1.0, 0.6], [0.6, 0.5]])
DATA = np.array([[0.5, -1.0], [2.0, 3.0]])
# The likelihood integrates to one over theta, and the prior's density is 1/400.
LOG_EVIDENCE = -math.log(400.0)
ERRORS = 5.0
"""Standard errors that a mean or an evidence may be off: by chance, once in a million."""
LOG_PROB_ERROR = 1e-6


class Gaussian(Likelihood):
    """x ~ N(theta, COVARIANCE), so the posterior is N(x, COVARIANCE) well inside the prior."""

    def __init__(self) -> None:
        self.asked_outside = 0

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        self.asked_outside += int(np.sum(np.isinf(PRIOR.log_prob(theta))))
        chi2 = np.einsum("ni,ij,nj->n", x - theta, np.linalg.inv(COVARIANCE), x - theta)
        norm = np.linalg.slogdet(2 * np.pi * COVARIANCE)[1]
        return np.asarray(-0.5 * (chi2 + norm))


class Impossible(Likelihood):
    """No parameters can have made the data."""

    def log_likelihood(self, theta: Array, x: Array) -> Array:  # noqa: ARG002
        return np.full(len(theta), -np.inf)


def check_sampler(
    sampler: str | Sampler[Any], *, options: Mapping[str, Any] | None = None, seed: int = 0
) -> None:
    """Check that a sampler keeps its contract, on two Gaussian posteriors known in closed form.

    Parameters
    ----------
    sampler : str or Sampler
        A registered name, or an instance.
    options : mapping, optional
        Options to sample with; defaults otherwise.
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
    chosen = _check_options(sampler, subject, options or {})
    likelihood = Gaussian()
    target = Target(PRIOR, likelihood, DATA.copy())
    with must_not_raise(subject, "sample"), must_not_draw_globally(subject, "sample"):
        first = sampler.sample(target, chosen, seed, QUIET)
    require(
        len(first) == len(DATA),
        subject,
        "one Draws a posterior",
        got=len(first),
        expected=len(DATA),
    )
    require(np.array_equal(target.x, DATA), subject, "the observations are left as they are")
    outside = likelihood.asked_outside
    require(not outside, subject, "the likelihood is asked inside the prior only", got=outside)
    again = sampler.sample(target, chosen, seed, QUIET)
    other = sampler.sample(target, chosen, seed + 1, QUIET)
    for k, draws in enumerate(first):
        same = np.array_equal(draws.theta, again[k].theta)
        require(same, subject, "the same seed gives the same draws")
        differs = not np.array_equal(draws.theta, other[k].theta)
        require(differs, subject, "another seed gives other draws")
        _check_posterior(draws, DATA[k], subject)
        _check_evidence(sampler, draws, subject)
        _check_log_prob(draws, DATA[k], subject)
        _check_account(draws, subject)
    _check_hopeless(sampler, chosen, subject, seed)


def _check_options(sampler: Sampler[Any], subject: str, options: Mapping[str, Any]) -> Options:
    try:
        sampler.options_type.model_validate({"no_such_option": 1})
    except ValidationError:
        with must_not_raise(subject, "making its options"):
            return sampler.options_type.model_validate(dict(options))
    require(False, subject, "options refuse unknown names")
    raise AssertionError  # for the type checker


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
    if draws.independent:
        return min(float(len(draws.flat)), draws.stats.get("ess", np.inf))
    return min(ess(draws.theta[..., k], "bulk") for k in range(draws.theta.shape[-1]))


def _check_evidence(sampler: Sampler[Any], draws: Draws, subject: str) -> None:
    if not sampler.gives_evidence:
        require(draws.log_evidence is None, subject, "no evidence unless it says that it gives one")
        return
    given = draws.log_evidence is not None and draws.log_evidence_err is not None
    require(given, subject, "an evidence and its error are given")
    assert draws.log_evidence is not None
    assert draws.log_evidence_err is not None
    off = abs(draws.log_evidence - LOG_EVIDENCE) / draws.log_evidence_err
    require(off < ERRORS, subject, "the evidence is right", got=off, expected=f"< {ERRORS} errors")


def _check_log_prob(draws: Draws, x: Array, subject: str) -> None:
    if draws.log_prob is None:
        require(not draws.normalised, subject, "normalised means that there is a log_prob")
        return
    shape = draws.log_prob.shape
    require(
        shape == draws.theta.shape[:2], subject, "log_prob is of shape (chain, draw)", got=shape
    )
    flat = draws.flat
    exact = Gaussian().log_likelihood(flat, np.broadcast_to(x, flat.shape)) + PRIOR.log_prob(flat)
    constant = exact - draws.log_prob.ravel()
    spread = float(np.ptp(constant))
    require(
        spread < LOG_PROB_ERROR,
        subject,
        "log_prob is the log posterior density up to a constant",
        got=f"a difference that varies by {spread:.2g}",
    )
    if draws.normalised:
        off = abs(float(constant.mean()) - LOG_EVIDENCE)
        error = ERRORS * (draws.log_evidence_err or LOG_PROB_ERROR)
        require(off < error, subject, "log_prob is normalised", got=off, expected=f"< {error:.2g}")


def _check_account(draws: Draws, subject: str) -> None:
    require(draws.cost.likelihood_calls > 0, subject, "likelihood calls are counted")
    wrong = {name: value for name, value in draws.stats.items() if not math.isfinite(value)}
    require(not wrong, subject, "stats are finite numbers", got=wrong)


def _check_hopeless(sampler: Sampler[Any], options: Options, subject: str, seed: int) -> None:
    clause = "an impossible observation raises InferenceError"
    try:
        sampler.sample(Target(PRIOR, Impossible(), DATA[:1]), options, seed, QUIET)
    except InferenceError:
        return
    except Exception as error:
        require(False, subject, clause, got=repr(error))
    require(False, subject, clause, got="draws")
