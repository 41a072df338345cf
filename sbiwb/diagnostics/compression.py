"""How much of what the data tell is kept by summaries, or by a network that has seen them.

The score of summaries t(x) is the mean of the score of x given t, so the Fisher information that
they keep is the variance of scores that they predict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import numeric, parameter_names
from sbiwb.diagnostics._fisher import left_out_errors
from sbiwb.errors import DataError

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "compression"
WIDER = 1.25
"""Posterior width over that which all data allow: by then a third of the information is lost."""
FEWEST = 50


def compression(
    scores: ArrayLike, summaries: ArrayLike, *, names: Sequence[str] | None = None
) -> Verdict:
    """Judge summaries by the Fisher information that they keep.

    Parameters
    ----------
    scores : array, shape (n, d)
        ∇ log p(xᵢ|θ), for n ≥ 50 (better 100 d) data simulated at one θ, in units of the prior's
        standard deviations.
    summaries : array, shape (n, k)
        Numbers computed from the same data: summaries, or means of learned posteriors.
    names : sequence of str, optional
        Parameter names.

    Returns
    -------
    Verdict
        WARN if summaries make the posterior of any parameter more than 1.25 times as wide as the
        data allow, as far as it is Gaussian and the prior of unit width.  The statistic is that
        ratio for the worst parameter, and its curve holds those of all.  UNKNOWN if there are fewer
        than 50 data, or scores or summaries say nothing.

    Raises
    ------
    DataError
        If shapes disagree or arrays are not numeric.

    Notes
    -----
    Scores are predicted by linear regression, each from a fit to all others: what is kept in other
    ways is not seen, so that a WARN may be too strict and a PASS is not.  The loss has a relative
    error of √(2/n).

    Examples
    --------
    >>> import numpy as np
    >>> from sbiwb.diagnostics.compression import compression
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(400, 9))  # nine readings of one number, zero
    >>> score = x.sum(axis=1, keepdims=True)
    >>> str(compression(score, x.mean(axis=1, keepdims=True)).outcome)
    'pass'
    >>> print(compression(score, x[:, :1], names=["mu"]).message.partition(":")[0])
    information is lost
    """
    s, t = (
        np.asarray(numeric(what, values), dtype=np.float64)
        for what, values in (("scores", scores), ("summaries", summaries))
    )
    if s.ndim != 2 or t.ndim != 2 or len(s) != len(t) or s.shape[1] == 0:
        raise DataError(
            "scores and summaries have the wrong shapes",
            got=f"{s.shape} and {t.shape}",
            expected="(n, d) and (n, k)",
        )
    d = s.shape[1]
    called = parameter_names(names, d)
    finite = np.isfinite(s).all(axis=1) & np.isfinite(t).all(axis=1)
    s, t = s[finite], t[finite]
    if len(s) < max(FEWEST, 4 * d):
        why = f"needs scores of at least {max(FEWEST, 4 * d)} data, got {len(s)} that are finite"
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: {why}")
    varies = np.ptp(t, axis=0) > 1e-12 * np.abs(t).max(axis=0)
    whole = np.cov(s, rowvar=False).reshape(d, d)
    if not varies.any() or np.all(np.diag(whole) < 1):
        why = "the summaries never vary" if not varies.any() else "the data themselves tell nothing"
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: {why}")
    error = left_out_errors(s, t[:, varies])
    ratios = _widths(_kept(whole, error.T @ error / len(s))) / _widths(whole)
    worst = int(np.argmax(ratios))
    value, name = float(ratios[worst]), called[worst]
    if value <= WIDER:
        outcome = Outcome.PASS
        message = f"what the data tell is kept: the posterior of '{name}', the worst, is"
    else:
        outcome = Outcome.WARN
        message = f"information is lost: the posterior of '{name}' is up to"
    message += f" {value:.2f} times as wide as all of the data would allow"
    curve = {"parameter": np.arange(float(d)).tolist(), "width": ratios.tolist()}
    return Verdict(NAME, outcome, message, value, WIDER, curve=curve)


def check(result: Result) -> list[Verdict]:
    """Judge what a learned posterior has made of data whose likelihood is known."""
    if "information" not in result.tree.children:
        return []
    group = result.tree["information"].to_dataset()
    if "learned" not in group:
        return []
    return [compression(group["scores"].values, group["learned"].values, names=result.names)]


def _kept(whole: Array, lost: Array) -> Array:
    """What is left of the information, none of it negative."""
    values, axes = np.linalg.eigh(whole - lost)
    return np.asarray((axes * np.maximum(values, 0.0)) @ axes.T)


def _widths(information: Array) -> Array:
    """Posterior standard deviations under a prior of unit width."""
    return np.sqrt(np.diag(np.linalg.inv(information + np.eye(len(information)))))
