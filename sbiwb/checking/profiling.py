"""The profile likelihood of each parameter: the likelihood, maximised over all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import optimize

from sbiwb.core.distributions import Array, Index
from sbiwb.core.prior import Prior
from sbiwb.core.simulator import KnownLikelihood
from sbiwb.diagnostics._coordinates import Coordinates, coordinates
from sbiwb.errors import UsageError
from sbiwb.likelihoods.base import Likelihood
from sbiwb.likelihoods.exact import Exact
from sbiwb.result import Result

REACH = 4.0
"""Half the range of a profile, in standard deviations of the marginal."""
STEP = 1e-3
"""Of differences, in standard deviations of the posterior."""
NEIGHBOURS = 20
"""Draws about a value from whose others the search may start: a curved posterior has no slope."""
_POOR = 1e10


def of_result(result: Result, points: int) -> xr.Dataset:
    """The group ``profile`` of a result: `points` values of each parameter and their likelihood.

    Raises
    ------
    UsageError
        If neither the simulator nor the method has a likelihood.
    """
    problem, likelihood = result.require_problem(), likelihood_of(result)
    if likelihood is None:
        raise UsageError(
            "a profile needs a likelihood",
            got=f"{result.method} on '{problem.name}'",
            remedy="learn it, with nle+emcee for example, or leave profile= out",
        )
    frame = coordinates(result.prior_samples(), result.names)
    profiler = Profiler(likelihood, result.training_prior, problem.observation.x, frame)
    draws = result.samples()
    theta = np.empty((len(result.names), points))
    values = np.empty_like(theta)
    for k in range(len(result.names)):
        theta[k], values[k] = profiler.profile(k, draws, points)
    variables = {
        "theta": (("parameter", "point"), theta),
        "log_likelihood": (("parameter", "point"), values),
    }
    calls = {"likelihood_calls": profiler.calls}
    return xr.Dataset(variables, {"parameter": list(result.names)}, calls)


def likelihood_of(result: Result) -> Likelihood | None:
    """The likelihood that a result was drawn with, or that its simulator offers, if any."""
    if isinstance(result.learned, Likelihood):
        return result.learned
    simulator = result.require_problem().simulator
    return Exact(simulator) if isinstance(simulator, KnownLikelihood) else None


@dataclass
class Profiler:
    """Maximisation over all parameters but one, in coordinates that the draws decorrelate."""

    likelihood: Likelihood
    prior: Prior
    x: Array
    frame: Coordinates
    calls: int = 0

    def profile(self, k: int, draws: Array, points: int) -> tuple[Array, Array]:
        """Values of parameter k (points,) about its draws, and the profile there."""
        phi = self.frame.forward(draws)
        centre, spread = phi.mean(axis=0), phi.std(axis=0)
        low, high = self._support()
        reach = REACH * float(spread[k])
        values = np.linspace(
            max(float(centre[k]) - reach, float(low[k])),
            min(float(centre[k]) + reach, float(high[k])),
            points,
        )
        others = np.delete(np.arange(len(centre)), k)
        best = np.full(points, -np.inf)
        if not len(others):
            best = self._log_likelihood(values[:, np.newaxis])
            return self.frame.backward(values[:, np.newaxis])[:, 0], best
        covariance = np.atleast_2d(np.cov(phi, rowvar=False))
        slope = covariance[others, k] / covariance[k, k]
        rest = covariance[np.ix_(others, others)] - np.outer(slope, slope) * covariance[k, k]
        root = np.linalg.cholesky(rest + 1e-9 * np.diag(np.diag(covariance)[others]))
        walls = optimize.LinearConstraint(root, low[others], high[others])
        # From the middle outwards each maximum is a start for the next, beside what draws suggest.
        middle = int(np.argmin(np.abs(values - centre[k])))
        for path in (range(middle, points), range(middle, -1, -1)):
            last = centre[others]
            for j in path:
                near = np.argsort(np.abs(phi[:, k] - values[j]))[:NEIGHBOURS]
                guess = centre[others] + slope * (values[j] - centre[k])
                starts = np.vstack([guess, last, phi[np.ix_(near, others)]])
                starts = np.clip(starts, low[others], high[others])
                last, best[j] = self._maximise(k, values[j], others, starts, root, walls)
        at = np.repeat(centre[np.newaxis], points, axis=0)
        at[:, k] = values
        return self.frame.backward(at)[:, k], best

    def _maximise(
        self,
        k: int,
        value: float,
        others: Index,
        starts: Array,
        root: Array,
        walls: optimize.LinearConstraint,
    ) -> tuple[Array, float]:
        """The others' best values, and the likelihood there."""

        def points(w: Array) -> Array:
            phi = np.empty((len(w), len(others) + 1))
            phi[:, k], phi[:, others] = value, w @ root.T
            return phi

        def objective(w: Array) -> tuple[float, Array]:
            steps = STEP * np.eye(len(w))
            found = self._log_likelihood(points(np.vstack([w, w + steps, w - steps])))
            here, above, below = found[0], found[1 : len(w) + 1], found[len(w) + 1 :]
            if not np.isfinite(here):
                return _POOR, np.zeros(len(w))
            # Beside a wall the difference is one-sided.
            up = np.where(np.isfinite(above), above, here)
            down = np.where(np.isfinite(below), below, here)
            sides = np.isfinite(above).astype(float) + np.isfinite(below)
            return -float(here), -(up - down) / (STEP * np.maximum(sides, 1))

        candidates = np.asarray(np.linalg.solve(root, starts.T).T, dtype=np.float64)
        start = candidates[int(np.argmax(self._log_likelihood(points(candidates))))]
        found = optimize.minimize(
            objective, start, jac=True, method="SLSQP", constraints=[walls], options={"ftol": 1e-9}
        )
        best = found.x if -found.fun >= -objective(start)[0] else start
        return root @ best, -objective(best)[0]

    def _support(self) -> tuple[Array, Array]:
        ends = np.array([p.distribution.support for p in self.prior.parameters])
        if any(side != (0.0, 1.0) for side in self.prior.box):
            corners = self.prior.from_unit(np.array([[0.0], [1.0]]) * np.ones(self.prior.dim))
            ends = np.array(
                [np.maximum(ends[:, 0], corners[0]), np.minimum(ends[:, 1], corners[1])]
            ).T
        margin = 1e-9 * np.where(np.isfinite(np.ptp(ends, axis=1)), np.ptp(ends, axis=1), 0.0)
        low, high = ends[:, 0] + margin, ends[:, 1] - margin
        safe = np.where(self.frame.logarithmic & (low <= 0), 1e-300, low)
        with np.errstate(over="ignore"):
            return self.frame.forward(safe), self.frame.forward(high)

    def _log_likelihood(self, phi: Array) -> Array:
        theta = self.frame.backward(phi)
        inside = np.isfinite(self.prior.log_prob(theta))
        values = np.full(len(theta), -np.inf)
        if inside.any():
            x = np.broadcast_to(self.x, (int(inside.sum()), *self.x.shape))
            values[inside] = self.likelihood.log_likelihood(theta[inside], x)
            self.calls += int(inside.sum())
        return values
