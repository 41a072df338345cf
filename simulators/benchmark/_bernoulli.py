"""A Bernoulli generalised linear model of a neuron: its prior, stimulus and likelihood.

Spikes y_t are independent with probability 1/(1 + exp(−ψ_t)), ψ = X β, in a hundred bins.  Columns
of X are a constant and the last nine values of a white stimulus, which is the same for all.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from sbiwb.core.correlation import Correlation
from sbiwb.core.distributions import Array, Normal
from sbiwb.core.prior import Parameter, Prior

BINS = 100
FILTER = 9
OFFSET_PRECISION = 0.5
_SEED = 42


@cache
def design() -> Array:
    """The design matrix X; shape (100, 10)."""
    frozen = np.random.RandomState(_SEED)
    stimulus = frozen.randn(BINS).astype(np.float32).astype(np.float64)
    columns = [np.ones(BINS)]
    columns += [np.concatenate([np.zeros(lag), stimulus[: BINS - lag]]) for lag in range(FILTER)]
    return np.column_stack(columns)


@cache
def prior() -> Prior:
    """Return the prior: an independent offset and a filter whose second differences are small."""
    difference = np.eye(FILTER) - np.eye(FILTER, k=-1)
    roughness = difference @ difference + np.diag(np.sqrt(np.arange(FILTER) / FILTER))
    covariance = np.linalg.inv(roughness.T @ roughness)
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    np.fill_diagonal(correlation, 1.0)
    correlation = (correlation + correlation.T) / 2
    filters = [
        Parameter(f"f{k}", Normal(0.0, width), label=f"f_{{{k}}}")
        for k, width in enumerate(sd.tolist(), start=1)
    ]
    rows = tuple(tuple(row) for row in correlation.tolist())
    return Prior(
        (Parameter("offset", Normal(0.0, OFFSET_PRECISION**-0.5), label=r"\beta"), *filters),
        correlation=Correlation(tuple(p.name for p in filters), rows),
    )


def probability(theta: Array) -> Array:
    """Probability of a spike in each bin for each row of theta (n, 10); shape (n, 100)."""
    from scipy.special import expit

    return np.asarray(expit(theta @ design().T))


def draw(theta: Array, rng: np.random.Generator) -> Array:
    """Spike trains of zeros and ones; shape (n, 100)."""
    return (rng.random((len(theta), BINS)) < probability(theta)).astype(np.float64)


def log_probability(theta: Any, sufficient: Any, xp: Any) -> Any:
    """log p(y | θ) = β·(Xᵀy) − Σ_t log(1 + exp ψ_t), given Xᵀy (n, 10) or (10,); shape (n,)."""
    psi = theta @ xp.asarray(design()).T
    return (theta * sufficient).sum(-1) - xp.logaddexp(psi, xp.zeros_like(psi)).sum(-1)
