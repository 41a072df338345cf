"""One observation among many simulated data, and whether it is one of them.

If it is, all n + 1 data are exchangeable, and the rank of the observation by *any* score computed
alike for all of them is uniform: p-values are exact, whatever the distribution and the dimension
(conformal prediction; Vovk, Gammerman & Shafer 2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import MAX_BROKEN, numeric
from sbiwb.errors import DataError

if TYPE_CHECKING:
    from sbiwb.result import Result

MIN_SIMULATED = 100
MAX_CURVE = 500

# Entries closer than this, relative to their size, are the same number stored differently.
_SAME = 1e-6


@dataclass(frozen=True)
class Pool:
    """An observation and simulated data, checked and flattened.

    Parameters
    ----------
    observed : ndarray, shape (m,)
    simulated : ndarray, shape (n, m)
        Finite rows only.
    labels : tuple of str
        What to call each entry.
    varies : ndarray of bool, shape (m,)
        Entries that are not the same in all simulated data.
    notes : tuple of str
        What was left out.
    at_best : Outcome
        The best outcome that can honestly be given.
    refused : str, optional
        Why nothing can be said at all.
    """

    observed: Array
    simulated: Array
    labels: tuple[str, ...]
    varies: NDArray[np.bool_]
    notes: tuple[str, ...]
    at_best: Outcome
    refused: str | None

    def refusal(self, name: str) -> Verdict:
        """The verdict where nothing can be said."""
        return Verdict(name, Outcome.UNKNOWN, f"{self.refused}")

    def noted(self, message: str) -> str:
        """The message with the notes appended."""
        return "; ".join([message, *self.notes])

    @property
    def together(self) -> Array:
        """Observation first, then the simulated data; entries that vary; shape (n + 1, m')."""
        return np.vstack([self.observed, self.simulated])[:, self.varies]

    @property
    def contradicted(self) -> str | None:
        """An entry that never varies in the simulated data but is different in the observation."""
        fixed, seen = self.simulated[0], self.observed
        apart = np.abs(seen - fixed) > _SAME * np.maximum(np.abs(fixed), np.abs(seen))
        wrong = np.flatnonzero(apart & ~self.varies)
        if not len(wrong):
            return None
        k = wrong[0]
        return f"{self.labels[k]} is {fixed[k]:.6g} in all of them and {seen[k]:.6g} in it"

    def curve(self, strangest: int | None = None) -> dict[str, Array]:
        """Observation and quantiles of the simulated data, for at most 500 entries.

        The columns are the number of the ``entry``, ``observed``, ``median``, ``low68``,
        ``high68``, ``low95``, ``high95`` and the two-sided ``tail`` probability.  Of more entries
        evenly spaced ones are kept, and the strangest.
        """
        size = len(self.observed)
        chosen = np.unique(np.linspace(0, size - 1, min(size, MAX_CURVE)).round().astype(int))
        if strangest is not None:
            chosen = np.union1d(chosen, [strangest])
        data, seen = self.simulated[:, chosen], self.observed[chosen]
        low95, low68, median, high68, high95 = np.quantile(
            data, [0.025, 0.16, 0.5, 0.84, 0.975], axis=0
        )
        rarer = np.minimum((data <= seen).sum(axis=0), (data >= seen).sum(axis=0))
        return {
            "entry": chosen.astype(float),
            "observed": seen,
            "median": median,
            "low68": low68,
            "high68": high68,
            "low95": low95,
            "high95": high95,
            "tail": np.minimum(1.0, 2 * (rarer + 1) / (len(data) + 1)),
        }


def read_pool(observed: ArrayLike, simulated: ArrayLike, names: Sequence[str] | None) -> Pool:
    """Check shapes and numbers, and leave out simulated data that are not finite.

    Raises
    ------
    DataError
        If shapes disagree, arrays are not numeric, or the observation is not finite.
    """
    seen = np.asarray(numeric("the observation", observed), dtype=np.float64)
    data = np.asarray(numeric("the simulated data", simulated), dtype=np.float64)
    shape = seen.shape
    if data.ndim == 0 or data.shape[1:] != shape:
        raise DataError(
            "simulated data have the wrong shape", got=data.shape, expected=f"(n, *{shape})"
        )
    if not np.isfinite(seen).all():
        raise DataError("the observation has NaN or infinite values", expected="finite numbers")
    seen, data = seen.reshape(-1), data.reshape(len(data), seen.size)
    if names is not None and len(names) != seen.size:
        raise DataError("bad names of entries", got=len(names), expected=f"{seen.size} names")
    finite = np.isfinite(data).all(axis=1)
    lost = int(np.sum(~finite))
    notes, at_best, refused = [], Outcome.PASS, None
    if lost:
        notes.append(f"{lost} of {len(data)} simulated data are not finite and were left out")
        at_best = Outcome.UNKNOWN if lost > MAX_BROKEN * len(data) else at_best
        data = data[finite]
    varies = np.zeros(seen.size, dtype=bool)
    if len(data) < MIN_SIMULATED:
        refused = f"cannot tell: needs at least {MIN_SIMULATED} simulated data, got {len(data)}"
    else:
        varies = np.ptp(data, axis=0) > 1e-12 * np.abs(data).max(axis=0)
    pool = Pool(seen, data, _labels(shape, names), varies, (), at_best, refused)
    if refused is None and not varies.all():
        notes.append(f"the same in all simulated data: {_listed(pool)}")
    if refused is None and not varies.any() and pool.contradicted is None:
        refused = "cannot tell: all simulated data are the same"
    return Pool(seen, data, pool.labels, varies, tuple(notes), at_best, refused)


def observed_data(result: Result) -> tuple[Array, list[str] | None]:
    """The observation of a result, and names of its entries where the simulator has them."""
    seen = np.asarray(result.tree["observed_data"].to_dataset()["x"].values)
    names = () if result.problem is None else result.problem.simulator.output.entries
    return seen, list(names) if len(names) == seen.size else None


def exchangeable_p_value(*scores: Array) -> float:
    """p-value of the first datum: the share of all data that are as strange as it is.

    Parameters
    ----------
    *scores : ndarray, shape (n + 1,)
        Each larger for stranger data.  A datum counts by the score in which it is strangest, so
        that each score keeps its own power; data equal in that compare by all scores together.
    """
    ranks = np.stack([np.searchsorted(np.sort(-s), -s, side="right") for s in scores])
    strangeness = ranks.min(axis=0) + ranks.sum(axis=0) / (len(scores) * ranks.shape[1] + 1)
    return float(np.mean(strangeness <= strangeness[0]))


def _labels(shape: tuple[int, ...], names: Sequence[str] | None) -> tuple[str, ...]:
    if names is not None:
        return tuple(f"'{name}'" for name in names)
    if len(shape) < 2:
        return tuple(f"entry {k}" for k in range(int(np.prod(shape))))
    return tuple(f"entry {index}" for index in np.ndindex(*shape))


def _listed(pool: Pool) -> str:
    fixed = [pool.labels[k] for k in np.flatnonzero(~pool.varies)]
    return ", ".join(fixed[:5]) + (f" and {len(fixed) - 5} more" if len(fixed) > 5 else "")
