"""The contract of a simulator."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from scipy import stats

from sbiwb.core.distributions import Array
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.function import FunctionSimulator
from sbiwb.core.observation import Observation, check_observation
from sbiwb.core.observation_file import is_file_name
from sbiwb.core.repeated import RepeatedSimulator
from sbiwb.core.simulator import KnownLikelihood, KnownMean, Output, Simulator, TorchLikelihood
from sbiwb.core.views import HasViews
from sbiwb.rng import stream
from sbiwb.testing.contract import must_not_raise, require
from sbiwb.testing.global_states import must_not_draw_globally
from sbiwb.testing.likelihood import (
    check_likelihood,
    check_normalisation,
    check_torch_likelihood,
)
from sbiwb.testing.prior import check_prior
from sbiwb.testing.views import check_views


def check_simulator(
    simulator: Simulator, *, n: int = 16, repeats: int = 2000, seed: int = 0
) -> None:
    """Check that a simulator keeps its contract, as far as running it can tell.

    Parameters
    ----------
    simulator : Simulator
    n : int
        Points drawn from the prior.
    repeats : int
        Simulations at one point, for the clauses that need Monte Carlo (the mean and the
        normalisation of the likelihood).  Zero skips these.
    seed : int
        Root seed.

    Raises
    ------
    ContractError
        Naming the first broken clause.

    Notes
    -----
    Monte Carlo clauses use tolerances of five standard errors.
    """
    require(isinstance(simulator, Simulator), repr(simulator), "is not a sbiwb.Simulator")
    subject = f"simulator '{getattr(simulator, 'name', type(simulator).__name__)}'"
    _check_description(simulator, subject)
    check_prior(simulator.prior, subject, seed=seed)
    theta = simulator.prior.sample(n, stream(seed, "check theta"))
    x = _check_simulate(simulator, subject, theta, seed)
    _check_rebuild(simulator, subject, theta, x, seed)
    _check_observation(simulator, subject)
    valid = np.isfinite(x).reshape(n, -1).all(axis=1)
    theta, x = theta[valid], x[valid]
    same = np.repeat(theta[:1], repeats, axis=0)
    draws = simulate(simulator, subject, same, seed, "check repeats") if repeats else x[:0]
    if isinstance(simulator, HasViews):
        check_views(simulator, subject, theta[:4], x[0])
    if isinstance(simulator, KnownMean):
        _check_mean(simulator, subject, theta, draws)
    if isinstance(simulator, KnownLikelihood):
        evaluate, prior = simulator.log_likelihood, simulator.prior
        check_likelihood(evaluate, subject, theta, x)
        if repeats and np.all(np.isfinite(draws)):
            check_normalisation(
                evaluate,
                prior,
                subject,
                theta[0],
                draws,
                seed,
                lambda at: simulate(simulator, subject, at, seed, "check elsewhere"),
            )
        if isinstance(simulator, TorchLikelihood):
            twin = simulator.log_likelihood_torch
            check_torch_likelihood(evaluate, twin, prior, subject, theta, x)


def simulate(simulator: Simulator, subject: str, theta: Array, seed: int, *key: str) -> Array:
    """Simulate with the stream of `key`, and check type and shape of what comes."""
    with must_not_raise(subject, "simulate at draws of the prior"):
        x = simulator.simulate(theta, stream(seed, *key))
    shape = (len(theta), *simulator.output.shape)
    require(isinstance(x, np.ndarray), subject, "x is not an array", got=type(x).__name__)
    require(x.dtype.kind in "fiub", subject, "x is not of real numbers", got=x.dtype)
    require(x.shape == shape, subject, "x has the wrong shape", got=x.shape, expected=shape)
    require(not np.any(np.isinf(x)), subject, "x is infinite", expected="NaN in failed rows")
    return x


def _check_description(simulator: Simulator, subject: str) -> None:
    for name, kind in (
        ("name", str),
        ("version", str),
        ("output", Output),
        ("options", Mapping),
        ("costly", bool),
    ):
        value = getattr(simulator, name, None)
        require(
            isinstance(value, kind),
            subject,
            f"attribute '{name}' has the wrong type",
            got=type(value).__name__,
            expected=kind.__name__,
        )
    require(simulator.name and simulator.version, subject, "name or version is empty")
    shape, names, rows = (getattr(simulator.output, part) for part in ("shape", "names", "rows"))
    require(
        not names or (shape and len(names) == shape[-1]),
        subject,
        "output has the wrong number of names",
        got=len(names),
        expected=shape[-1] if shape else 0,
    )
    require(
        not rows or (len(shape) == 2 and len(rows) == shape[0]),
        subject,
        "output has the wrong number of rows",
        got=len(rows),
        expected=shape[0] if len(shape) == 2 else 0,
    )
    for what, value in (
        ("options", dict(simulator.options)),
        ("fingerprint", simulator.fingerprint()),
    ):
        with must_not_raise(subject, f"writing its {what} as JSON"):
            same = json.loads(json.dumps(value))
        require(same == value, subject, f"{what} are not plain JSON types", got=value)


def _check_simulate(simulator: Simulator, subject: str, theta: Array, seed: int) -> Array:
    given = theta.copy()
    x = simulate(simulator, subject, given, seed, "check x")
    require(np.array_equal(given, theta), subject, "simulate changed theta in place")
    failed = np.isnan(x).reshape(len(x), -1)
    require(
        np.all(failed.any(axis=1) == failed.all(axis=1)),
        subject,
        "a row of x is partly NaN",
        expected="finite rows, and rows of NaN where the simulation failed",
    )
    require(not failed.all(), subject, f"all {len(x)} simulations at draws of the prior failed")

    given.flags.writeable = False
    with must_not_draw_globally(subject, "simulate"):
        again = simulate(simulator, subject, given, seed, "check x")
    require(np.array_equal(x, again, equal_nan=True), subject, "the same stream gives different x")
    other = simulate(simulator, subject, theta, seed, "check other x")
    require(
        not np.array_equal(x, other, equal_nan=True), subject, "different streams give the same x"
    )
    simulate(simulator, subject, theta[:1], seed, "check one row")
    return x


def _check_rebuild(simulator: Simulator, subject: str, theta: Array, x: Array, seed: int) -> None:
    with must_not_raise(subject, "rebuilding from its options"):
        rebuilt = _rebuild(simulator)
    if rebuilt is None:
        return
    for what, same in (
        ("fingerprint", rebuilt.fingerprint() == simulator.fingerprint()),
        ("prior", rebuilt.prior.key == simulator.prior.key),
        ("output", rebuilt.output == simulator.output),
    ):
        require(same, subject, f"the simulator rebuilt from its options has another {what}")
    again = simulate(rebuilt, subject, theta, seed, "check x")
    require(
        np.array_equal(x, again, equal_nan=True),
        subject,
        "the simulator rebuilt from its options gives different x",
    )


def _rebuild(simulator: Simulator) -> Simulator | None:
    """The simulator made anew as a worker makes it; None for functions, which are sent whole."""
    if isinstance(simulator, FixedSimulator):
        inner = _rebuild(simulator.inner)
        return None if inner is None else FixedSimulator(inner, simulator.values)
    if isinstance(simulator, RepeatedSimulator):
        inner = _rebuild(simulator.inner)
        return None if inner is None else RepeatedSimulator(inner, simulator.repeats)
    if isinstance(simulator, FunctionSimulator):
        return None
    return type(simulator)(**json.loads(json.dumps(dict(simulator.options))))


def _check_observation(simulator: Simulator, subject: str) -> None:
    names = simulator.observation_names
    require(
        isinstance(names, tuple) and all(isinstance(name, str) and name for name in names),
        subject,
        "observation_names is not a tuple of names",
        got=names,
    )
    require(len(set(names)) == len(names), subject, "observation names repeat", got=names)
    for name in names:
        require(not is_file_name(name), subject, "an observation's name reads as a file", got=name)
        with must_not_raise(subject, f"its observation '{name}'"):
            observation = simulator.observation(name)
            _check_one(observation, simulator, subject, f"observation '{name}'")
        require(
            observation.name == name,
            subject,
            "an observation has another name than it was asked by",
            got=observation.name,
            expected=name,
        )
    with must_not_raise(subject, "its default observation"):
        default = simulator.default_observation()
        if default is not None:
            _check_one(default, simulator, subject, "the default observation")


def _check_one(observation: object, simulator: Simulator, subject: str, what: str) -> None:
    require(
        isinstance(observation, Observation),
        subject,
        f"{what} is not an Observation",
        got=type(observation).__name__,
    )
    assert isinstance(observation, Observation)
    check_observation(observation.x, simulator.output)


def _check_mean(simulator: KnownMean, subject: str, theta: Array, draws: Array) -> None:
    with must_not_raise(subject, "mean"):
        mean = np.asarray(simulator.mean(theta))
        rows = np.concatenate([simulator.mean(row[np.newaxis]) for row in theta])
    shape = (len(theta), *draws.shape[1:])
    require(mean.shape == shape, subject, "mean has the wrong shape", got=mean.shape)
    require(np.all(np.isfinite(mean)), subject, "mean is not finite at draws of the prior")
    require(
        np.allclose(mean, rows, rtol=1e-10, atol=0.0),
        subject,
        "mean of a row depends on the other rows",
    )
    if len(draws) == 0 or np.isnan(draws).any():
        return
    scale = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    varies = scale > 0
    z = np.abs(draws.mean(axis=0) - mean[0])[varies] / scale[varies]
    # Five standard errors for one entry, more for many: the largest of them is judged.
    limit = max(5.0, float(stats.norm.isf(2.9e-7 / max(z.size, 1))))
    require(
        np.all(z < limit),
        subject,
        "mean is not the average of simulations",
        got=f"{z.max(initial=0):.1f} standard errors away",
        expected=f"less than {limit:.1f}",
    )
