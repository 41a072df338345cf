"""What the calibration set would have shown: the smallest miscalibration that is caught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import read_calibration, recorded
from sbiwb.diagnostics._family import CHECKS
from sbiwb.diagnostics._grade import WARN, check_levels

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "power"
CAUGHT = 0.95
"""Probability with which the faults that are told would have been caught."""
GROSS = 0.5
"""A set that would miss a posterior of half the right width can vouch for none."""

_PROBABILITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_POINTS = 400
_MOMENTS = 4


@dataclass(frozen=True)
class Detectable:
    """Faults of one parameter's posterior that are caught with a certain probability.

    Parameters
    ----------
    narrow, wide : float
        Width of the draws over the right one; 0 or infinite if no width would be caught.
    shift : float
        Distance of their mean from the right one, in standard deviations; may be infinite.
    """

    narrow: float
    wide: float
    shift: float


def power(
    theta: ArrayLike,
    samples: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    warn: float = WARN,
) -> Verdict:
    """State the smallest miscalibration that a calibration set of this size would have shown.

    Parameters
    ----------
    theta : array, shape (N, d)
        True parameters of N ≥ 50 simulations.
    samples : array, shape (L, N, d)
        L ≥ 20 independent draws from the posterior of each.
    names : sequence of str, optional
        Parameter names.
    warn : float
        p-value below which an outcome is WARN, for all calibration checks together.

    Returns
    -------
    Verdict
        PASS if a posterior of half or twice the right width would have been caught, else UNKNOWN.
        The `statistic` is the width × that is caught with 95 %.  Curve: ``probability``, and the
        ``narrow`` and ``wide`` widths and the ``shift`` in standard deviations caught with it.

    Raises
    ------
    DataError
        If shapes disagree or the arrays are not numeric.
    UsageError
        If the level is wrong.

    Notes
    -----
    For one parameter with a Gaussian posterior, by the smooth test of its ranks alone, corrected
    for all parameters and checks.  Its statistic follows the noncentral chi² distribution.
    Faults of several parameters at once are caught sooner.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> print(sbiwb.power(np.eye(500, 2), np.zeros((100, 500, 2))).message)
    500 simulations of 100 draws would have shown with 95 % probability a posterior of one \
parameter that is × 0.84 as wide as it should be, × 1.23, or shifted by 0.24 σ
    """
    check_levels(warn, warn)
    calibration = read_calibration(theta, samples, None, names).varying()
    if calibration.refused is not None:
        return calibration.refusal(NAME)
    draws, n, d = calibration.samples.shape
    level = warn / (2 * d * len(CHECKS))
    found = detectable(n, draws, level, CAUGHT)
    size = f"{n} simulations of {draws} draws"
    if found.narrow < GROSS or found.wide > 1 / GROSS:
        message = f"cannot tell: {size} would have missed posteriors of half or twice the width"
        return Verdict(NAME, Outcome.UNKNOWN, calibration.noted(message))
    message = (
        f"{size} would have shown with {CAUGHT * 100:.0f} % probability a posterior of one "
        f"parameter that is × {found.narrow:.2f} as wide as it should be, × {found.wide:.2f}, or "
        f"shifted by {found.shift:.2f} σ"
    )
    rows = [detectable(n, draws, level, probability) for probability in _PROBABILITIES]
    curve = {
        "probability": list(_PROBABILITIES),
        "narrow": [row.narrow for row in rows],
        "wide": [row.wide for row in rows],
        "shift": [row.shift for row in rows],
    }
    finite = all(np.isfinite(column).all() for column in curve.values())
    return Verdict(
        NAME,
        calibration.at_best,
        calibration.noted(message),
        statistic=found.narrow,
        threshold=GROSS,
        curve=curve if finite else {},
    )


def check(result: Result) -> list[Verdict]:
    """State what the calibration set of a result would have shown; nothing if it has none."""
    found = recorded(result)
    return [] if found is None else [power(found.theta, found.samples, names=found.names)]


@lru_cache(maxsize=64)
def detectable(simulations: int, draws: int, level: float, caught: float) -> Detectable:
    """Faults that Neyman's smooth test of ranks catches at `level` with probability `caught`."""
    critical = special.chdtri(_MOMENTS, level)

    def missed(size: float, ranks_of: Callable[[Array, float], Array]) -> float:
        t = special.ndtri((np.arange(_POINTS) + 0.5) / _POINTS)
        moments = _expected_moments(ranks_of(t, size), draws)
        weight = 2 * np.arange(1, _MOMENTS + 1) + 1
        noncentrality = simulations * float(weight @ moments**2)
        return float(stats.ncx2.cdf(critical, _MOMENTS, max(noncentrality, 1e-12))) - (1 - caught)

    def scaled(t: Array, log_width: float) -> Array:
        return np.asarray(special.ndtr(t * np.exp(-log_width)))

    def shifted(t: Array, shift: float) -> Array:
        return np.asarray(special.ndtr(t + shift))

    def smallest(ranks_of: Callable[[Array, float], Array], last: float) -> float:
        if missed(last, ranks_of) > 0:
            return float(np.copysign(np.inf, last))
        return float(optimize.brentq(missed, 0.0, last, args=(ranks_of,), xtol=1e-4))

    return Detectable(
        float(np.exp(smallest(scaled, -5.0))),
        float(np.exp(smallest(scaled, 5.0))),
        smallest(shifted, 5.0),
    )


def _expected_moments(u: Array, draws: int) -> Array:
    """Mean Legendre moments of ranks among draws, where u is the draws' distribution function."""
    # Given u, the rank is binomial and its k-th moment a polynomial of degree k in u: five points
    # say all of it.
    nodes = (1 - np.cos(np.pi * (np.arange(_MOMENTS + 1) + 0.5) / (_MOMENTS + 1))) / 2
    r = np.arange(draws + 1)
    probability = stats.binom.pmf(r, draws, nodes[:, np.newaxis])
    edges = 2 * np.arange(draws + 2) / (draws + 1) - 1
    found = []
    for k in range(1, _MOMENTS + 1):
        # Mean over a rank's cell, since ranks are spread evenly over it.
        integral = np.asarray(special.eval_legendre(k + 1, edges)) - special.eval_legendre(
            k - 1, edges
        )
        cells = np.diff(integral) / (2 * k + 1) * (draws + 1) / 2
        polynomial = np.polynomial.Polynomial.fit(nodes, probability @ cells, _MOMENTS, [0, 1])
        found.append(np.mean(polynomial(u)))
    return np.asarray(found)
