"""Numbers as they are printed: as many digits as their error bears."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"
MISSING = "–"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def fixed(value: float | None, decimals: int) -> str:
    """`value` with a fixed number of decimals and a true minus sign; a dash for NaN or None."""
    if value is None or math.isnan(value):
        return MISSING
    text = f"{value:.{max(decimals, 0)}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def significant(value: float | None, digits: int = 3) -> str:
    """`value` with so many significant digits, as a power of ten where it is large or small."""
    if value is None or math.isnan(value):
        return MISSING
    if value == 0 or math.isinf(value):
        return f"{value:g}".replace("-", MINUS).replace("inf", "∞")
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 6:
        return fixed(value, digits - 1 - exponent)
    return f"{fixed(value / 10.0**exponent, digits - 1)} × {power_of_ten(exponent)}"


def as_typed(value: float) -> str:
    """A number that a person chose, such as a bound: as short as it is."""
    return f"{value:.6g}".replace("-", MINUS)


def count(value: float) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", MINUS)


def seconds(value: float) -> str:
    """A time as a person would say it."""
    if value < 60:
        return f"{significant(value, 2)} s"
    if value < 3600:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return f"{int(value // 3600)} h {int(value % 3600 // 60)} min"


def power_of_ten(exponent: int) -> str:
    """10 with a raised exponent."""
    return "10" + str(exponent).translate(_SUPERSCRIPT)


def decimals_for(error: float, digits: int = 2) -> int:
    """Decimals that show `digits` significant digits of `error`."""
    if not (math.isfinite(error) and error > 0):
        return 3
    return digits - 1 - math.floor(math.log10(error))


def scale_of(*values: float, error: float = math.inf) -> int:
    """Power of ten to take out of a parameter's numbers: 0 unless they are very large or small.

    Large numbers whose `error` is below ten stay as they are: all their digits are meant.
    """
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if largest == 0:
        return 0
    exponent = math.floor(math.log10(largest))
    return 0 if -3 <= exponent < 5 or (exponent > 0 and error < 10) else exponent


def with_error(value: float, low: float, high: float) -> str:
    """``value ± error``, or ``value +high −low`` if the two errors differ by a quarter.

    Parameters
    ----------
    value : float
    low, high : float
        Errors downward and upward, both positive.
    """
    power = scale_of(value, low, high, error=min(low, high))
    factor = 10.0**power
    value, low, high = value / factor, low / factor, high / factor
    decimals = decimals_for(min(low, high))
    if abs(high - low) < 0.25 * min(high, low):
        text = f"{fixed(value, decimals)} ± {fixed((low + high) / 2, decimals)}"
        return f"({text}) × {power_of_ten(power)}" if power else text
    text = f"{fixed(value, decimals)} +{fixed(high, decimals)} {MINUS}{fixed(low, decimals)}"
    return f"({text}) × {power_of_ten(power)}" if power else text
