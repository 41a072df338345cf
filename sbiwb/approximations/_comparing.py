"""What simulations are compared by, and the draws that those near the observation make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from sbiwb.core.distributions import Array, Index
from sbiwb.core.draws import Draws
from sbiwb.core.options import Options
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.errors import InferenceError
from sbiwb.estimators._coordinates import with_rest
from sbiwb.estimators._directions import informative_directions, principal_directions
from sbiwb.estimators._regression import fit_polynomial, whitening_matrix
from sbiwb.estimators._scaling import fit_whitening, has_covariance, linear_coordinates
from sbiwb.rng import stream
from sbiwb.samplers._resampling import kish, systematic

Summary = Callable[[Array], Array]
"""From data (n, *shape) to summaries (n, k), each of about unit scale."""

FEWEST = 20
DATA_PER_PARAMETER = 2


class ComparingOptions(Options):
    """Options of every approximation.

    Parameters
    ----------
    summary : {"auto", "learned", "data"}
        What is compared: the mean of the parameters as a regression on the simulations tells it
        from the data, in widths of what it leaves open (semi-automatic ABC, Fearnhead & Prangle
        2012, arXiv:1004.1112), or the data themselves, whitened over the prior.  A mean does not
        tell modes apart, and many data are seldom near: ``auto`` takes up to two data a parameter
        as they are, and learns means of more.
    adjust : bool
        Whether accepted parameters are moved to where a local-linear regression on their summaries
        puts them at the observation (Beaumont, Zhang & Balding 2002, Genetics 162, 2025).
    """

    summary: Literal["auto", "learned", "data"] = "auto"
    adjust: bool = True


def fit_summary(kind: str, simulations: Simulations, prior: Prior, seed: int) -> Summary:
    """The summary of a kind, from simulations whose parameters were drawn from the prior.

    Raises
    ------
    InferenceError
        If too few of them are valid, or the regression finds no data that tell of the parameters.
    """
    usable = simulations.select(simulations.valid)
    if len(usable) < FEWEST:
        raise InferenceError(
            "too few valid simulations to compare",
            got=len(usable),
            expected=f"at least {FEWEST}",
            remedy="raise budget=",
        )
    scale = fit_whitening(usable.x)
    if kind == "data" or (kind == "auto" and scale.dim <= DATA_PER_PARAMETER * prior.dim):
        return scale
    parameters = linear_coordinates(usable.theta, prior)
    if has_covariance(len(usable), scale.dim):
        directions = informative_directions(parameters, scale(usable.x), seed)
    else:
        directions = principal_directions(scale(usable.x), seed)
    if directions is not None:
        scale = with_rest(scale.then(directions), parameters, usable.x)
    mean = fit_polynomial(scale(usable.x), parameters, seed)
    if mean.degree == 0:
        raise InferenceError(
            "no summary can be learned: the mean of the parameters is the same whatever the data",
            got=f"{len(usable)} simulations of {prior.dim} parameters",
            remedy="raise budget=, or compare the data themselves with summary=data",
        )
    whiten = whitening_matrix(parameters - mean(scale(usable.x)))
    return lambda x: np.asarray(mean(scale(x)) @ whiten)


def distances(summary: Summary, simulations: Simulations, x: Array) -> Array:
    """Distance of each simulation's summary from the observation's; infinite if it failed."""
    value = np.full(len(simulations), np.inf)
    valid = simulations.valid
    if np.any(valid):
        off = summary(simulations.x[valid]) - summary(x[np.newaxis])
        value[valid] = np.linalg.norm(off, axis=1)
    return value


def nearest(distance: Array, n: int) -> tuple[Index, float]:
    """Rows of the n smallest distances, and the tolerance: the next one."""
    order = np.argsort(distance, kind="stable")
    finite = order[np.isfinite(distance[order])]
    n = min(n, len(finite) - 1)
    return finite[:n], float(distance[finite[n]])


def to_draws(
    prior: Prior,
    accepted: Simulations,
    log_weights: Array,
    tolerance: float,
    summary: Summary,
    x: Array,
    options: ComparingOptions,
    seed: int,
) -> Draws:
    """Equally weighted draws from simulations that are nearer than the tolerance.

    `stats`: ``tolerance``, ``accepted``, ``kish`` and ``ess`` (effective draws), and ``widening``
    with ``widening_err``: by how much draws are wider than at tolerance zero, see `widening`.
    """
    z = prior.to_unconstrained(accepted.theta)
    off = summary(accepted.x) - summary(x[np.newaxis])
    distance = np.linalg.norm(off, axis=1)

    weights = log_weights
    if options.adjust:
        z, weights = adjusted(z, off, weights, distance, tolerance)
    wider, error = widening(z, distance, weights)
    rng = stream(seed, "resample")
    rows = rng.permutation(systematic(weights, len(z), rng))
    effective = float(kish(weights))
    return Draws(
        prior.from_unconstrained(z[rows])[np.newaxis],
        independent=True,
        stats={
            "tolerance": tolerance,
            "accepted": float(len(z)),
            "kish": effective,
            "ess": effective,
            "widening": wider,
            "widening_err": error,
        },
    )


def adjusted(
    z: Array, off: Array, log_weights: Array, distance: Array, tolerance: float
) -> tuple[Array, Array]:
    """Parameters z (n, d) moved along a regression on `off` (n, k), summaries less the observed.

    It is local by an Epanechnikov kernel, with which the weights come back too.
    """
    inside = distance < tolerance
    if np.any(inside):  # or all are as far as the next, as counts can be: none is nearer
        log_kernel = np.full(len(z), -np.inf)
        log_kernel[inside] = np.log1p(-((distance[inside] / tolerance) ** 2))
        log_weights = log_weights + log_kernel
    root = np.exp(0.5 * (log_weights - log_weights.max()))[:, np.newaxis]
    features = np.column_stack([np.ones(len(z)), off])
    slope = np.linalg.lstsq(root * features, root * z, rcond=None)[0][1:]
    return z - off @ slope, log_weights


def widening(z: Array, distance: Array, log_weights: Array) -> tuple[float, float]:
    """By what share the widest-grown parameter is wider than it were at distance zero, and error.

    Kernel estimates are wider by a variance that grows with the square of the distance (Blum 2010,
    J. Am. Stat. Assoc. 105, 1178).  So the squares of the centred points are regressed on it: the
    intercept is the variance at the observation itself.  At most ninefold is told.
    """
    weight = np.exp(log_weights - log_weights.max())
    weight /= weight.sum()
    square = (z - weight @ z) ** 2
    total = weight @ square + np.finfo(float).tiny
    # Centred and scaled, so that the square matrix is well conditioned.
    growth = distance**2 / max(float(weight @ distance**2), 1e-300)
    features = np.column_stack([np.ones(len(z)), growth])
    inverse = np.linalg.pinv((weight[:, np.newaxis] * features).T @ features)
    fitted = inverse @ (weight[:, np.newaxis] * features).T @ square
    residual = weight[:, np.newaxis] * (square - features @ fitted)
    error = np.sqrt(np.sum(((features @ inverse)[:, :1] * residual) ** 2, axis=0))
    ratio = total / np.maximum(fitted[0], total / 100)
    worst = int(np.argmax(ratio))
    wider = float(np.sqrt(ratio[worst]))
    return wider - 1, float(0.5 * wider * ratio[worst] * error[worst] / total[worst])
