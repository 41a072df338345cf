"""Standardisation of data and parameters before they are cast to float32.

SI-unit batteries and strains of 1e-21 do not survive float32: scaling happens in float64, outside
the network, and its numbers are saved with the weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sbiwb.core.distributions import Array, Mask
from sbiwb.core.prior import Prior
from sbiwb.errors import DataError
from sbiwb.estimators._warp import Warp, fit_warp

WHITEN_UP_TO = 256
"""Largest number of data entries for which the full covariance is used."""


@dataclass(frozen=True)
class Whitening:
    """A map of flattened data to zero mean and unit covariance (or variance).

    Parameters
    ----------
    kept : ndarray of int, shape (k,)
        Entries of x that vary: constant ones carry nothing and would divide by zero.
    mean : ndarray, shape (k,)
    matrix : ndarray, shape (k, k) or (k,)
        Applied from the right to what `mean` was taken off; a vector scales each entry.
    warp : Warp, optional
        Of each entry that is kept, before all else.
    directions : ndarray, shape (k, m), optional
        What is whitened is projected onto these, after all else.
    rest : ndarray, shape (2,), optional
        Mean and standard deviation of the logarithm of the squared length of what the projection
        leaves out, which is told as one more number, standardised.
    """

    kept: Array
    mean: Array
    matrix: Array
    warp: Warp | None = None
    directions: Array | None = None
    rest: Array | None = None

    @property
    def dim(self) -> int:
        """Number of scaled entries."""
        if self.directions is None:
            return len(self.kept)
        return int(self.directions.shape[1]) + (self.rest is not None)

    def __call__(self, x: Array) -> Array:
        """Scale x (n, *shape) to (n, m), or (n, k)."""
        if len(x) > 1 and x.strides[0] == 0:  # one datum, repeated: it is scaled once
            return np.repeat(self(x[:1]), len(x), axis=0)
        whole = self._whole(x)
        if self.directions is None:
            return whole
        told = whole @ self.directions
        if self.rest is None:
            return told
        size = (log_rest(whole, self.directions) - self.rest[0]) / self.rest[1]
        return np.column_stack([told, size])

    def log_abs_det(self, x: Array) -> Array:
        """log |d scaled / d x| over the kept entries of data x (n, *shape); shape (n,).

        Without directions: a projection has no inverse.
        """
        if len(x) > 1 and x.strides[0] == 0:
            return np.repeat(self.log_abs_det(x[:1]), len(x), axis=0)
        slopes = 0.0 if self.warp is None else self.warp.log_slope(self._entries(x)).sum(axis=1)
        return np.full(len(x), self._affine_log_det) + slopes

    @cached_property
    def _affine_log_det(self) -> float:
        if self.matrix.ndim == 1:
            return float(np.sum(np.log(self.matrix)))
        return float(np.linalg.slogdet(self.matrix)[1])

    def _whole(self, x: Array) -> Array:
        entries = self._entries(x)
        centred = (entries if self.warp is None else self.warp(entries)) - self.mean
        return centred * self.matrix if self.matrix.ndim == 1 else centred @ self.matrix

    def _entries(self, x: Array) -> Array:
        return np.asarray(x.reshape(len(x), -1)[:, self.kept.astype(int)])

    def then(self, directions: Array) -> Whitening:
        """Return this map followed by a projection onto `directions` (dim, m)."""
        before = self.directions
        return replace(
            self, directions=directions if before is None else before @ directions, rest=None
        )

    def left_out(self, x: Array) -> Array:
        """Log squared length of what the projection leaves out of data x (n, *shape); (n,)."""
        assert self.directions is not None
        return log_rest(self._whole(x), self.directions)

    def arrays(self, prefix: str) -> dict[str, Array]:
        """Numbers to save."""
        return {
            f"{prefix}.kept": self.kept,
            f"{prefix}.mean": self.mean,
            f"{prefix}.matrix": self.matrix,
            **({} if self.warp is None else self.warp.arrays(f"{prefix}.warp")),
            **({} if self.directions is None else {f"{prefix}.directions": self.directions}),
            **({} if self.rest is None else {f"{prefix}.rest": self.rest}),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], prefix: str) -> Whitening:
        """Inverse of `arrays`."""
        is_warped = f"{prefix}.warp.values" in arrays
        warp = Warp.from_arrays(arrays, f"{prefix}.warp") if is_warped else None
        kept, mean, matrix = (arrays[f"{prefix}.{name}"] for name in ("kept", "mean", "matrix"))
        others = (arrays.get(f"{prefix}.{name}") for name in ("directions", "rest"))
        return cls(kept, mean, matrix, warp, *others)


def fit_whitening(x: Array, entries: Mask | None = None, *, warped: bool = False) -> Whitening:
    """Fit to simulated data x (n, *shape), or to some entries (k,) of the flattened data.

    The full covariance is used where it can be estimated (k ≤ 256 entries and n > 4 k), so that a
    small signal hidden in strongly correlated entries reaches the network at unit scale.  If
    `warped`, entries are mapped to their normal scores first.

    Raises
    ------
    DataError
        If no entry varies.
    """
    flat = x.reshape(len(x), -1)
    sd = flat.std(axis=0)
    # An entry that varies by less than rounding of its own size is constant.
    varies = sd > 1e-12 * np.maximum(np.abs(flat).max(axis=0), np.finfo(float).tiny)
    kept = np.flatnonzero(varies if entries is None else varies & entries)
    if len(kept) == 0:
        raise DataError("every entry of the simulated data is constant: nothing can be learned")
    flat = flat[:, kept]
    warp = fit_warp(flat) if warped else None
    if warp is not None:
        flat = warp(flat)
    mean, sd = flat.mean(axis=0), flat.std(axis=0)
    if len(kept) == 1 or not has_covariance(len(x), len(kept)):
        return Whitening(kept.astype(float), mean, 1 / sd, warp)
    correlation = np.corrcoef(flat, rowvar=False)
    eigenvalues, vectors = np.linalg.eigh(correlation)
    # Directions at rounding level are kept at a finite scale instead of blown up to unit variance.
    scale = 1 / np.sqrt(np.maximum(eigenvalues, 1e-10 * eigenvalues[-1]))
    # Symmetric: columns stay most like the entries they came from, and independent ones apart.
    matrix = (vectors * scale) @ vectors.T
    return Whitening(kept.astype(float), mean, matrix / sd[:, np.newaxis], warp)


def log_rest(whole: Array, directions: Array) -> Array:
    """Log squared length of what of rows (n, k) is at right angles to `directions` (k, m); (n,)."""
    basis = np.linalg.qr(directions)[0]
    left = whole - (whole @ basis) @ basis.T
    return np.asarray(np.log(np.sum(left**2, axis=1) + np.finfo(float).tiny))


def has_covariance(n: int, k: int) -> bool:
    """Whether n simulations of k data suffice for a covariance of the data."""
    return k <= WHITEN_UP_TO and n > 4 * k


def is_bounded(prior: Prior) -> Array:
    """Which parameters have a bounded support; shape (d,)."""
    return np.array([np.all(np.isfinite(p.distribution.support)) for p in prior.parameters])


def linear_coordinates(theta: Array, prior: Prior) -> Array:
    """Parameters at unit variance under the prior, linear in θ where the prior is uniform.

    Bounded parameters become (u − ½)√12, unbounded ones z = Φ⁻¹(u); shape (n, d).
    """
    linear = (prior.to_unit(theta) - 0.5) * np.sqrt(12)
    return np.where(is_bounded(prior), linear, prior.to_unconstrained(theta))


def smooth_coordinates(theta: Array, prior: Prior) -> Array:
    """`linear_coordinates` in which a periodic parameter is a point on a circle; shape (n, m).

    A whole turn becomes √2 cos 2πu and √2 sin 2πu, at unit variance like the others, so that what
    is a function of these goes on through the ends of the range.  A part of a turn stays linear.
    """
    linear = linear_coordinates(theta, prior)
    columns = []
    for k, (parameter, side) in enumerate(zip(prior.parameters, prior.box, strict=True)):
        if parameter.periodic and side == (0.0, 1.0):
            turn = 2 * np.pi * prior.to_unit(theta)[:, k]
            columns += [np.sqrt(2) * np.cos(turn), np.sqrt(2) * np.sin(turn)]
        else:
            columns.append(linear[:, k])
    return np.stack(columns, axis=1)
