"""The contract of an estimator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from sbiwb.core.distributions import Array, Normal, Uniform
from sbiwb.core.options import Options
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulations import Simulations, Status
from sbiwb.errors import InferenceError
from sbiwb.estimators.base import Estimator, LearnedLikelihood, LearnedPosterior
from sbiwb.progress import QUIET
from sbiwb.rng import stream
from sbiwb.testing.contract import ContractError, must_not_raise, require
from sbiwb.testing.global_states import must_not_draw_globally

Learned = LearnedPosterior | LearnedLikelihood

_PRIOR = Prior((Parameter("a", Uniform(-1.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
_NOISE = 0.3
_SIMULATIONS, _FAILED = 1000, 50
_GRID = 120
_PAIRS = 40
_DRAWS = 4000
# Networks compute in float32, and sum in another order when the batch is another.
_SINGLE = 1e-3


def check_estimator(
    estimator: str | Estimator[Any],
    *,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> None:
    """Check that an estimator keeps its contract, as far as running it can tell.

    Parameters
    ----------
    estimator : str or Estimator
        A registered name, or the estimator itself.
    options : mapping, optional
        Options to train with.  By default few steps, if there is an option ``steps``.
    seed : int
        Root seed.

    Raises
    ------
    ContractError
        Naming the first broken clause.

    Notes
    -----
    It learns from 1,000 simulations of a linear model with Gaussian noise, one parameter of which
    is bounded.  How well it learns is not judged, only that it learns something; densities are
    integrated on a grid to 2 %, and draws compared to them within five standard errors.
    """
    found, subject = _resolve(estimator)
    trained_with = _check_options(found, subject, options)
    simulations = _simulations(seed)
    learned = _check_train(found, subject, simulations, trained_with, seed)
    pairs = simulations.select(simulations.valid).select(slice(_PAIRS))
    if isinstance(learned, LearnedPosterior):
        _check_density(learned.log_prob, subject, "log_prob", pairs)
        _check_posterior(learned, subject, pairs.x, seed)
    else:
        _check_density(learned.log_likelihood, subject, "log_likelihood", pairs)
        _check_likelihood(learned, subject, pairs)
    name = estimator if isinstance(estimator, str) else None
    _check_state(found, subject, learned, pairs, name, seed)
    _check_refusal(found, subject, simulations, trained_with, seed)


def _resolve(estimator: str | Estimator[Any]) -> tuple[Estimator[Any], str]:
    if isinstance(estimator, str):
        from sbiwb import registry

        return registry.estimator(estimator), f"estimator '{estimator}'"
    require(isinstance(estimator, Estimator), repr(estimator), "is not a sbiwb Estimator")
    return estimator, f"estimator '{type(estimator).__name__}'"


def _check_options(
    estimator: Estimator[Any], subject: str, options: Mapping[str, Any] | None
) -> Options:
    learns = getattr(estimator, "learns", None)
    require(
        learns in ("posterior", "likelihood"),
        subject,
        "learns is neither 'posterior' nor 'likelihood'",
        got=repr(learns),
    )
    kind = getattr(estimator, "options_type", None)
    require(
        isinstance(kind, type) and issubclass(kind, Options),
        subject,
        "options_type is not a subclass of Options",
        got=kind,
    )
    assert kind is not None
    with must_not_raise(subject, "making its default options"):
        kind()
    refused = False
    try:
        kind(no_such_option=1)
    except ValidationError:
        refused = True
    require(refused, subject, "options_type accepts unknown names", expected='extra="forbid"')
    if options is None:
        options = {"steps": 100} if "steps" in kind.model_fields else {}
    chosen: Options = kind(**options)
    return chosen


def _simulations(seed: int) -> Simulations:
    """Pairs of the linear model, some rows of which failed."""
    rng = stream(seed, "check estimator")
    theta = _PRIOR.sample(_SIMULATIONS, rng)
    x = _mean(theta) + _NOISE * rng.standard_normal((_SIMULATIONS, 3))
    status = np.zeros(_SIMULATIONS, dtype=np.int8)
    rows = rng.choice(_SIMULATIONS, _FAILED, replace=False)
    x[rows], status[rows] = np.nan, Status.NAN
    return Simulations(theta, x, status)


def _mean(theta: Array) -> Array:
    return np.asarray(theta @ np.array([[1.0, 1.0, 0.5], [1.0, -1.0, 0.0]]))


def _check_train(
    estimator: Estimator[Any], subject: str, simulations: Simulations, options: Options, seed: int
) -> Learned:
    def train(some: Simulations, what: str) -> Learned:
        with must_not_raise(subject, what):
            return estimator.train(some, _PRIOR, options, seed, QUIET)

    valid = simulations.select(simulations.valid)
    learned = train(valid, "train")
    kind = LearnedPosterior if estimator.learns == "posterior" else LearnedLikelihood
    require(
        isinstance(learned, kind),
        subject,
        "train returns the wrong type",
        got=type(learned).__name__,
        expected=kind.__name__,
    )
    # The second training is watched: the first may import libraries, and some draw as they load.
    with must_not_draw_globally(subject, "train"):
        with_failed = train(simulations, "train with failed simulations")
    if not _same_weights(learned, with_failed):
        again = train(valid, "train")
        require(_same_weights(learned, again), subject, "the same seed gives other weights")
        raise ContractError(f"{subject}: failed simulations change what is learned")
    return learned


def _same_weights(first: Learned, second: Learned) -> bool:
    mine, yours = first.state()[1], second.state()[1]
    return mine.keys() == yours.keys() and all(
        np.array_equal(value, yours[name], equal_nan=True) for name, value in mine.items()
    )


def _check_density(function: Any, subject: str, name: str, pairs: Simulations) -> None:
    """Clauses that log q(θ | x) and log q(x | θ) share."""
    theta, x = pairs.theta, pairs.x
    with must_not_raise(subject, name), must_not_draw_globally(subject, name):
        value = function(theta, x)
    require(isinstance(value, np.ndarray), subject, f"{name} is not an array", got=type(value))
    require(value.shape == (len(theta),), subject, f"{name} has the wrong shape", got=value.shape)
    require(np.all(np.isfinite(value)), subject, f"{name} is not finite at training pairs")
    rows = np.concatenate([function(theta[i : i + 1], x[i : i + 1]) for i in range(len(x))])
    require(
        np.allclose(value, rows, rtol=_SINGLE, atol=_SINGLE),
        subject,
        f"{name} of a row depends on the other rows",
    )
    with must_not_raise(subject, f"{name} at one x seen by all rows"):
        shared = function(theta, np.broadcast_to(x[0], x.shape))
    same = np.allclose(shared[0], value[0], rtol=_SINGLE, atol=_SINGLE)
    require(same, subject, f"{name} at one x seen by all rows differs")
    mixed = np.mean(function(theta, np.roll(x, 1, axis=0)))
    require(
        np.mean(value) > mixed,
        subject,
        "has learned nothing: true pairs are no likelier than mixed ones",
        got=f"mean {name} {np.mean(value):.2f} and {mixed:.2f}",
    )


def _check_posterior(learned: LearnedPosterior, subject: str, x: Array, seed: int) -> None:
    with must_not_raise(subject, "sample"), must_not_draw_globally(subject, "sample"):
        draws = learned.sample(7, x, stream(seed, "draws"))
    shape = (len(x), 7, _PRIOR.dim)
    require(draws.shape == shape, subject, "draws have the wrong shape", got=draws.shape)
    require(np.all(np.isfinite(draws)), subject, "draws are not finite")
    again = learned.sample(7, x, stream(seed, "draws"))
    require(np.array_equal(draws, again), subject, "the same stream gives other draws")
    other = learned.sample(7, x, stream(seed, "other draws"))
    require(not np.array_equal(draws, other), subject, "different streams give the same draws")

    centre = np.zeros((1, 3))
    theta = learned.sample(_DRAWS, centre, stream(seed, "many draws"))[0]
    inside = np.isfinite(_PRIOR.log_prob(theta))
    require(np.all(inside), subject, "draws lie outside the prior", got=int(np.sum(~inside)))
    outside = learned.log_prob(np.array([[1.5, 0.0]]), centre)
    require(outside[0] == -np.inf, subject, "log_prob is not -inf outside the prior", got=outside)

    # On a grid of the unit cube, where the integral of q(θ) is the mean of q / prior.
    grid = _PRIOR.from_unit(_unit_grid())
    log_ratio = learned.log_prob(grid, np.broadcast_to(centre, (len(grid), 3)))
    weights = np.exp(log_ratio - _PRIOR.log_prob(grid))
    _require_one(weights.mean(), subject, "log_prob is not normalised inside the prior")
    mean = weights @ grid / weights.sum()
    z = np.abs(theta.mean(axis=0) - mean) / (theta.std(axis=0) / np.sqrt(_DRAWS))
    require(
        np.all(z < 5),
        subject,
        "draws do not follow log_prob",
        got=f"means {z.max():.1f} standard errors apart",
    )


def _check_likelihood(learned: LearnedLikelihood, subject: str, pairs: Simulations) -> None:
    far = learned.log_likelihood(pairs.theta, pairs.x + 1e6)
    require(
        not np.any(np.isnan(far) | (far == np.inf)),
        subject,
        "log_likelihood is NaN or +inf at data far from all simulations",
        expected="finite or -inf",
    )
    if not learned.normalised:
        return
    # Grids in three dimensions cost too much: data are drawn around the truth, and re-weighted.
    theta = np.zeros((1, 2))
    x, log_density = _around(_mean(theta)[0])
    value = learned.log_likelihood(np.repeat(theta, len(x), axis=0), x)
    weights = np.exp(value - log_density)
    error = weights.std() / np.sqrt(len(x))
    _require_one(
        weights.mean(), subject, "log_likelihood is not normalised over x", slack=5 * float(error)
    )


def _around(mean: Array) -> tuple[Array, Array]:
    """Data wider than the model's around a mean, and their log density."""
    width = 1.5 * _NOISE
    z = stream(0, "around").standard_normal((_DRAWS * 2, len(mean)))
    log_density = -0.5 * np.sum(z**2, axis=1) - len(mean) * np.log(width * np.sqrt(2 * np.pi))
    return mean + width * z, log_density


