"""Posterior draws outside the prior, and posteriors that pile up at its ends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.errors import DataError

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "walls"
STRIP = 0.1
"""Width of the strips in which density is counted, as a share of the central 95 % of the draws."""
EXCLUDED = 0.3
"""Lowest density in the prior over the highest: above it data exclude nothing, and a posterior that
follows the prior reaches its ends."""
HIGH = 0.5
"""Density at an end over the highest density: a Gaussian cut at its peak has 1, one that the prior
holds has next to none."""
FEWEST = 200


def walls(draws: ArrayLike, prior: Prior) -> Verdict:
    """Judge whether draws lie inside the prior, and whether its ends cut what the data allow.

    Parameters
    ----------
    draws : array, shape (n, d)
        n ≥ 200 draws from the posterior of one observation.
    prior : Prior

    Returns
    -------
    Verdict
        FAIL if any draw lies outside the prior: no posterior does.  WARN if data exclude a part of
        a parameter's prior, and yet the posterior has, at a finite end of it, at least half of its
        highest density (over that of the prior).  The statistic is that ratio for the worst end, or
        the share of draws outside.

    Raises
    ------
    DataError
        If the draws have the wrong shape.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> from sbiwb.diagnostics.walls import walls
    >>> prior = sbiwb.Prior([sbiwb.Parameter("mass", sbiwb.Uniform(0, 10))])
    >>> draws = np.abs(np.random.default_rng(1).normal(size=(1000, 1)))
    >>> str(walls(draws, prior).outcome), str(walls(draws - 1, prior).outcome)
    ('warn', 'fail')
    """
    theta = np.asarray(draws, dtype=np.float64)
    if theta.ndim != 2 or theta.shape[1] != prior.dim:
        raise DataError("draws have the wrong shape", got=theta.shape, expected=f"(n, {prior.dim})")
    lost = int(np.sum(~np.isfinite(theta).all(axis=1)))
    if lost or len(theta) < FEWEST:
        few = f"needs at least {FEWEST} draws, got {len(theta)}"
        why = f"{lost} of {len(theta)} draws are not finite" if lost else few
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: {why}")
    outside = ~np.isfinite(prior.log_prob(theta))
    if outside.any():
        share = float(np.mean(outside))
        return Verdict(
            NAME,
            Outcome.FAIL,
            f"{share:.2g} of the draws lie outside the prior, where no posterior is"
            f"{_worst_leak(theta, prior)}",
            statistic=share,
            threshold=0.0,
        )
    if np.any(np.ptp(theta, axis=0) == 0):
        name = prior.names[int(np.argmin(np.ptp(theta, axis=0)))]
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: the draws of '{name}' never vary")
    worst, piled = 0.0, list[str]()
    for name, end, value, density in _ends(theta, prior):
        worst = max(worst, density)
        if density > HIGH:
            verb = "" if piled else " piles up"
            piled.append(f"'{name}'{verb} at the {end} end of its prior, {value:.4g}")
    if not piled:
        message = "all draws lie inside the prior, and none of its ends cuts what the data allow"
        return Verdict(NAME, Outcome.PASS, message, worst, HIGH)
    message = (
        f"the posterior of {' and that of '.join(piled)}: the prior cuts what the data allow; "
        "widen it, unless that end has a physical reason"
    )
    return Verdict(NAME, Outcome.WARN, message, worst, HIGH)


def check(result: Result) -> list[Verdict]:
    """Judge the draws of a result against the prior of its problem."""
    return [] if result.problem is None else [walls(result.samples(), result.problem.prior)]


def _ends(theta: Array, prior: Prior) -> list[tuple[str, str, float, float]]:
    """Name, which end, its value, and density there over the highest, where data exclude others."""
    found = []
    joint = prior.joint.names if prior.joint is not None else ()
    for k, parameter in enumerate(prior.parameters):
        if parameter.periodic or parameter.name in joint:
            continue
        u = parameter.distribution.cdf(theta[:, k])
        low, high = np.quantile(u, [0.025, 0.975])
        strip = STRIP * float(high - low)
        peak = float(np.histogram(u, np.linspace(low, high, int(1 / STRIP) + 1))[0].max())
        everywhere = np.histogram(u, np.linspace(0, 1, int(1 / STRIP) + 1))[0] * strip / STRIP
        if everywhere.min() > EXCLUDED * peak:
            continue
        value = parameter.distribution.support
        for end, at, touching in (
            ("lower", value[0], u < strip),
            ("upper", value[1], u > 1 - strip),
        ):
            if math.isfinite(at):
                found.append((parameter.name, end, at, float(np.sum(touching)) / peak))
    return found


def _worst_leak(theta: Array, prior: Prior) -> str:
    """Which parameter leaves its own range most often."""
    ends = np.array([p.distribution.support for p in prior.parameters])
    leaks = np.mean((theta < ends[:, 0]) | (theta > ends[:, 1]), axis=0)
    worst = int(np.argmax(leaks))
    return (
        f"; '{prior.names[worst]}' leaves its range in {leaks[worst]:.2g}" if leaks[worst] else ""
    )
