"""The contract of a prior."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.rng import stream
from sbiwb.testing.contract import must_not_raise, require


def check_prior(prior: Prior, subject: str, *, n: int = 32, seed: int = 0) -> None:
    """Check that a prior's draws, density and unit-cube maps belong together.

    It matters for distributions of third parties; those of this package hold it.

    Parameters
    ----------
    prior : Prior
    subject : str
        Whose prior it is, for the error.
    n : int
        Points to try.
    seed : int
        Root seed of the points.

    Raises
    ------
    ContractError
        If draws lie outside the support, `to_unit` does not invert `from_unit`, the unit cube's
        edges are not in the closed support, or the density is not the derivative of the map.
    """
    require(isinstance(prior, Prior), subject, "prior is not a sbiwb.Prior", got=type(prior))
    rng = stream(seed, "check prior")
    with must_not_raise(subject, "the prior"):
        theta = prior.sample(n, rng)
        log_prob = prior.log_prob(theta)
    require(np.all(np.isfinite(theta)), subject, "prior draws are not finite")
    require(np.all(np.isfinite(log_prob)), subject, "prior draws lie outside the support")

    u = rng.uniform(0.001, 0.999, (n, prior.dim))
    worst = np.abs(prior.to_unit(prior.from_unit(u)) - u).max()
    require(worst < 1e-9, subject, "to_unit does not invert from_unit", got=f"error {worst:.1e}")

    edges = prior.from_unit(np.array([np.zeros(prior.dim), np.ones(prior.dim)]))
    require(not np.any(np.isnan(edges)), subject, "the unit cube's edges map to NaN")
    support = np.array([p.distribution.support for p in prior.parameters]).T
    bounded = np.isfinite(support)
    require(
        np.all(np.isfinite(edges[bounded])), subject, "the edge of a bounded prior is not finite"
    )

    worst = np.abs(_log_volume_ratio(prior, u) + prior.log_prob(prior.from_unit(u))).max()
    require(
        worst < 1e-3,
        subject,
        "the prior's density is not the derivative of its unit-cube map",
        got=f"error {worst:.1e} in log density",
    )


def _log_volume_ratio(prior: Prior, u: Array) -> Array:
    """log |dθ/du| by central differences at the points u (n, d); shape (n,)."""
    step = 1e-6
    shifts = step * np.eye(prior.dim)
    columns = [
        (prior.from_unit(u + shift) - prior.from_unit(u - shift)) / (2 * step) for shift in shifts
    ]
    return np.asarray(np.linalg.slogdet(np.stack(columns, axis=-1)).logabsdet)
