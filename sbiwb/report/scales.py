"""Axes of parameters: what range to show, in what multiples, from what origin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sbiwb.comparison.groups import Group, Quantity
from sbiwb.core.distributions import Array
from sbiwb.report.density import Window
from sbiwb.report.labels import drawn
from sbiwb.report.numbers import MINUS, fixed, power_of_ten, scale_of
from sbiwb.report.text import clean, plain

_MARGIN = 0.08  # of the range of the draws
_OFFSET = 1e-3  # range over distance from zero below which the distance is taken off


@dataclass(frozen=True)
class Scale:
    """Axis of one parameter; calling it turns values into what the axis shows.

    Parameters
    ----------
    quantity : Quantity
    low, high : float
        Ends of the axis, in the parameter's unit.
    offset : float
        Subtracted from values that differ little (a time of arrival), otherwise 0.
    power : int
        Values are shown in multiples of ten to this power.
    decimals : int
        Decimals of the offset.
    """

    quantity: Quantity
    low: float
    high: float
    offset: float = 0.0
    power: int = 0
    decimals: int = 0

    def __call__(self, values: Array | float) -> Array:
        return (np.asarray(values, dtype=np.float64) - self.offset) / 10.0**self.power

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis as shown."""
        return float(self(self.low)), float(self(self.high))

    @property
    def window(self) -> Window:
        """The axis as the density estimate wants it."""
        bounds = self(np.array(self.quantity.support))
        return Window(*self.limits, (float(bounds[0]), float(bounds[1])))

    @property
    def spoken(self) -> str:
        """Name, offset, power of ten and unit, as plain text."""
        text = clean(self.quantity.name, 48)
        if self.offset:
            text += f" {MINUS if self.offset > 0 else '+'} {fixed(abs(self.offset), self.decimals)}"
        power = power_of_ten(self.power) if self.power else ""
        unit = clean(" ".join(part for part in (power, self.quantity.unit) if part), 48)
        return f"{text} [{unit}]" if unit else text

    @property
    def label(self) -> str:
        """Symbol, offset, power of ten and unit, for Matplotlib."""
        text = drawn(self.quantity)
        if self.offset:
            sign = MINUS if self.offset > 0 else "+"
            text += f" {sign} {fixed(abs(self.offset), self.decimals)}"
        power = power_of_ten(self.power) if self.power else ""
        unit = plain(" ".join(part for part in (power, self.quantity.unit) if part))
        return f"{text} [{unit}]" if unit else text


def scale_for(group: Group, name: str) -> Scale:
    """Axis on which the draws of all methods that have the parameter `name` are seen."""
    quantity = group.quantity(name)
    draws = [r.samples()[:, r.names.index(name)] for r in group.results.values() if name in r.names]
    return scale_over(quantity, *_range(draws))


def _range(draws: list[Array]) -> tuple[float, float]:
    ends = np.array([np.quantile(d, (0.001, 0.999)) for d in draws])
    return float(np.min(ends[:, 0])), float(np.max(ends[:, 1]))


def scale_over(quantity: Quantity, low: float, high: float) -> Scale:
    """Axis that shows values from `low` to `high`, with a margin, but not past hard bounds."""
    span = high - low or abs(high) * 0.1 or 1.0
    bound_low, bound_high = quantity.support
    low, high = low - _MARGIN * span, high + _MARGIN * span
    # Draws that come near a bound are shown up to it, so that a cut posterior looks cut.
    low = bound_low if low < bound_low + 0.02 * span else low
    high = bound_high if high > bound_high - 0.02 * span else high
    span, middle = high - low, (low + high) / 2
    if span < _OFFSET * abs(middle):
        decimals = max(-math.floor(math.log10(span)), 0)
        offset = round(middle, decimals)
        return Scale(quantity, low, high, offset, scale_of(span), decimals)
    return Scale(quantity, low, high, power=scale_of(low, high))
