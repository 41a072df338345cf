"""The contract of a diagnostic."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import xarray as xr

from sbiwb.core.distributions import Array, Normal
from sbiwb.core.draws import Draws
from sbiwb.core.function import simulator
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.problem import make_problem
from sbiwb.core.verdict import Verdict
from sbiwb.result import Result, make_result
from sbiwb.rng import stream
from sbiwb.testing.contract import must_not_raise, require
from sbiwb.testing.global_states import must_not_draw_globally

Check = Callable[[Result], list[Verdict]]

_PRIOR = Prior((Parameter("a", Normal(0.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
_NOISE = 0.5
_OBSERVED = np.array([0.4, -0.3])


def check_diagnostic(diagnostic: str | ModuleType | Check, *, seed: int = 0) -> None:
    """Check that a diagnostic keeps its contract, as far as running it can tell.

    Parameters
    ----------
    diagnostic : str, module or callable
        A registered name, the module that defines ``check``, or the function
        ``check(result) -> list of Verdict`` itself.
    seed : int
        Seed of the results it is tried on.

    Raises
    ------
    ContractError
        Naming the first broken clause.

    Notes
    -----
    The results are posteriors of a Gaussian model in two dimensions: an exact one with all groups
    that checks make; one that was never checked; and ones from which nothing can be concluded,
    of which no diagnostic may say PASS.
    """
    check, subject = _resolve(diagnostic)
    whole = exact_result(seed)
    first = _run(check, subject, whole)
    again = _run(check, subject, whole)
    require(_as_json(first) == _as_json(again), subject, "the same result gives other verdicts")
    _run(check, subject, _unchecked(seed))
    for state, result in _inconclusive(seed):
        for verdict in _run(check, subject, result):
            require(not verdict.passed, subject, f"passes {state}", got=verdict.message)


def exact_result(
    seed: int, *, simulations: int = 200, draws: int = 100, predicted: int = 400
) -> Result:
    """The exact posterior of a Gaussian model, with the groups that checks make.

    Parameters
    ----------
    seed : int
    simulations, draws : int
        Size of the calibration set.
    predicted : int
        Number of data from the posterior, and of data from the prior.
    """
    rng = stream(seed, "check diagnostic")
    theta = _PRIOR.sample(simulations, rng)
    x = _simulate(theta, rng)
    samples = np.stack([_posterior(x, rng) for _ in range(draws)])
    posterior = _posterior(np.broadcast_to(_OBSERVED, (4, 500, 2)), rng)
    prior = _PRIOR.sample(predicted, rng)
    calibration = _calibration(theta, samples, x)
    calibration["log_prob_theta"] = ("simulation", _log_posterior(theta, x))
    calibration["log_prob_samples"] = (
        ("calibration_draw", "simulation"),
        _log_posterior(samples, x),
    )
    calibration["log_likelihood_theta"] = ("simulation", _log_likelihood(theta, x))
    calibration["log_likelihood_samples"] = (
        ("likelihood_draw", "simulation"),
        _log_likelihood(samples, x),
    )
    replicated = _simulate(posterior.reshape(-1, 2)[:predicted], rng)
    whole = _join(posterior, calibration, replicated, prior, _simulate(prior, rng), seed)
    observed = np.broadcast_to(_OBSERVED, (predicted, 2))
    return _with_likelihood(whole, (_simulate(observed, rng) - observed) / _NOISE**2)


def _resolve(diagnostic: str | ModuleType | Check) -> tuple[Check, str]:
    if isinstance(diagnostic, str):
        from sbiwb import registry

        return registry.diagnostic(diagnostic), f"diagnostic '{diagnostic}'"
    if isinstance(diagnostic, ModuleType):
        subject = f"diagnostic '{diagnostic.__name__.rpartition('.')[2]}'"
        check = getattr(diagnostic, "check", None)
        require(callable(check), subject, "has no function check(result)")
        return diagnostic.check, subject
    require(callable(diagnostic), repr(diagnostic), "is neither a name, a module nor a function")
    return diagnostic, f"diagnostic '{getattr(diagnostic, '__name__', repr(diagnostic))}'"


def _run(check: Check, subject: str, result: Result) -> list[Verdict]:
    before = result.tree.copy(deep=True)
    with must_not_raise(subject, "check"), must_not_draw_globally(subject, "check"):
        verdicts = check(result)
    require(result.tree.identical(before), subject, "check changed the result")
    require(
        isinstance(verdicts, list) and all(isinstance(v, Verdict) for v in verdicts),
        subject,
        "check does not return a list of verdicts",
        got=type(verdicts).__name__,
    )
    names = [verdict.name for verdict in verdicts]
    require(len(set(names)) == len(names), subject, "two verdicts have one name", got=names)
    for verdict in verdicts:
        _check_verdict(verdict, subject)
    return verdicts


def _check_verdict(verdict: Verdict, subject: str) -> None:
    subject = f"{subject}, verdict '{verdict.name}'"
    require(verdict.name.strip(), subject, "has no name")
    require(isinstance(verdict.message, str), subject, "the message is not text")
    require(verdict.message.strip(), subject, "has no message")
    require("\n" not in verdict.message, subject, "the message is longer than a line")
    for field in ("statistic", "threshold", "p_value"):
        value = getattr(verdict, field)
        require(value is None or math.isfinite(value), subject, f"{field} is not finite", got=value)
    p = verdict.p_value
    require(p is None or 0 <= p <= 1, subject, "p_value is not a probability", got=p)
    lengths = {name: len(column) for name, column in verdict.curve.items()}
    require(len(set(lengths.values())) <= 1, subject, "columns differ in length", got=lengths)
    require(
        all(np.all(np.isfinite(column)) for column in verdict.curve.values()),
        subject,
        "the curve is not finite",
    )
    with must_not_raise(subject, "writing it as JSON"):
        same = Verdict(**json.loads(json.dumps(verdict.to_dict(), allow_nan=False)))
    require(same == verdict, subject, "is another after a trip through JSON")


def _as_json(verdicts: list[Verdict]) -> str:
    return json.dumps([verdict.to_dict() for verdict in verdicts])


# -- results from which nothing can be concluded ------------------------------------------------


def _unchecked(seed: int) -> Result:
    """A result as inference leaves it: without the groups that checks add."""
    draws = _posterior(np.broadcast_to(_OBSERVED, (4, 500, 2)), stream(seed, "check unchecked"))
    return _make(draws, seed)


def _inconclusive(seed: int) -> Iterator[tuple[str, Result]]:
    whole = exact_result(seed)
    calibration = whole.tree["calibration"].to_dataset()
    theta, samples, x = (calibration[name].values for name in ("theta", "samples", "x"))
    replicated = whole.tree["posterior_predictive"].to_dataset()["x"].values[0]
    training = whole.tree["training"].to_dataset()
    prior, simulated = training["theta"].values, training["x"].values
    one = np.zeros((1, 1, 2))
    few = _calibration(theta[:10], samples[:1, :10], x[:10])
    yield (
        "a result of one draw and ten simulations",
        _with_likelihood(
            _join(one, few, replicated[:1], prior[:10], simulated[:10], seed), np.zeros((1, 2))
        ),
    )
    unknown = _calibration(theta, np.full_like(samples, np.nan), x)
    yield (
        "a result of NaN",
        _with_likelihood(
            _join(one, unknown, np.full_like(replicated, np.nan), prior, simulated * np.nan, seed),
            np.full((200, 2), np.nan),
        ),
    )
    constant = _calibration(np.zeros_like(theta), np.zeros_like(samples), x)
    seen = np.broadcast_to(_OBSERVED, replicated.shape)
    yield (
        "a result in which nothing varies",
        _with_likelihood(
            _join(np.zeros((4, 500, 2)), constant, seen, np.zeros_like(prior), seen, seed),
            np.zeros((200, 2)),
        ),
    )


def _join(
    posterior: Array,
    calibration: xr.Dataset,
    replicated: Array,
    prior: Array,
    simulated: Array,
    seed: int,
) -> Result:
    data = ("simulation", "x_dim_0")
    predictive = {"x": (("chain", "draw", "x_dim_0"), replicated[np.newaxis])}
    training = {"theta": (("simulation", "parameter"), prior), "x": (data, simulated)}
    return (
        _make(posterior, seed)
        .with_group("calibration", calibration)
        .with_group("posterior_predictive", xr.Dataset(predictive))
        .with_group("training", xr.Dataset(training))
    )


def _with_likelihood(result: Result, scores: Array) -> Result:
    """Add what checks make of the likelihood, from scores (n, 2) of data at the observation."""
    grid = _OBSERVED[:, np.newaxis] + np.linspace(-2, 2, 21)
    information = {
        "at": ("parameter", _OBSERVED),
        "fisher": (("parameter", "parameter_"), scores.T @ scores / len(scores)),
        "scores": (("simulation", "parameter"), scores),
        "learned": (("simulation", "feature"), scores),
    }
    profile = {
        "theta": (("parameter", "point"), grid),
        "log_likelihood": (
            ("parameter", "point"),
            scores.std() * _NOISE * -0.5 * (grid - _OBSERVED[:, np.newaxis]) ** 2 / _NOISE**2,
        ),
    }
    evidence = {
        "log_evidence": ("repeat", scores[:10, 0]),
        "log_evidence_err": ("repeat", np.full(len(scores[:10]), scores.std())),
    }
    result = result.with_group("evidence", xr.Dataset(evidence))
    result = result.with_group("information", xr.Dataset(information))
    return result.with_group("profile", xr.Dataset(profile))


def _make(theta: Array, seed: int) -> Result:
    problem = make_problem(simulator(_simulate, _PRIOR, name="check", batched=True), _OBSERVED)
    log_prob = _log_posterior(theta, _OBSERVED)
    draws = Draws(theta, log_prob, normalised=True, independent=True)
    provenance = {"box": [[0.0, 1.0]] * 2}
    return make_result(problem, draws, method="exact+check", seed=seed, provenance=provenance)


def _calibration(theta: Array, samples: Array, x: Array) -> xr.Dataset:
    variables = {
        "theta": (("simulation", "parameter"), theta),
        "samples": (("calibration_draw", "simulation", "parameter"), samples),
        "x": (("simulation", "x_dim_0"), x),
    }
    return xr.Dataset(variables, {"parameter": list(_PRIOR.names)})


def _simulate(theta: Array, rng: np.random.Generator) -> Array:
    return np.asarray(theta + _NOISE * rng.standard_normal(theta.shape))


def _posterior(x: Array, rng: np.random.Generator) -> Array:
    mean, sd = x / (1 + _NOISE**2), _NOISE / math.sqrt(1 + _NOISE**2)
    return np.asarray(mean + sd * rng.standard_normal(x.shape))


def _log_posterior(theta: Array, x: Array) -> Array:
    variance = _NOISE**2 / (1 + _NOISE**2)
    square = np.sum((theta - x / (1 + _NOISE**2)) ** 2, axis=-1)
    return np.asarray(-0.5 * square / variance - math.log(2 * math.pi * variance))


def _log_likelihood(theta: Array, x: Array) -> Array:
    return np.asarray(-0.5 * np.sum((x - theta) ** 2, axis=-1) / _NOISE**2)
