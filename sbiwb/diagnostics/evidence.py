"""The error of the evidence that a run quotes, beside the spread of repeated runs.

One run of nested sampling estimates its own error from the randomness of the volumes alone; modes
that it missed and points that were not drawn fairly are not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import numeric
from sbiwb.diagnostics._grade import FAIL, WARN, check_levels, judged
from sbiwb.errors import DataError

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "evidence"
FEWEST = 5


def evidence(
    log_evidence: ArrayLike,
    errors: ArrayLike,
    *,
    quoted: tuple[float, float] | None = None,
    warn: float = WARN,
    fail: float = FAIL,
) -> Verdict:
    """Compare the spread of log-evidences of repeated runs with the errors they quote.

    Parameters
    ----------
    log_evidence : array, shape (r,)
        log p(x) of r ≥ 5 runs (better 10) that differ in their seeds only.
    errors : array, shape (r,)
        The standard error that each quotes of itself.
    quoted : (float, float), optional
        log p(x) and error of the run in question, which may be longer than the repeats.
    warn, fail : float
        p-values below which the outcome is WARN and FAIL.

    Returns
    -------
    Verdict
        Not a PASS if runs scatter more than their errors allow (chi² of the spread, r − 1 degrees
        of freedom), or the run in question lies off their mean: p is twice the smaller of the two
        p-values.  The message says what error to quote.  Its curve holds the repeats.

    Raises
    ------
    DataError
        If shapes disagree or arrays are not numeric.
    UsageError
        If a level is wrong.

    Notes
    -----
    Errors that are too large are not seen: they are safe.  Ten repeats see errors that are too
    small by a factor of 1.8 (at 5 %) in four of five cases.

    Examples
    --------
    >>> import numpy as np
    >>> from sbiwb.diagnostics.evidence import evidence
    >>> runs = -10 + 0.3 * np.random.default_rng(1).normal(size=10)
    >>> str(evidence(runs, np.full(10, 0.3)).outcome), str(evidence(runs, np.full(10, 0.1)).outcome)
    ('pass', 'fail')
    """
    check_levels(warn, fail)
    value, error = (
        np.asarray(numeric(what, given), dtype=np.float64)
        for what, given in (("the log-evidences", log_evidence), ("their errors", errors))
    )
    if value.ndim != 1 or value.shape != error.shape:
        raise DataError(
            "evidences and errors have the wrong shapes",
            got=f"{value.shape} and {error.shape}",
            expected="(r,) and (r,)",
        )
    usable = np.isfinite(value) & np.isfinite(error) & (error > 0)
    value, error = value[usable], error[usable]
    if len(value) < FEWEST:
        why = f"needs at least {FEWEST} runs with an error, got {len(value)}"
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: {why}")
    weight = 1 / error**2
    mean = float(np.sum(weight * value) / weight.sum())
    square = float(np.sum(weight * (value - mean) ** 2))
    freedom = len(value) - 1
    ratio = float(np.sqrt(square / freedom))
    p_value = float(stats.chi2.sf(square, freedom))
    scatter = f"{len(value)} repeated runs scatter {ratio:.2g} times as far as they say"
    message = f"{scatter}: the error of log p(x) can be trusted"
    wide = p_value
    if quoted is not None:
        # What the repeats' errors lack, the run in question may lack too.
        mine = quoted[1] * max(ratio, 1.0)
        apart = quoted[0] - mean
        together = float(np.hypot(mine, max(ratio, 1.0) / np.sqrt(weight.sum())))
        off = float(2 * stats.norm.sf(abs(apart) / together))
        p_value = min(1.0, 2 * min(p_value, off))
        if off < wide and p_value < warn:
            side = "above" if apart > 0 else "below"
            message = f"{scatter}, and this run lies {abs(apart):.2g} {side} their mean: it missed "
            message += "a part of the posterior, or they did; take more live points"
            return _judged(p_value, message, value, error, warn, fail)
    if p_value < warn:
        message = f"{scatter}: the quoted error is too small"
        if quoted is not None:
            message += f"; quote ±{quoted[1] * ratio:.2g}, not ±{quoted[1]:.2g}"
    return _judged(p_value, message, value, error, warn, fail)


def check(result: Result) -> list[Verdict]:
    """Judge the evidence of a result whose sampler was run again."""
    if "evidence" not in result.tree.children:
        return []
    group = result.tree["evidence"].to_dataset()
    value, error = result.log_evidence, result.log_evidence_err
    quoted = None if value is None or error is None else (value, error)
    runs = group["log_evidence"].values, group["log_evidence_err"].values
    return [evidence(*runs, quoted=quoted)]


def _judged(
    p_value: float, message: str, value: ArrayLike, error: ArrayLike, warn: float, fail: float
) -> Verdict:
    curve = {"log_evidence": value, "error": error}
    return judged(NAME, p_value, message, curve, warn=warn, fail=fail)