def _unit_grid() -> Array:
    middle = (np.arange(_GRID) + 0.5) / _GRID
    return np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)


def _require_one(total: float, subject: str, clause: str, *, slack: float = 0.0) -> None:
    require(
        abs(total - 1) < 0.02 + slack,
        subject,
        clause,
        got=f"integral {total:.3f}",
        expected=1,
    )


def _check_state(
    estimator: Estimator[Any],
    subject: str,
    learned: Learned,
    pairs: Simulations,
    name: str | None,
    seed: int,
) -> None:
    from safetensors.numpy import load, save

    with must_not_raise(subject, "saving its state"):
        recipe, weights = learned.state()
        text = json.dumps(recipe)
        saved = save({key: np.ascontiguousarray(value) for key, value in weights.items()})
    require(json.loads(text) == recipe, subject, "the recipe is not of plain JSON types")
    written = recipe.get("estimator")
    require(
        isinstance(written, str) and written == (name or written),
        subject,
        "the recipe does not say under 'estimator' which estimator restores it",
        got=repr(written),
        expected=repr(name or "its registered name"),
    )
    with must_not_raise(subject, "restore"), must_not_draw_globally(subject, "restore"):
        restored = estimator.restore(json.loads(text), load(saved), _PRIOR)

    def answers(one: Learned) -> Array:
        if isinstance(one, LearnedPosterior):
            return one.sample(5, pairs.x, stream(seed, "restored"))
        return one.log_likelihood(pairs.theta, pairs.x)

    require(isinstance(restored, type(learned)), subject, "restore returns another type")
    same = np.array_equal(answers(learned), answers(restored))
    require(same, subject, "what was restored gives other numbers")


def _check_refusal(
    estimator: Estimator[Any], subject: str, simulations: Simulations, options: Options, seed: int
) -> None:
    one = simulations.select(simulations.valid).select(slice(1))
    clause = "does not refuse a single simulation with an InferenceError"
    got = "no error"
    try:
        estimator.train(one, _PRIOR, options, seed, QUIET)
    except InferenceError:
        return
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
    raise ContractError(f"{subject}: {clause}", got=got)
