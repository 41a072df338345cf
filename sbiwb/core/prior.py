"""Parameters and priors: names, units, densities and the maps every method needs.

One map carries all methods: θ ↔ u in the unit cube.  Nested sampling draws u, truncation is a box
of u, and networks see z = Φ⁻¹(u), in which the prior is a standard normal, so that no posterior
draw can leave the prior.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sbiwb.core.constraint import LinearConstraint, UniformPair
from sbiwb.core.correlation import CorrelatedNormals, Correlation, conditional
from sbiwb.core.distributions import Array, Distribution, Normal, Uniform
from sbiwb.core.grid_density import GridDensity
from sbiwb.errors import DataError, UsageError, unknown_name

# Φ⁻¹ of the unit coordinate is kept within ±8.2: beyond it, 1 − u is no longer a float64.
_UNIT_EDGE = 1e-16


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model.

    Parameters
    ----------
    name : str
        Name in scripts, files and tables: a Python identifier is easiest to type.
    distribution : Distribution
        Its prior.
    unit : str
        Unit as text, empty if dimensionless.
    label : str
        LaTeX without dollar signs; defaults to the name set in roman.
    periodic : bool
        Whether the two ends of the range are the same point (an angle).
    """

    name: str
    distribution: Distribution
    unit: str = ""
    label: str = ""
    periodic: bool = False

    def describe(self) -> dict[str, object]:
        """Everything that defines the parameter, as plain JSON types."""
        return {
            "name": self.name,
            "unit": self.unit,
            "label": self.label,
            "periodic": self.periodic,
            **self.distribution.describe(),
        }


