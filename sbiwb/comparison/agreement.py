"""How far the methods of one problem are apart, and whether that is far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sbiwb.comparison.groups import Group
from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.distances.c2st import LEAST_DRAWS, c2st
from sbiwb.distances.jensen_shannon import jensen_shannon
from sbiwb.distances.moments import mean_shift, width_ratio
from sbiwb.distances.sliced_wasserstein import sliced_wasserstein
from sbiwb.distances.tension import parameter_shift, tension
from sbiwb.result import Result

C2ST_DRAWS = 2000, 1000
"""Draws that the classifier sees of each method, and of each of two that are no reference: there
are many such pairs, and no verdict rests on them."""

SLICED_DRAWS = 5000
"""Draws of each method whose transport is computed."""

# Limits for "agrees" and, beyond it, for "is close": shift of a mean in σ, ratio of widths, C2ST.
# A quarter of σ changes no conclusion, and a fifth of the width is what two analyses of one data
# set commonly differ by; 0.65 is the C2ST of two Gaussians 0.77 σ apart in one direction.
AGREES = (0.25, 1.2, 0.65)
IS_CLOSE = (0.5, 1.5, 0.75)


@dataclass(frozen=True)
class Distance:
    """Distance between two methods, over the parameters that both have.

    Parameters
    ----------
    first, second : str
        Methods; shifts and ratios are those of the second against the first.
    c2st : float
        Accuracy of a classifier on up to 2,000 independent draws of each, or 1,000 where neither is
        the reference; NaN if there are too few.
    shift : float
        Largest |difference of means| over the common standard deviation.
    shift_error : float
        Monte Carlo standard error of `shift`.
    shift_name : str
        The parameter it belongs to.
    width : float
        Ratio of standard deviations that is farthest from 1.
    width_name : str
        The parameter it belongs to.
    divergence : float
        Largest Jensen–Shannon divergence of a marginal, in bits.
    divergence_name : str
        The parameter it belongs to.
    wasserstein : float
        Sliced 2-Wasserstein distance, in standard deviations of the first.
    tension : float
        `sbiwb.distances.tension.tension`, in σ: as if the two were of independent data.
    parameter_shift : float
        The same without taking them as Gaussian; NaN for more than six parameters.
    """

    first: str
    second: str
    c2st: float = math.nan
    shift: float = math.nan
    shift_error: float = math.nan
    shift_name: str = ""
    width: float = math.nan
    width_name: str = ""
    divergence: float = math.nan
    divergence_name: str = ""
    wasserstein: float = math.nan
    tension: float = math.nan
    parameter_shift: float = math.nan

    @property
    def outcome(self) -> Outcome:
        """PASS if the two agree, WARN if they are close, FAIL if they differ."""
        if math.isnan(self.shift) or self.shift_error > AGREES[0] / 2:
            return Outcome.UNKNOWN
        if self._within(AGREES):
            return Outcome.PASS
        return Outcome.WARN if self._within(IS_CLOSE) else Outcome.FAIL

    def verdict(self) -> Verdict:
        """Whether `second` agrees with `first`, as a verdict."""
        worst = (
            f"means differ by up to {self.shift:.2f}σ ({self.shift_name}), widths by a factor "
            f"of up to {max(self.width, 1 / self.width):.2f} ({self.width_name}), "
            f"C2ST is {self.c2st:.2f}"
        )
        sentence = {
            Outcome.PASS: f"agrees with {self.first}: {worst}",
            Outcome.WARN: f"close to {self.first}, not equal: {worst}",
            Outcome.FAIL: f"differs from {self.first}: {worst}",
            Outcome.UNKNOWN: f"too few effective draws, or no parameter in common with "
            f"{self.first}: agreement cannot be judged",
        }[self.outcome]
        return Verdict("agreement", self.outcome, sentence, self.shift, AGREES[0])

    def _within(self, limits: tuple[float, float, float]) -> bool:
        shift, width, accuracy = limits
        return (
            self.shift <= shift
            and 1 / width <= self.width <= width
            and not self.c2st > accuracy  # NaN does not count against it
        )


def distances(group: Group) -> list[Distance]:
    """Distances between all pairs of methods of a group."""
    return [
        _distance(group, first, second)
        for first, second in combinations(_reference_first(group), 2)
    ]


def _reference_first(group: Group) -> list[str]:
    return [group.reference, *(m for m in group.methods if m != group.reference)]


@dataclass(frozen=True)
class Marginal:
    """Distance between two methods in one parameter; the fields are those of `Distance`."""

    first: str
    second: str
    parameter: str
    shift: float
    width: float
    divergence: float


def marginals(group: Group) -> list[Marginal]:
    """Distances between all pairs of methods of a group, one parameter at a time."""
    out = []
    for first, second in combinations(_reference_first(group), 2):
        names, a, b = _common(group, first, second)
        if not names:
            continue
        shifts, widths = mean_shift(a, b), width_ratio(a, b)
        out += [
            Marginal(
                first,
                second,
                name,
                float(shifts[k]),
                float(widths[k]),
                jensen_shannon(a[:, k], b[:, k]),
            )
            for k, name in enumerate(names)
        ]
    return out


def _common(group: Group, first: str, second: str) -> tuple[list[str], Array, Array]:
    """Parameters that both have and that vary in both, and the draws of each."""
    a, b = group.results[first], group.results[second]
    names = [n for n in group.names_of(first) if n in b.names]
    draws_a, draws_b = _columns(a, names), _columns(b, names)
    varying = [
        k for k in range(len(names)) if min(np.ptp(draws_a[:, k]), np.ptp(draws_b[:, k])) > 0
    ]
    return [names[k] for k in varying], draws_a[:, varying], draws_b[:, varying]


def _distance(group: Group, first: str, second: str) -> Distance:
    names, draws_a, draws_b = _common(group, first, second)
    if not names:
        return Distance(first, second)
    shifts = np.abs(mean_shift(draws_a, draws_b))
    widths = width_ratio(draws_a, draws_b)
    divergences = [jensen_shannon(draws_a[:, k], draws_b[:, k]) for k in range(len(names))]
    farthest = int(np.argmax(shifts))
    widest = int(np.argmax(np.abs(np.log(widths))))
    oddest = int(np.argmax(divergences))
    effective = min(group.effective(first), group.effective(second))
    return Distance(
        first,
        second,
        _c2st(draws_a, draws_b, min(effective, C2ST_DRAWS[first != group.reference])),
        float(shifts[farthest]),
        _shift_error(group, first, second, names[farthest]),
        names[farthest],
        float(widths[widest]),
        names[widest],
        divergences[oddest],
        names[oddest],
        sliced_wasserstein(_thin(draws_a, SLICED_DRAWS), _thin(draws_b, SLICED_DRAWS)),
        tension(draws_a, draws_b),
        parameter_shift(draws_a, draws_b),
    )


def _columns(result: Result, names: Sequence[str]) -> Array:
    columns: Array = result.samples()[:, [result.names.index(n) for n in names]]
    return columns


def _c2st(a: Array, b: Array, most: float) -> float:
    """C2ST of as many draws as are independent: correlated ones can be told by their neighbours."""
    n = int(min(len(a), len(b), most))
    return c2st(_thin(a, n), _thin(b, n), quick=True) if n >= LEAST_DRAWS else math.nan


def _thin(draws: Array, n: int) -> Array:
    """Rows at equal distances, so that neighbours in a chain are as far apart as can be."""
    n = min(n, len(draws))
    kept: Array = draws[np.linspace(0, len(draws) - 1, n).round().astype(int)]
    return kept


def _shift_error(group: Group, first: str, second: str, name: str) -> float:
    one, other = (group.summaries[method].loc[name] for method in (first, second))
    scale = math.hypot(one["sd"], other["sd"]) / math.sqrt(2)
    return math.hypot(one["mcse"], other["mcse"]) / scale
