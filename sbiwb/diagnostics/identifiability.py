"""Which combinations of parameters the data can tell, and which not, by Fisher information.

Where the data say nothing the posterior is the prior: no sampler, network or budget changes that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import numeric, parameter_names
from sbiwb.diagnostics._combinations import explain, listed
from sbiwb.diagnostics._coordinates import Coordinates, coordinates
from sbiwb.diagnostics._fisher import linear_information
from sbiwb.errors import DataError

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "identifiability"
WEAK = 1.0
"""Information, in units of the prior's own: below it data narrow the prior by less than 1/√2."""
NONE = 1e-3
"""Information that no posterior would show: it narrows the prior by less than 1 in 1,000."""
FEWEST = 100
LONGEST = 300
"""Characters of what is known and what is not that can still be read."""


def identifiability(
    information: ArrayLike,
    at: ArrayLike,
    prior: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    bound: bool = False,
) -> Verdict:
    """Judge whether data tell every combination of the parameters.

    Parameters
    ----------
    information : array, shape (d, d)
        Fisher information about the parameters, E[∂ᵢ log p(x|θ) ∂ⱼ log p(x|θ)]: of a likelihood
        or of a forecast.
    at : array, shape (d,)
        The parameters where it holds.
    prior : array, shape (n, d)
        n ≥ 100 draws from the prior, with which information is compared.
    names : sequence of str, optional
        Parameter names; ``theta_0``, … by default.
    bound : bool
        True if data may tell more than `information` says; what it lacks is then UNKNOWN.

    Returns
    -------
    Verdict
        PASS if data narrow the prior to 1/√2 of its width or less in every direction.  WARN if not:
        the message names what is known, in products of powers for positive parameters whose prior
        spans more than half a decade, and what may change without changing the data.  The statistic
        is the width of posterior over prior in the least known direction, as far as both are
        Gaussian.  Its curve holds that ratio for each principal direction, best known first.

    Raises
    ------
    DataError
        If shapes disagree or arrays are not numeric.

    Notes
    -----
    With φ the logarithm of such parameters, others as they are, all in units of the prior's
    standard deviation, and λ an eigenvalue of the information about φ, the posterior is √(1/(1+λ))
    as wide as the prior along its eigenvector.  The information is that at one point: what is told
    there may be told elsewhere better or worse.

    Examples
    --------
    >>> import numpy as np
    >>> from sbiwb.diagnostics.identifiability import identifiability
    >>> prior = np.random.default_rng(1).uniform([0.01, 0.1], [1.0, 10.0], size=(1000, 2))
    >>> product = np.array([[1.0, 0.5], [0.5, 0.25]])  # of log(D T) at D = 1, T = 2
    >>> verdict = identifiability(100 * product, [1.0, 2.0], prior, names=["D", "T"])
    >>> verdict.message.partition(",")[0]
    'rank-deficient: the data tell √(D T)'
    """
    matrix, place, draws = (
        np.asarray(numeric(what, values), dtype=np.float64)
        for what, values in (
            ("the information", information),
            ("the point", at),
            ("the prior draws", prior),
        )
    )
    d = place.size
    if place.ndim != 1 or d == 0 or matrix.shape != (d, d):
        raise DataError(
            "the information has the wrong shape", got=matrix.shape, expected=f"({d}, {d})"
        )
    if draws.ndim != 2 or draws.shape[1] != d:
        raise DataError(
            "the prior draws have the wrong shape", got=draws.shape, expected=f"(n, {d})"
        )
    called = parameter_names(names, d)
    if (why := _unusable(draws, called)) is not None:
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: {why}")
    if not (np.isfinite(matrix).all() and np.isfinite(place).all()):
        why = "the likelihood vanishes, or simulations fail, at the point where it was asked"
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: {why}")
    frame = coordinates(draws, called)
    slope = frame.slope(place)
    if np.any(slope <= 0):
        return Verdict(NAME, Outcome.UNKNOWN, "cannot tell: the point is outside the prior")
    return _judge(slope[:, np.newaxis] * matrix * slope, frame, bound=bound)


def check(result: Result) -> list[Verdict]:
    """Judge the information about a result's parameters, or what its simulations show of it."""
    names = result.names
    prior = result.prior_samples()
    groups = result.tree.children
    if "information" in groups:
        group = result.tree["information"].to_dataset()
        return [identifiability(group["fisher"].values, group["at"].values, prior, names=names)]
    if "training" not in groups:
        return []
    group = result.tree["training"].to_dataset()
    theta = np.asarray(group["theta"].values)
    x = group["x"].transpose("simulation", ...).values.reshape(len(theta), -1)
    finite = np.isfinite(x).all(axis=1) & np.isfinite(theta).all(axis=1)
    return [_of_simulations(theta[finite], x[finite], prior, names)]


