"""The profile likelihood of a parameter beside its marginal posterior.

The marginal integrates over all other parameters, the profile maximises over them.  They are equal
where the posterior is Gaussian and its prior flat; where they differ, the prior or the volume of
the other parameters moves the marginal, and the data alone do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import interpolate, stats

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import numeric
from sbiwb.errors import DataError

if TYPE_CHECKING:
    from sbiwb.result import Result

SHIFT = 0.5
"""Distance of the two means, in standard deviations of the marginal."""
RATIO = 1.5
"""Of the two widths."""
FEWEST_POINTS = 9
FEWEST_DRAWS = 100
_SMOOTHED = 4000
_FINE = 2001


def profile(
    theta: ArrayLike, log_likelihood: ArrayLike, draws: ArrayLike, *, name: str = "theta_0"
) -> Verdict:
    """Compare the profile likelihood of one parameter with its marginal posterior.

    Parameters
    ----------
    theta : array, shape (k,)
        k ≥ 9 values of the parameter, increasing, over the range of its draws.
    log_likelihood : array, shape (k,)
        At each, the log-likelihood maximised over all other parameters, up to a constant.
    draws : array, shape (n,)
        n ≥ 100 draws of the parameter from the posterior.
    name : str
        Of the parameter.

    Returns
    -------
    Verdict
        WARN if means differ by more than half a standard deviation, or widths by more than a factor
        of 1.5: neither curve is wrong, but what is quoted depends on the choice.  The statistic is
        the distance of the means.  Its curve holds the ``profile`` and the ``marginal``, relative
        to their peaks, at ``theta``.  UNKNOWN where the profile is not finite or does not fall on
        either side.

    Raises
    ------
    DataError
        If shapes disagree or arrays are not numeric.

    Examples
    --------
    >>> import numpy as np
    >>> from sbiwb.diagnostics.profile import profile
    >>> draws = np.random.default_rng(1).normal(size=4000)
    >>> theta = np.linspace(-4, 4, 21)
    >>> str(profile(theta, -0.5 * theta**2, draws).outcome)
    'pass'
    >>> str(profile(theta, -0.5 * (theta - 1) ** 2, draws).outcome)
    'warn'
    """
    place, values, sample = (
        np.asarray(numeric(what, given), dtype=np.float64)
        for what, given in (("theta", theta), ("the profile", log_likelihood), ("draws", draws))
    )
    label = f"profile[{name}]"
    if place.ndim != 1 or place.shape != values.shape or sample.ndim != 1:
        raise DataError(
            "a profile needs three arrays of one axis",
            got=f"{place.shape}, {values.shape} and {sample.shape}",
            expected="(k,), (k,) and (n,)",
        )
    if (why := _unusable(place, values, sample, name)) is not None:
        return Verdict(label, Outcome.UNKNOWN, f"cannot tell: {why}")
    finite = np.isfinite(values)
    curve = interpolate.CubicSpline(place[finite], values[finite] - values[finite].max())
    fine = np.linspace(place[finite][0], place[finite][-1], _FINE)
    weight = np.exp(np.minimum(curve(fine), 0.0))
    mean = float(np.sum(weight * fine) / weight.sum())
    sd = float(np.sqrt(np.sum(weight * (fine - mean) ** 2) / weight.sum()))
    shift, ratio = (sample.mean() - mean) / sample.std(), sample.std() / sd
    differ = abs(shift) > SHIFT or max(ratio, 1 / ratio) > RATIO
    side = "above" if shift > 0 else "below"
    apart = (
        f"the marginal of '{name}' is {ratio:.2g} times as wide as its profile likelihood, and its "
        f"mean lies {abs(shift):.2g} standard deviations {side}"
    )
    message = f"{apart}: prior or volume of the other parameters move it" if differ else apart
    kept = sample[:: max(1, len(sample) // _SMOOTHED)]
    smooth = stats.gaussian_kde(kept)
    # Reflected at both ends: where the prior ends, half of the density would be lost beyond.
    marginal = smooth(place) + smooth(2 * place[0] - place) + smooth(2 * place[-1] - place)
    return Verdict(
        label,
        Outcome.WARN if differ else Outcome.PASS,
        message,
        statistic=abs(shift),
        threshold=SHIFT,
        curve={
            "theta": place.tolist(),
            "profile": np.exp(np.where(finite, values, -np.inf) - values[finite].max()).tolist(),
            "marginal": (marginal / marginal.max()).tolist(),
        },
    )


def check(result: Result) -> list[Verdict]:
    """Judge the profiles of a result; nothing if it has none."""
    if "profile" not in result.tree.children:
        return []
    group = result.tree["profile"].to_dataset()
    draws = result.samples()
    return [
        profile(group["theta"].values[k], group["log_likelihood"].values[k], draws[:, k], name=name)
        for k, name in enumerate(result.names)
    ]


def _unusable(place: Array, values: Array, sample: Array, name: str) -> str | None:
    finite = np.isfinite(values)
    if finite.sum() < FEWEST_POINTS:
        return f"the profile of '{name}' has {finite.sum()} finite values, not {FEWEST_POINTS}"
    if not np.isfinite(place).all() or np.any(np.diff(place) <= 0):
        return f"the values of '{name}' do not increase"
    if len(sample) < FEWEST_DRAWS or not np.isfinite(sample).all() or np.ptp(sample) == 0:
        return f"too few draws of '{name}', or they do not vary"
    # A spline between −inf and a number means nothing.
    first, last = np.flatnonzero(finite)[[0, -1]]
    return None if finite[first : last + 1].all() else f"the profile of '{name}' has gaps"
