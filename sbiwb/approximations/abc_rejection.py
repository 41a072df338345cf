"""Rejection ABC: the simulations of the prior that are nearest to the observation."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from sbiwb.approximations._comparing import (
    FEWEST,
    ComparingOptions,
    distances,
    fit_summary,
    nearest,
    to_draws,
)
from sbiwb.approximations.base import Approximated, Approximation, Simulate
from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior


class RejectionOptions(ComparingOptions):
    """Options of rejection ABC.

    Parameters
    ----------
    quantile : float
        Share of the valid simulations that is accepted, the nearest ones; 20 at least.
    """

    quantile: float = Field(0.06, gt=0, le=0.5)


class RejectionABC(Approximation[RejectionOptions]):
    """Rejection with a quantile of the distances as tolerance.

    References
    ----------
    Pritchard et al. 1999, Mol. Biol. Evol. 16, 1791; Beaumont, Zhang & Balding 2002, Genetics 162,
    2025.
    """

    options_type = RejectionOptions

    def draw(
        self,
        prior: Prior,
        x: Array,
        simulate: Simulate,
        budget: int,
        options: RejectionOptions,
        seed: int,
    ) -> Approximated:
        made = simulate(prior, budget)
        summary = fit_summary(options.summary, made, prior, seed)
        n = max(FEWEST // 2, math.ceil(options.quantile * made.valid.sum()))
        rows, tolerance = nearest(distances(summary, made, x), n)
        flat = np.zeros(len(rows))
        draws = to_draws(prior, made.select(rows), flat, tolerance, summary, x, options, seed)
        return Approximated(draws, made)
