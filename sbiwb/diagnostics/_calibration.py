"""A calibration set: true parameters, their data, and draws from the posterior of each.

It may come from anywhere; here it is checked, and what cannot be judged is left out and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._grade import worse
from sbiwb.errors import DataError, UsageError

if TYPE_CHECKING:
    from sbiwb.result import Result

MIN_SIMULATIONS = 50
MIN_DRAWS = 20
MAX_BROKEN = 0.1
LOCAL = "near the observation, whose posterior takes the place of the prior"

# Draws handled at a time: 2¹⁶ numbers fit in a processor's cache.
_CHUNK = 2**16


@dataclass(frozen=True)
class CalibrationSet:
    """Checked arrays, and what had to be left out of them.

    Parameters
    ----------
    theta : ndarray, shape (N, d)
    samples : ndarray, shape (L, N, d)
    x : ndarray, shape (N, m), optional
        Data, flattened.
    names : tuple of str
        One a parameter.
    kept : ndarray of bool
        Which of the simulations given are still here.
    constant : tuple of str
        Parameters that have the same value in all simulations.
    notes : tuple of str
        What a reader must know: what was left out.
    at_best : Outcome
        The best outcome that can honestly be given.
    refused : str, optional
        Why nothing can be said at all; the outcome then is `at_best`.
    """

    theta: Array
    samples: Array
    x: Array | None
    names: tuple[str, ...]
    kept: NDArray[np.bool_]
    constant: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    at_best: Outcome = Outcome.PASS
    refused: str | None = None

    def refusal(self, name: str) -> Verdict:
        """The verdict where nothing can be said."""
        return Verdict(name, self.at_best, f"{self.refused}")

    def noted(self, message: str) -> str:
        """The message with the notes appended."""
        return "; ".join([message, *self.notes])

    def varying(self) -> CalibrationSet:
        """Return the set without its constant parameters, which can be tested no further."""
        columns = [k for k, name in enumerate(self.names) if name not in self.constant]
        if len(columns) == len(self.names):
            return self
        what = ", ".join(f"'{name}'" for name in self.constant)
        reduced = replace(
            self,
            theta=self.theta[:, columns],
            samples=self.samples[..., columns],
            names=tuple(self.names[k] for k in columns),
            notes=(*self.notes, f"constant and left out: {what}"),
            at_best=worse(self.at_best, Outcome.UNKNOWN),
        )
        if columns or self.refused:
            return reduced
        return replace(reduced, refused="cannot tell: every parameter is constant")


def read_calibration(
    theta: ArrayLike,
    samples: ArrayLike,
    x: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> CalibrationSet:
    """Check shapes and numbers, and leave out simulations that are not finite.

    Parameters
    ----------
    theta : array, shape (N, d)
        True parameters.
    samples : array, shape (L, N, d)
        L draws from the posterior of each simulation.
    x : array, shape (N, ...), optional
        Data of each simulation.
    names : sequence of str, optional
        Parameter names; ``theta_0``, ``theta_1``, … by default.

    Raises
    ------
    DataError
        If shapes disagree or the arrays are not numeric.
    """
    theta, samples = numeric("theta", theta), numeric("samples", samples)
    if theta.ndim != 2:
        raise DataError("theta has the wrong shape", got=theta.shape, expected="(N, d)")
    n, d = theta.shape
    if samples.ndim != 3 or samples.shape[1:] != (n, d):
        turned = samples.ndim == 3 and (samples.shape[0], samples.shape[2]) == (n, d)
        raise DataError(
            "samples have the wrong shape",
            got=samples.shape,
            expected=f"(L, N, d) = (L, {n}, {d})",
            remedy="pass samples.transpose(1, 0, 2)" if turned else None,
        )
    called = parameter_names(names, d)
    if x is not None:
        x = numeric("x", x)
        if x.ndim == 0 or len(x) != n:
            raise DataError("x has the wrong shape", got=x.shape, expected=f"({n}, …)")
        x = x.reshape(n, -1)
    return _without_broken(theta, samples, x, called)


def read_density(
    calibration: CalibrationSet, theta: ArrayLike | None, samples: ArrayLike | None
) -> tuple[Array, Array] | None:
    """Log densities at the truths (N,) and at the first l draws (l, N) of what was kept.

    Raises
    ------
    DataError
        If shapes disagree, or densities are NaN or not numeric.
    UsageError
        If only one of them is given.
    """
    if theta is None and samples is None:
        return None
    if theta is None or samples is None:
        raise UsageError("log densities are needed at the truth and at the draws, or not at all")
    truth = numeric("log densities at the truth", theta)
    draws = numeric("log densities at the draws", samples)
    n, length = len(calibration.kept), len(calibration.samples)
    enough = draws.ndim == 2 and min(MIN_DRAWS, length) <= len(draws) <= length
    if truth.shape != (n,) or draws.shape[1:] != (n,) or not enough:
        raise DataError(
            "log densities have the wrong shape",
            got=f"{truth.shape} and {draws.shape}",
            expected=f"({n},) and ({length}, {n}), or of the first {MIN_DRAWS} draws or more",
        )
    truth, draws = truth[calibration.kept], draws[:, calibration.kept]
    if np.isnan(truth).any() or np.isnan(draws).any():
        raise DataError("log densities are NaN", expected="numbers, or −inf where there is none")
    return truth, draws


class Recorded(NamedTuple):
    """The calibration set of a result, as it was recorded."""

    theta: Array
    samples: Array
    x: Array | None
    names: list[str]
    log_prob_theta: Array | None
    log_prob_samples: Array | None
    log_likelihood_theta: Array | None
    log_likelihood_samples: Array | None
    is_local: bool
    """Whether its parameters are draws of the posterior at the observation, not of the prior."""

    def placed(self, *verdicts: Verdict) -> list[Verdict]:
        """The verdicts, which say it where they are local."""
        if not self.is_local:
            return list(verdicts)
        return [replace(one, message=f"{one.message} ({LOCAL})") for one in verdicts]


def recorded(result: Result) -> Recorded | None:
    """The calibration set that a result carries, None if it has not been calibrated."""
    if "calibration" not in result.tree.children:
        return None
    group = result.tree["calibration"].to_dataset()

    def values(name: str, *dims: Any) -> Array | None:
        return group[name].transpose(*dims).values if name in group else None

    return Recorded(
        theta=group["theta"].transpose("simulation", "parameter").values,
        samples=group["samples"].transpose("calibration_draw", "simulation", "parameter").values,
        x=values("x", "simulation", ...),
        names=[str(name) for name in group["parameter"].values],
        log_prob_theta=values("log_prob_theta", "simulation"),
        log_prob_samples=values("log_prob_samples", "calibration_draw", "simulation"),
        log_likelihood_theta=values("log_likelihood_theta", "simulation"),
        log_likelihood_samples=values("log_likelihood_samples", "likelihood_draw", "simulation"),
        is_local=bool(group.attrs.get("local", False)),
    )


def moments(samples: Array) -> tuple[Array, Array]:
    """Mean and standard deviation over the draws (L, N, d); each of shape (N, d)."""
    mean = samples.mean(axis=0, dtype=np.float64)
    squares = np.zeros_like(mean)
    for chunk in chunks(samples):
        squares += np.sum((chunk - mean) ** 2, axis=0)
    return mean, np.sqrt(squares / (len(samples) - 1))


def chunks(samples: Array) -> list[Array]:
    """Views of a few draws each, small enough to stay in the cache."""
    rows = max(1, _CHUNK // max(1, samples[0].size))
    return [samples[start : start + rows] for start in range(0, len(samples), rows)]


def numeric(what: str, values: ArrayLike) -> Array:
    """Return real numbers as float64 (float32 as they are), or raise `DataError`."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what} must be real numbers", got=array.dtype)
    return array if array.dtype in (np.float64, np.float32) else array.astype(np.float64)


