"""Nested sampling's proposals in batches: dynesty's own kernels, many points at a time.

dynesty asks a `pool` to make new live points, a queue of them at a time, and then uses those that
still beat the worst live point (its parallel mode).  This pool makes them in one process, but with
one batched call of prior and likelihood where dynesty's kernels make hundreds of single ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from dynesty.internal_samplers import (
    RWalkSampler,
    SamplerArgument,
    SamplerReturn,
    UniformBoundSampler,
    UnitCubeSampler,
)
from dynesty.utils import LogLikelihood, LoglOutput

from sbiwb.core.distributions import Array
from sbiwb.errors import InferenceError
from sbiwb.samplers._evaluations import Evaluations


class LooseBound(InferenceError):
    """The ellipsoids around the live points have outgrown the region they are to enclose.

    It happens to thin, bent regions: dynesty widens all ellipsoids until each encloses points that
    were left out when it was fitted.
    """


class BatchPool:
    """What dynesty takes for a pool of `size` workers, for one posterior of a target.

    Raises
    ------
    InferenceError
        From `map`, after `limit` evaluations of the likelihood; a `LooseBound` after `patience`
        draws from the ellipsoids for one queue of points.
    """

    def __init__(
        self, evaluations: Evaluations, which: int, size: int, limit: int, patience: int
    ) -> None:
        self.evaluations, self.which, self.size = evaluations, which, size
        self.limit, self.patience = limit, patience
        self._accepted = 1.0

    @property
    def calls(self) -> int:
        """Evaluations so far."""
        return int(self.evaluations.calls[self.which])

    def map(self, function: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
        """Apply `function`, one of dynesty's, to each argument."""
        tasks = list(arguments)
        if function is UnitCubeSampler.sample:
            return self._uniform(tasks, lambda n, rng: rng.random((n, len(tasks[0].u))))
        if function is UniformBoundSampler.sample:
            bound = tasks[0].kwargs["bound"]
            return self._uniform(tasks, lambda n, rng: draw_inside(bound, n, rng), self.patience)
        if function is RWalkSampler.sample:
            return self._random_walk(tasks)
        if isinstance(function, LogLikelihood):
            return [LoglOutput(value, False) for value in self.log_likelihood(np.array(tasks))]
        if getattr(function, "name", None) == "prior_transform":
            return list(self.evaluations.target.prior.from_unit(np.array(tasks)))
        return [function(task) for task in tasks]

    def log_likelihood(self, theta: Array) -> Array:
        """Log-likelihood of rows of theta (n, d); shape (n,)."""
        if self.calls > self.limit:
            raise InferenceError(
                "nested sampling did not end",
                got=f"{self.calls} likelihood evaluations",
                expected=f"an end within max_calls={self.limit}",
                remedy="raise max_calls, take fewer live points, or sampling=rwalk",
            )
        return self.evaluations.log_likelihood(theta, np.full(len(theta), self.which))

    def _at(self, u: Array) -> tuple[Array, Array]:
        theta = self.evaluations.target.prior.from_unit(u)
        return theta, self.log_likelihood(theta)

    def _uniform(
        self,
        tasks: list[SamplerArgument],
        draw: Callable[[int, np.random.Generator], Array],
        most: float = math.inf,
    ) -> list[SamplerReturn]:
        """Points above the threshold, by rejection from at most `most` points of `draw(n, rng)`."""
        rng, threshold = np.random.default_rng(tasks[0].rseed), tasks[0].loglstar
        found: list[tuple[Array, Array, float]] = []
        calls = drawn = 0
        while len(found) < len(tasks):
            n = int(1.1 * (len(tasks) - len(found)) / self._accepted) + 1
            n = min(n, 20 * len(tasks))
            drawn += n
            if drawn > most:
                raise LooseBound(
                    "ellipsoids around the live points do not fit the likelihood",
                    got=f"{len(found)} new points in {drawn} draws",
                    remedy="take sampling=rwalk",
                )
            u = draw(n, rng)
            u = u[np.all((u > 0) & (u < 1), axis=1)]
            theta, value = self._at(u)
            above = np.flatnonzero(value > threshold)
            calls += len(u)
            found += [(u[k], theta[k], value[k]) for k in above]
            share = (len(above) + 1) / (len(u) + 1)
            self._accepted += 0.1 * (share - self._accepted)
        share, rest = divmod(calls, len(tasks))
        return [
            SamplerReturn(u, theta, value, int(share + (k < rest)), [], None, {})
            for k, (u, theta, value) in enumerate(found[: len(tasks)])
        ]

    def _random_walk(self, tasks: list[SamplerArgument]) -> list[SamplerReturn]:
        """Random walks of dynesty's length above the threshold, side by side."""
        rng, kwargs = np.random.default_rng(tasks[0].rseed), tasks[0].kwargs
        threshold, scale, walks = tasks[0].loglstar, tasks[0].scale, kwargs["walks"]
        periodic = [] if kwargs["periodic"] is None else list(kwargs["periodic"])
        u = np.array([task.u for task in tasks])
        axes = np.array([task.axes for task in tasks])
        theta, value = self._at(u)
        moved = np.zeros(len(u), dtype=int)
        for _ in range(walks):
            new = u + scale * np.einsum("kij,kj->ki", axes, in_ball(len(u), u.shape[1], rng))
            new[:, periodic] %= 1
            inside = np.flatnonzero(np.all((new > 0) & (new < 1), axis=1))
            if not len(inside):
                continue
            new_theta, new_value = self._at(new[inside])
            above = new_value > threshold
            rows = inside[above]
            u[rows], theta[rows], value[rows] = new[rows], new_theta[above], new_value[above]
            moved[rows] += 1
        return [
            SamplerReturn(
                u[k],
                theta[k],
                value[k],
                walks,
                [],
                {"accept": moved[k], "reject": walks - moved[k], "scale": scale},
                {},
            )
            for k in range(len(u))
        ]


def draw_inside(bound: Any, n: int, rng: np.random.Generator) -> Array:
    """Draw at most n points uniformly from a union of ellipsoids, dynesty's ``multi`` bound.

    A point that lies in q ellipsoids is q times too likely and kept with probability 1/q.
    """
    share = np.cumsum(np.exp(bound.logvol_ells - bound.logvol_ells.max()))
    chosen = np.searchsorted(share / share[-1], rng.random(n))
    axes = np.array([ellipsoid.axes for ellipsoid in bound.ells])
    dim = axes.shape[-1]
    points: Array = bound.ctrs[chosen] + np.einsum("kij,kj->ki", axes[chosen], in_ball(n, dim, rng))
    if bound.nells == 1:
        return points
    offset = points[:, np.newaxis] - bound.ctrs
    inside = np.einsum("kei,eij,kej->ke", offset, bound.ams, offset) < 1
    inside[np.arange(n), chosen] = True
    kept: Array = points[rng.random(n) * inside.sum(axis=1) < 1]
    return kept


def in_ball(n: int, dim: int, rng: np.random.Generator) -> Array:
    """Draw n points uniformly from the unit ball; shape (n, dim)."""
    normal = rng.standard_normal((n, dim))
    radius = rng.random((n, 1)) ** (1 / dim)
    return np.asarray(normal * radius / np.linalg.norm(normal, axis=1, keepdims=True))