@dataclass(frozen=True)
class Prior:
    """A prior over named parameters.

    Parameters
    ----------
    parameters : tuple of Parameter
        Independent parameters, in the order of the columns of theta.
    constraint : LinearConstraint, optional
        An inequality between two of them, both uniform.
    box : tuple of (float, float), optional
        Sub-interval of the unit cube per parameter, made by `restrict`.
    correlation : Correlation, optional
        Correlations between some of them, all normal.
    joint : GridDensity, optional
        A joint density of some of them, each uniform over its axis, in place of their own.

    Raises
    ------
    UsageError
        If names repeat, the constraint names a parameter that is not uniform, the correlation
        one that is not normal, or the joint density one that is constrained or not as it must be.
    """

    parameters: tuple[Parameter, ...]
    constraint: LinearConstraint | None = None
    box: tuple[tuple[float, float], ...] = field(default=())
    correlation: Correlation | None = None
    joint: GridDensity | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))
        if not self.parameters:
            raise UsageError("a prior needs at least one parameter", got="none")
        if len(set(self.names)) != self.dim:
            raise UsageError("parameter names repeat", got=", ".join(self.names))
        if not self.box:
            object.__setattr__(self, "box", ((0.0, 1.0),) * self.dim)
        if len(self.box) != self.dim or any(not 0 <= lo < hi <= 1 for lo, hi in self.box):
            raise UsageError(
                "bad box", got=self.box, expected=f"{self.dim} pairs 0 <= low < high <= 1"
            )
        for what in ("constraint", "correlation", "joint"):
            for name in getattr(self, what).names if getattr(self, what) is not None else ():
                if name not in self.names:
                    raise unknown_name(f"parameter in {what}", name, self.names)
        # These raise now rather than at the first draw.
        _ = self._pair, self._correlated, self._mapped

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names, in the order of theta's columns."""
        return tuple(p.name for p in self.parameters)

    @property
    def dim(self) -> int:
        """Number of parameters d."""
        return len(self.parameters)

    @property
    def log_volume(self) -> float:
        """Log of the prior mass that the box keeps: 0 unless restricted."""
        return float(sum(np.log(hi - lo) for lo, hi in self.box))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw n points; shape (n, d)."""
        return self.from_unit(rng.random((n, self.dim)))

    def log_prob(self, theta: ArrayLike) -> Array:
        """Log density of each row of theta (n, d), −inf outside the support; shape (n,)."""
        theta = self._check(theta)
        pair = self._pair
        total = np.zeros(len(theta))
        for i in self._independent:
            total += self.parameters[i].distribution.log_pdf(theta[:, i])
        if self._correlated is not None:
            columns, normals = self._correlated
            total += normals.log_pdf(theta[:, columns])
        if pair is not None:
            i, j, joint = pair
            inside = np.isfinite(joint.first.log_pdf(theta[:, i]))
            low, high = joint.conditional_range(theta[:, i])
            inside &= (low < high) & (theta[:, j] >= low) & (theta[:, j] <= high)
            total += np.where(inside, -joint.log_area, -np.inf)
        if self.joint is not None:
            total += self.joint.log_pdf(*theta.T[self._mapped])
        if any(side != (0.0, 1.0) for side in self.box):
            u = self._whole_to_unit(theta)
            low_u, high_u = np.array(self.box).T
            # The round trip θ → u costs a few ulp; a draw of ours must never count as outside.
            inside = np.all((u >= low_u - 1e-12) & (u <= high_u + 1e-12), axis=1)
            total = np.where(inside, total - self.log_volume, -np.inf)
        return np.asarray(np.where(np.isnan(total), -np.inf, total))

    def from_unit(self, u: ArrayLike) -> Array:
        """Map points of the unit cube (n, d) to theta (n, d); uniform u gives prior draws."""
        low, high = np.array(self.box).T
        unit = low + (high - low) * self._check(u)
        theta: Array = np.empty_like(unit)
        pair = self._pair
        for i in self._independent:
            theta[:, i] = self.parameters[i].distribution.ppf(unit[:, i])
        if self._correlated is not None:
            columns, normals = self._correlated
            theta[:, columns] = normals.from_unit(unit[:, columns])
        if pair is not None:
            i, j, joint = pair
            theta[:, i], theta[:, j] = joint.from_unit(unit[:, i], unit[:, j])
        if self.joint is not None:
            theta[:, self._mapped] = np.stack(self.joint.from_unit(*unit.T[self._mapped]), axis=1)
        return theta

    def to_unit(self, theta: ArrayLike) -> Array:
        """Inverse of `from_unit`; points outside the support land on the cube's edge."""
        low, high = np.array(self.box).T
        unit: Array = (self._whole_to_unit(self._check(theta)) - low) / (high - low)
        return np.clip(unit, 0.0, 1.0)

    def to_unconstrained(self, theta: ArrayLike) -> Array:
        """Map theta (n, d) to z = Φ⁻¹(u) in R^d, where the prior is a standard normal."""
        u = np.clip(self.to_unit(theta), _UNIT_EDGE, 1 - _UNIT_EDGE)
        return np.asarray(special.ndtri(u))

    def from_unconstrained(self, z: ArrayLike) -> Array:
        """Inverse of `to_unconstrained`."""
        u = special.ndtr(np.asarray(z, dtype=np.float64))
        return self.from_unit(np.clip(u, _UNIT_EDGE, 1 - _UNIT_EDGE))

    def log_abs_det(self, theta: ArrayLike) -> Array:
        """log |dθ/dz| of `from_unconstrained` at theta (n, d); shape (n,)."""
        z = self.to_unconstrained(theta)
        log_normal = -0.5 * np.sum(z**2, axis=1) - 0.5 * self.dim * np.log(2 * np.pi)
        return np.asarray(log_normal - self.log_prob(theta))

    def restrict(self, low: ArrayLike, high: ArrayLike) -> Prior:
        """Return this prior cut to the box [low, high] of its unit cube and renormalised there.

        Used by truncated sequential inference: within the box the posterior is unchanged.
        """
        low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        old_low, old_high = np.array(self.box).T
        span = old_high - old_low
        new_low, new_high = old_low + span * low, old_low + span * high
        return replace(self, box=tuple(zip(new_low.tolist(), new_high.tolist(), strict=True)))

    def fix(self, values: Mapping[str, float]) -> Prior:
        """Return the prior of the other parameters, given these values.

        Raises
        ------
        UsageError
            If a name is unknown, a value lies outside the prior, nothing stays free, or the prior
            has been restricted.
        """
        if any(side != (0.0, 1.0) for side in self.box):
            raise UsageError("a restricted prior cannot be fixed", remedy="fix first")
        for name, value in values.items():
            if name not in self.names:
                raise unknown_name("parameter to fix", name, self.names)
            low, high = self.parameters[self.names.index(name)].distribution.support
            if not _is_number(value) or not low <= value <= high:
                raise UsageError(
                    f"fixed value of {name} is outside its prior",
                    got=value if _is_number(value) else repr(value),
                    expected=f"a number in [{low}, {high}]",
                )
        free = [p for p in self.parameters if p.name not in values]
        if not free:
            raise UsageError("all parameters are fixed", got=", ".join(values))
        correlation = self.correlation
        if correlation is not None and set(values) & set(correlation.names):
            assert self._correlated is not None
            marginals, correlation = conditional(correlation, self._correlated[1].normals, values)
            free = [replace(p, distribution=marginals.get(p.name, p.distribution)) for p in free]
        joint = self.joint
        for name in values:
            if joint is not None and name in joint.names:
                joint = joint.given(name, values[name])
        if self.constraint is None or not set(values) & set(self.constraint.names):
            return Prior(tuple(free), self.constraint, correlation=correlation, joint=joint)
        weights = dict(zip(self.constraint.names, self.constraint.weights, strict=True))
        below = self.constraint.below - sum(
            weights.pop(n) * v for n, v in values.items() if n in weights
        )
        if not weights and below <= 0:
            raise UsageError("fixed values break the constraint", got=dict(values))
        for name, weight in weights.items():
            k = next(k for k, p in enumerate(free) if p.name == name)
            low, high = free[k].distribution.support
            edge = below / weight
            cut = (low, min(high, edge)) if weight > 0 else (max(low, edge), high)
            free[k] = replace(free[k], distribution=Uniform(*cut))
        return Prior(tuple(free), correlation=correlation, joint=joint)

    def describe(self) -> dict[str, object]:
        """Everything that defines the prior, as plain JSON types."""
        described: dict[str, object] = {
            "parameters": [p.describe() for p in self.parameters],
            "constraint": self.constraint.describe() if self.constraint else None,
            "box": [list(side) for side in self.box],
        }
        if self.correlation is not None:  # left out if absent: keys of stored simulations stay
            described["correlation"] = self.correlation.describe()
        if self.joint is not None:
            described["joint"] = self.joint.describe()
        return described

    @property
    def key(self) -> str:
        """Hash of `describe`, without labels: equal priors have equal keys."""
        description = self.describe()
        for parameter in description["parameters"]:  # type: ignore[attr-defined]
            parameter.pop("label")
        text = json.dumps(description, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _check(self, points: ArrayLike) -> Array:
        points = np.asarray(points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != self.dim:
            raise DataError(
                "theta has the wrong shape", got=points.shape, expected=f"(n, {self.dim})"
            )
        return points

    @cached_property
    def _pair(self) -> tuple[int, int, UniformPair] | None:
        """The constrained pair as column numbers and its joint distribution."""
        if self.constraint is None:
            return None
        weights = dict(zip(self.constraint.names, self.constraint.weights, strict=True))
        i, j = sorted(self.names.index(name) for name in self.constraint.names)
        first, second = (self.parameters[k].distribution for k in (i, j))
        if not (isinstance(first, Uniform) and isinstance(second, Uniform)):
            raise UsageError(
                "a linear constraint needs two uniform parameters", got=f"{first}, {second}"
            )
        ordered = weights[self.names[i]], weights[self.names[j]]
        return i, j, UniformPair(first, second, ordered, self.constraint.below)

    @cached_property
    def _correlated(self) -> tuple[list[int], CorrelatedNormals] | None:
        """The correlated parameters as column numbers and their joint distribution."""
        if self.correlation is None:
            return None
        columns = [self.names.index(name) for name in self.correlation.names]
        normals = []
        for k in columns:
            distribution = self.parameters[k].distribution
            if not isinstance(distribution, Normal):
                raise UsageError(
                    "a correlation needs normal parameters",
                    got=f"{distribution} of {self.names[k]}",
                )
            normals.append(distribution)
        return columns, CorrelatedNormals(tuple(normals), self.correlation.matrix)

    @cached_property
    def _mapped(self) -> list[int]:
        """Columns of the parameters that have a joint density."""
        if self.joint is None:
            return []
        columns = [k for k, name in enumerate(self.names) if name in self.joint.names]
        if tuple(self.names[k] for k in columns) != self.joint.names:
            raise UsageError(
                "the joint density does not fit the parameters",
                got=", ".join(self.joint.names),
                expected=f"some of {', '.join(self.names)}, in this order",
            )
        own = tuple(self.parameters[k].distribution for k in columns)
        if own != self.joint.distributions or (self._pair and set(self._pair[:2]) & set(columns)):
            raise UsageError(
                "parameters of a joint density must be uniform over its axes, unconstrained",
                got=", ".join(map(str, own)),
                expected=", ".join(map(str, self.joint.distributions)),
            )
        return columns

    @cached_property
    def _independent(self) -> tuple[int, ...]:
        """Columns of the parameters that are in nothing joint."""
        joint = [*(self._pair[:2] if self._pair else ())]
        joint += self._correlated[0] if self._correlated else []
        joint += self._mapped
        return tuple(k for k in range(self.dim) if k not in joint)

    def _whole_to_unit(self, theta: Array) -> Array:
        """Unit coordinates of the unrestricted prior."""
        u = np.empty_like(theta)
        pair = self._pair
        for k in self._independent:
            u[:, k] = self.parameters[k].distribution.cdf(theta[:, k])
        if self._correlated is not None:
            columns, normals = self._correlated
            u[:, columns] = normals.to_unit(theta[:, columns])
        if pair is not None:
            i, j, joint = pair
            u[:, i], u[:, j] = joint.to_unit(theta[:, i], theta[:, j])
        if self.joint is not None:
            u[:, self._mapped] = np.stack(self.joint.to_unit(*theta.T[self._mapped]), axis=1)
        return u


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
