"""Correlations between normal parameters, with an exact unit-cube transform.

Correlated normals are a triangular map of independent ones: x = m + s (C z) with C the Cholesky
factor of the correlation matrix and z = Φ⁻¹(u), so that the unit cube, the box of a truncated round
and the unconstrained space of networks serve them as they serve independent parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from sbiwb.core.distributions import Array, Normal
from sbiwb.errors import UsageError

# Beyond ±8.2 standard deviations 1 − u is no longer a float64.
_UNIT_EDGE = 1e-16
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Correlation:
    """The correlation matrix of some normal parameters.

    Parameters
    ----------
    names : tuple of str
        Two or more parameters with `Normal` distributions, which stay their marginals.
    matrix : tuple of tuple of float
        Symmetric and positive definite, with ones on the diagonal; rows in the order of `names`.

    Raises
    ------
    UsageError
        If a name repeats or the matrix is not a correlation matrix.

    Examples
    --------
    >>> Correlation(("a", "b"), ((1.0, 0.5), (0.5, 1.0))).names
    ('a', 'b')
    """

    names: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        rows = tuple(tuple(float(value) for value in row) for row in self.matrix)
        object.__setattr__(self, "matrix", rows)
        size = len(self.names)
        if size < 2 or len(set(self.names)) != size or {len(row) for row in rows} != {size}:
            raise UsageError(
                "bad correlation",
                got=f"{size} names and rows of {sorted({len(row) for row in rows})} numbers",
                expected="different names, and a row and a column for each",
            )
        if len(rows) != size or not self._is_correlation(np.array(rows)):
            raise UsageError(
                "not a correlation matrix",
                got=rows,
                expected="symmetric, positive definite, ones on the diagonal",
            )

    def describe(self) -> dict[str, object]:
        """Names and numbers, enough to rebuild and to hash the correlation."""
        return {"names": list(self.names), "matrix": [list(row) for row in self.matrix]}

    @staticmethod
    def _is_correlation(matrix: Array) -> bool:
        if not np.all(np.isfinite(matrix)):
            return False
        symmetric = np.allclose(matrix, matrix.T, rtol=0, atol=_ROUNDING)
        unit = np.allclose(np.diag(matrix), 1.0, rtol=0, atol=_ROUNDING)
        return bool(symmetric and unit and np.linalg.eigvalsh(matrix).min() > _ROUNDING)


@dataclass(frozen=True)
class CorrelatedNormals:
    """Normal parameters and their `Correlation`, seen as one joint distribution."""

    normals: tuple[Normal, ...]
    matrix: tuple[tuple[float, ...], ...]

    def log_pdf(self, x: Array) -> Array:
        """Log density at x (n, k); shape (n,)."""
        z = self._whiten(x)
        constant = np.sum(np.log(np.diag(self._factor))) + 0.5 * len(self._sd) * np.log(2 * np.pi)
        return np.asarray(-0.5 * np.sum(z**2, axis=1) - constant)

    def from_unit(self, u: Array) -> Array:
        """Map points of the unit cube (n, k) to the parameters (n, k)."""
        z = special.ndtri(np.clip(u, _UNIT_EDGE, 1 - _UNIT_EDGE))
        return np.asarray(self._mean + z @ self._factor.T)

    def to_unit(self, x: Array) -> Array:
        """Inverse of `from_unit`."""
        return np.asarray(special.ndtr(self._whiten(x)))

    def given(self, values: Mapping[int, float]) -> tuple[list[Normal], Array]:
        """Marginals, and correlation matrix, of the other parameters if some have these values."""
        known = sorted(values)
        free = [k for k in range(len(self.normals)) if k not in values]
        covariance = self._factor @ self._factor.T
        across = covariance[np.ix_(free, known)]
        gain = np.linalg.solve(covariance[np.ix_(known, known)], across.T).T
        offset = np.array([values[k] for k in known]) - self._mean[known]
        mean = self._mean[free] + gain @ offset
        rest = covariance[np.ix_(free, free)] - gain @ across.T
        sd = np.sqrt(np.diag(rest))
        normals = [Normal(float(m), float(s)) for m, s in zip(mean, sd, strict=True)]
        return normals, rest / np.outer(sd, sd)

    def _whiten(self, x: Array) -> Array:
        return np.asarray((x - self._mean) @ self._inverse.T)

    @cached_property
    def _mean(self) -> Array:
        return np.array([normal.mean for normal in self.normals])

    @cached_property
    def _sd(self) -> Array:
        return np.array([normal.sd for normal in self.normals])

    @cached_property
    def _factor(self) -> Array:
        """Lower triangular, such that the covariance is factor @ factor.T."""
        return np.asarray(self._sd[:, np.newaxis] * np.linalg.cholesky(np.array(self.matrix)))

    @cached_property
    def _inverse(self) -> Array:
        return np.asarray(np.linalg.inv(self._factor))


def conditional(
    correlation: Correlation, normals: Sequence[Normal], values: Mapping[str, float]
) -> tuple[dict[str, Normal], Correlation | None]:
    """What holding some correlated parameters leaves of the others.

    Parameters
    ----------
    correlation : Correlation
    normals : sequence of Normal
        Marginals, in the order of its names.
    values : mapping of str to float
        Values of some of its parameters.

    Returns
    -------
    marginals : dict of str to Normal
        Conditional marginals of the others.
    correlation : Correlation or None
        Of the others, if two or more are left.
    """
    joint = CorrelatedNormals(tuple(normals), correlation.matrix)
    order = {name: k for k, name in enumerate(correlation.names)}
    left = [name for name in correlation.names if name not in values]
    marginals, matrix = joint.given({order[n]: v for n, v in values.items() if n in order})
    rows = tuple(tuple(row) for row in matrix.tolist())
    return (
        dict(zip(left, marginals, strict=True)),
        Correlation(tuple(left), rows) if len(left) > 1 else None,
    )
