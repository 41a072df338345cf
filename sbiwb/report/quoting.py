"""A parameter in a few words: value and error, or a limit where the prior cuts the posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbiwb.comparison.groups import Group
from sbiwb.report.density import density_1d
from sbiwb.report.numbers import as_typed, significant, with_error
from sbiwb.report.scales import Scale, scale_for

# A density that at the prior's bound is above this share of its peak gives a limit, not a mean:
# the height of a Gaussian 1.5σ from its mean, as in GetDist.
_CUT = float(np.exp(-(1.5**2) / 2))


@dataclass(frozen=True)
class Quote:
    """What a posterior says of one parameter.

    Parameters
    ----------
    relation : str
        ``=``, ``<``, ``>`` or ``in``.
    value : str
        Median with the 68 % interval, the 68 % limit, or the range of the prior.
    remark : str
        Why it is no value with an error; empty if it is.
    """

    relation: str
    value: str
    remark: str = ""


def quote(group: Group, name: str, scale: Scale | None = None) -> Quote:
    """Quote a parameter from the reference result of a group, in the units of `scale` if given."""
    shown = scale or np.asarray
    result = group.results[group.reference]
    draws = shown(result.samples()[:, result.names.index(name)])
    if np.ptp(draws) == 0:
        return Quote("=", significant(float(draws[0]), 4), "does not vary")
    low, high = (float(shown(bound)) for bound in group.quantity(name).support)
    at_low, at_high = _reaches_bounds(group, name)
    if at_low and at_high:
        return Quote("in", f"{as_typed(low)} … {as_typed(high)}", "as wide as its prior")
    if at_low:
        limit = significant(float(np.quantile(draws, 0.68)))
        return Quote("<", limit, f"68 %, cut by the prior at {as_typed(low)}")
    if at_high:
        limit = significant(float(np.quantile(draws, 0.32)))
        return Quote(">", limit, f"68 %, cut by the prior at {as_typed(high)}")
    q16, median, q84 = np.quantile(draws, (0.16, 0.5, 0.84)).tolist()
    return Quote("=", with_error(median, median - q16, q84 - median))


def _reaches_bounds(group: Group, name: str) -> tuple[bool, bool]:
    """Whether the density is still high at the lower and at the upper bound of the prior."""
    result, scale = group.results[group.reference], scale_for(group, name)
    draws = scale(result.samples()[:, result.names.index(name)])
    heights = density_1d(draws, scale.window, group.effective(group.reference)).values
    low, high = (
        bool(np.isclose(end, bound)) and bool(height > _CUT * np.max(heights))
        for end, bound, height in zip(
            scale.limits, scale.window.support, (heights[0], heights[-1]), strict=True
        )
    )
    return low, high