def _of_simulations(theta: Array, x: Array, prior: Array, names: tuple[str, ...]) -> Verdict:
    why = _unusable(prior, names) or _unusable(theta, names)
    varies = np.ptp(x, axis=0) > 1e-12 * np.abs(x).max(axis=0) if len(x) else np.zeros(0, bool)
    if why is None and not varies.any():
        why = "all simulated data are the same"
    if why is not None:
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: {why}")
    frame = coordinates(prior, names)
    phi = frame.forward(theta)
    return _judge(linear_information(phi, x[:, varies]), frame, bound=True)


def _judge(information: Array, frame: Coordinates, *, bound: bool) -> Verdict:
    """Judge the information about φ, of which the prior has one unit in every direction."""
    values, axes = np.linalg.eigh((information + information.T) / 2)
    values = np.maximum(values, 0.0)
    ratios = 1 / np.sqrt(1 + values)
    d, weak = len(values), values < WEAK
    if not weak.any():
        subject = "the parameter" if d == 1 else f"all {d} parameters"
        rest = "" if d == 1 else "the least known combination of them "
        message = (
            f"the data tell {subject}: they narrow the prior of {rest or 'it '}"
            f"to {ratios.max():.2g} of its width"
        )
        return _verdict(Outcome.PASS, message, ratios)
    if weak.all():
        known, free = list[str](), list[str]()
    else:
        known, free = explain(axes[:, weak], frame)
    if bound:
        of = f"nothing beyond {listed(known)}" if known else "nothing"
        message = (
            f"cannot tell: linear regression on the simulated data predicts {of}; "
            "data may tell more in ways that are not linear"
        )
        return _verdict(Outcome.UNKNOWN, message, ratios)
    if len(listed(known or [""]) + listed(free or [""])) > LONGEST:
        message = _dense(values[weak], axes[:, weak], frame)
    else:
        message = _deficient(values[weak], known, free, frame)
    return _verdict(Outcome.WARN, message, ratios)


def _dense(values: Array, null: Array, frame: Coordinates) -> str:
    """What to say where combinations have too many parameters to be read."""
    d, r = null.shape
    share = np.sum(null**2, axis=1)
    order = np.argsort(-share)
    most = [frame.names[k] for k in order[: max(1, int(np.sum(share > 0.5)))]]
    nothing = "nothing" if np.all(values < NONE) else "little"
    return (
        f"the data tell {d - r} of {d} combinations of the parameters, and {nothing} of the "
        f"others: the prior decides most on {listed(most)}"
    )


def _deficient(values: Array, known: list[str], free: list[str], frame: Coordinates) -> str:
    tell = f"the data tell {listed(known)}" if known else "the data tell none of the parameters"
    alone = [name for name in frame.names if name not in known]
    but = f", but not {listed(alone)} each" if len(alone) > 1 else f", but not {listed(alone)}"
    if np.all(values < NONE):
        same = "there the posterior is the prior"
        if known and len(alone) > 1:
            same = f"{listed(free)} gives the same data, and {same}"
        return f"rank-deficient: {tell}{but if known else ''}: {same}"
    narrower = 1 - 1 / np.sqrt(1 + values.max())
    along = f" along {listed(free)}" if known and len(alone) > 1 else ""
    return (
        f"{tell}{but if known else ''}:{along} they narrow the prior by {narrower:.0%} at most, "
        "so that the posterior is the prior's as much as theirs"
    )


def _verdict(outcome: Outcome, message: str, ratios: Array) -> Verdict:
    curve = {
        "direction": np.arange(1.0, len(ratios) + 1).tolist(),
        "width": np.sort(ratios).tolist(),
    }
    return Verdict(
        NAME, outcome, message, float(ratios.max()), float(1 / np.sqrt(1 + WEAK)), curve=curve
    )


def _unusable(draws: Array, names: Sequence[str]) -> str | None:
    """Why draws say nothing of scales, if so."""
    if len(draws) < FEWEST:
        return f"needs at least {FEWEST} draws of the parameters, got {len(draws)}"
    if not np.isfinite(draws).all():
        return "draws of the parameters are not finite"
    still = [n for k, n in enumerate(names) if np.ptp(draws[:, k]) <= 1e-12 * np.abs(draws[0, k])]
    return f"'{still[0]}' never varies" if still else None