def parameter_names(names: Sequence[str] | None, d: int) -> tuple[str, ...]:
    """Return names for d parameters, ``theta_0``, … if none are given, or raise `DataError`."""
    called = tuple(names) if names is not None else tuple(f"theta_{k}" for k in range(d))
    if len(called) != d or len(set(called)) != d:
        raise DataError("bad parameter names", got=list(called), expected=f"{d} different names")
    return called


def _without_broken(
    theta: Array, samples: Array, x: Array | None, names: tuple[str, ...]
) -> CalibrationSet:
    draws, n, _ = samples.shape
    kept = np.asarray(np.isfinite(theta).all(axis=1))
    if x is not None:
        kept &= np.isfinite(x).all(axis=1)
    usable = int(kept.sum())
    broken = kept & ~np.isfinite(samples).all(axis=(0, 2))
    kept &= ~broken
    notes, at_best, refused = [], Outcome.PASS, None
    if usable < n:
        notes.append(f"{n - usable} of {n} simulations are not finite and were left out")
        if n - usable > MAX_BROKEN * n:
            at_best = Outcome.UNKNOWN
    if broken.any():
        at_best = Outcome.WARN
        notes.append(
            f"the draws of {broken.sum()} of {usable} simulations are not finite and were left out"
        )
    if usable < MIN_SIMULATIONS or draws < MIN_DRAWS:
        at_best = Outcome.UNKNOWN
        refused = (
            f"cannot tell: needs at least {MIN_SIMULATIONS} simulations with "
            f"{MIN_DRAWS} draws each, got {usable} with {draws}"
        )
    elif broken.sum() > MAX_BROKEN * usable:
        at_best = Outcome.FAIL
        refused = (
            f"the draws of {broken.sum()} of {usable} simulations are not finite: "
            "this is no posterior"
        )
    elif kept.sum() < MIN_SIMULATIONS:
        at_best = Outcome.UNKNOWN
        refused = f"cannot tell: needs at least {MIN_SIMULATIONS} simulations with finite draws"
    if not kept.all():
        theta, samples = theta[kept], samples[:, kept]
        x = None if x is None else x[kept]
    constant = () if refused else _constant(theta, names)
    return CalibrationSet(theta, samples, x, names, kept, constant, tuple(notes), at_best, refused)


def _constant(theta: Array, names: tuple[str, ...]) -> tuple[str, ...]:
    spread = np.ptp(theta, axis=0) <= 1e-12 * np.abs(theta).max(axis=0)
    return tuple(name for name, flat in zip(names, spread, strict=True) if flat)
