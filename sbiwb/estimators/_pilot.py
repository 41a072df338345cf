"""How well a density can be learned in one of several ways: a short training says."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array, Index
from sbiwb.core.prior import Prior
from sbiwb.estimators._flow import log_prob, to_tensor
from sbiwb.estimators._mixture import AutoregressiveMixture
from sbiwb.estimators._regression import ENOUGH, HELD_OUT, fit_polynomial, whitening_matrix
from sbiwb.estimators._residuals import fit_residual_map
from sbiwb.estimators.training import TrainingOptions, fit
from sbiwb.progress import Progress
from sbiwb.rng import global_streams, stream

STEPS, BATCH, HIDDEN, MEMBERS = 300, 256, 32, (1, 0)
ABSURD = 25.0
"""Nats below the median that a single pair counts for at most: few are held out, and one that lies
where nothing was learned does not say which way is better for the others."""


def held_out_density(theta: Array, x: Array, prior: Prior, seed: int, steps: int = STEPS) -> float:
    """Mean log q(θ | x) of held-out pairs of theta (n, d) and scaled data x (n, k)."""
    held, kept = _split(len(theta), seed)
    residuals = fit_residual_map(theta[kept], x[kept], prior, seed)
    target = residuals.residual(prior.to_unconstrained(theta), x)
    density = _learned(target, x, held, kept, seed, steps) + residuals.log_abs_det(x[held])
    return _bounded_mean(density)


def held_out_likelihood(condition: Array, x: Array, seed: int, *, max_degree: int) -> float:
    """Mean log q(x | θ) of held-out rows of scaled data x (n, k), up to a constant.

    Parameters
    ----------
    condition : ndarray, shape (n, m)
        What stands for θ.
    x : ndarray
    seed : int
    max_degree : int
        Of the regression under the network.
    """
    held, kept = _split(len(x), seed)
    mean = fit_polynomial(condition[kept], x[kept], seed, max_degree=max_degree)
    residual = x - mean(condition)
    whiten = whitening_matrix(residual[kept])
    density = _learned(residual @ whiten, condition, held, kept, seed, STEPS)
    return _bounded_mean(density + np.linalg.slogdet(whiten)[1])


def _split(n: int, seed: int) -> tuple[Index, Index]:
    """Rows held out, and those to learn from."""
    rows = stream(seed, "pilot").permutation(n)[:ENOUGH]
    held, kept = np.split(rows, [int(HELD_OUT * len(rows))])
    return held, kept


def _learned(target: Array, told: Array, held: Index, kept: Index, seed: int, steps: int) -> Array:
    """Log density of held-out rows of a target (n, d) after a short training on those kept."""
    with global_streams(seed, "pilot"):
        flow = AutoregressiveMixture(target.shape[1], told.shape[1], HIDDEN, MEMBERS)
    options = TrainingOptions.model_validate({"steps": steps, "batch_size": BATCH})
    fit(flow, to_tensor(target[kept]), to_tensor(told[kept]), options, seed, Progress())
    return log_prob(flow, target[held], told[held])


def _bounded_mean(density: Array) -> float:
    return float(np.maximum(density, np.median(density) - ABSURD).mean())
