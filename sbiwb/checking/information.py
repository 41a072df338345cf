"""Fisher information of a simulator's likelihood at one point, and at a result's posterior."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from sbiwb.core.distributions import Array
from sbiwb.core.simulator import KnownLikelihood, Simulator
from sbiwb.diagnostics._coordinates import Coordinates, coordinates
from sbiwb.diagnostics._fisher import scores
from sbiwb.errors import UsageError
from sbiwb.estimators.base import LearnedPosterior
from sbiwb.execute import Execution, parse_execution
from sbiwb.execute.points import simulate_at
from sbiwb.likelihoods.exact import Exact
from sbiwb.result import Result
from sbiwb.rng import integer_seed, stream

DATA = 100
"""Data at the point: eigenvalues of the information are then known to 14 %."""
PRIOR_DRAWS = 2000
LEARNED_DRAWS = 500


def fisher_information(
    simulator: Simulator, at: ArrayLike, *, data: int = DATA, seed: int = 0
) -> Array:
    """Fisher information about the parameters of a simulator whose likelihood is known.

    Parameters
    ----------
    simulator : Simulator
    at : array, shape (d,)
        Where, inside the prior.
    data : int
        Data simulated there, at least 2 d: eigenvalues have a relative error of √(2/data).
    seed : int

    Returns
    -------
    ndarray, shape (d, d)
        E[∂ᵢ log p(x|θ) ∂ⱼ log p(x|θ)], averaged over the data; NaN where the likelihood vanishes
        beside the point, or simulations fail there.

    Raises
    ------
    UsageError
        If the simulator offers no likelihood, the point has the wrong shape or lies outside the
        prior, or there are too few data.

    Notes
    -----
    The likelihood is evaluated at 2 d points for every datum, and at 6 d points for 2 d of them.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> tumour = sbiwb.problem("benchmark.gaussian_linear").simulator
    >>> sbiwb.fisher_information(tumour, np.zeros(10), data=400).shape
    (10, 10)
    """
    point = np.asarray(at, dtype=np.float64)
    prior = simulator.prior
    if point.shape != (prior.dim,) or not np.isfinite(prior.log_prob(point[np.newaxis])[0]):
        raise UsageError(
            "bad point", got=point.tolist(), expected=f"{', '.join(prior.names)} inside the prior"
        )
    draws = prior.sample(PRIOR_DRAWS, stream(seed, "fisher", "prior"))
    frame = coordinates(draws, prior.names)
    _, found = _scores(simulator, point, frame, data, seed, parse_execution(None))
    slope = frame.slope(point)
    return np.asarray(found.T @ found / len(found)) / np.outer(slope, slope)


def at_posterior(result: Result, data: int, seed: int, execution: Execution) -> xr.Dataset | None:
    """The group ``information`` of a result; None if the likelihood is not known.

    It holds the draw in the middle of the posterior, the scores of data simulated there in the
    coordinates of `sbiwb.diagnostics._coordinates`, the information about the parameters and, for
    a learned posterior, what that makes of the same data.
    """
    simulator = result.require_problem().simulator
    if not isinstance(simulator, KnownLikelihood):
        return None
    names = result.names
    frame = coordinates(result.prior_samples(), names)
    phi = frame.forward(result.samples())
    # Of a curved or broken posterior the mean may lie outside; a draw does not.
    middle = int(np.argmin(np.sum((phi - np.median(phi, axis=0)) ** 2, axis=1)))
    at = result.samples()[middle]
    data = max(data, 2 * len(names))
    x, found = _scores(simulator, at, frame, data, seed, execution)
    slope = frame.slope(at)
    variables: dict[str, Any] = {
        "at": ("parameter", at),
        "fisher": (
            ("parameter", "parameter_"),
            found.T @ found / len(found) / np.outer(slope, slope),
        ),
        "scores": (("simulation", "parameter"), found),
    }
    if isinstance(result.learned, LearnedPosterior) and len(found) == len(x):
        draws = result.learned.sample(LEARNED_DRAWS, x, stream(seed, "fisher", "learned"))
        seen = frame.forward(draws)
        # What a posterior that is nearly Gaussian says of its data.
        told = np.concatenate([seen.mean(axis=1), np.log(seen.std(axis=1) + 1e-12)], axis=1)
        variables["learned"] = (("simulation", "feature"), told)
    return xr.Dataset(variables, {"parameter": list(names)}, {"simulator_calls": data})


def _scores(
    simulator: Simulator,
    at: Array,
    frame: Coordinates,
    data: int,
    seed: int,
    execution: Execution,
) -> tuple[Array, Array]:
    """Data simulated at a point, and their scores in φ."""
    prior = simulator.prior
    if data < 2 * prior.dim:
        raise UsageError(
            "too few data for the information", got=data, expected=f"at least {2 * prior.dim}"
        )
    likelihood = Exact(simulator)
    made = simulate_at(
        simulator,
        np.repeat(at[np.newaxis], data, axis=0),
        seed=integer_seed(seed, "fisher", "data"),
        execution=execution,
    )
    x = made.x[made.valid]
    if len(x) < 2 * prior.dim:  # a draw at which nothing can be simulated
        return x, np.full((max(1, len(x)), prior.dim), np.nan)
    found = scores(
        likelihood.log_likelihood, lambda theta: np.isfinite(prior.log_prob(theta)), at, x, frame
    )
    return x, found
