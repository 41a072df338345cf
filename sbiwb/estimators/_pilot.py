"""How well a posterior can be learned from data that are told in one way: a short training says."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.estimators._flow import log_prob, to_tensor
from sbiwb.estimators._mixture import AutoregressiveMixture
from sbiwb.estimators._residuals import fit_residual_map
from sbiwb.estimators.training import TrainingOptions, fit
from sbiwb.progress import Progress
from sbiwb.rng import global_streams, stream

STEPS, BATCH, HIDDEN, MEMBERS = 300, 256, 32, 1
HELD_OUT = 0.2
ABSURD = 25.0
"""Nats below the median that a single pair counts for at most: few are held out, and one that lies
where nothing was learned does not say which way is better for the others."""
ROWS = 20_000
"""Simulations that are looked at: more would not change what is chosen."""


def held_out_density(theta: Array, x: Array, prior: Prior, seed: int) -> float:
    """Mean log q(θ | x) of held-out pairs of theta (n, d) and scaled data x (n, k)."""
    rows = stream(seed, "pilot").permutation(len(theta))[:ROWS]
    held, kept = np.split(rows, [int(HELD_OUT * len(rows))])
    residuals = fit_residual_map(theta[kept], x[kept], prior, seed)
    target = residuals.residual(prior.to_unconstrained(theta), x)
    with global_streams(seed, "pilot"):
        flow = AutoregressiveMixture(target.shape[1], x.shape[1], HIDDEN, MEMBERS)
    options = TrainingOptions.model_validate({"steps": STEPS, "batch_size": BATCH})
    fit(flow, to_tensor(target[kept]), to_tensor(x[kept]), options, seed, Progress())
    density = log_prob(flow, target[held], x[held]) + residuals.log_abs_det(x[held])
    return float(np.maximum(density, np.median(density) - ABSURD).mean())
