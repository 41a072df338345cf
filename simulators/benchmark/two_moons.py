"""sbibm's two moons: a posterior of two crescents."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array, Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output

from ._normal import LOG_2PI
from ._published import PublishedSimulator

RADIUS, WIDTH = 0.1, 0.01
OFFSET = 0.25


class TwoMoons(PublishedSimulator):
    """x is a point of a half ring, moved by (0.25 − |θ1 + θ2|/√2, (θ2 − θ1)/√2).

    The angle is uniform on (−π/2, π/2) and the radius is N(0.1, 0.01²); θ is uniform on [−1, 1]².

    Notes
    -----
    A point at distance r from the centre of the ring, on its right side, has the density
    N(r; 0.1, 0.01²)/(π r).  Radii below zero, ten standard deviations away, are left out.
    There is no Torch twin: the half ring has a hard edge, which gradients do not see.

    References
    ----------
    Lueckmann et al. (2021), arXiv:2101.04653, appendix T.8; Greenberg et al. (2019),
    arXiv:1905.07488.
    """

    name = "benchmark.two_moons"
    prior = Prior(
        tuple(Parameter(f"theta{k}", Uniform(-1.0, 1.0), label=rf"\theta_{{{k}}}") for k in (1, 2))
    )
    output = Output((2,))

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        angle = rng.uniform(-math.pi / 2, math.pi / 2, len(theta))
        radius = RADIUS + WIDTH * rng.standard_normal(len(theta))
        ring = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return self._centre(theta) + ring

    def mean(self, theta: Array) -> Array:
        """Expected x for each row of theta (n, 2); shape (n, 2)."""
        return self._centre(theta) + np.array([2 * RADIUS / math.pi, 0.0])

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, 2) and x (n, 2) or (2,); (n,)."""
        across, up = np.moveaxis(x - self._centre(theta), -1, 0)
        radius = np.hypot(across, up)
        inside = (across > 0) & (radius > 0)
        safe = np.where(inside, radius, RADIUS)
        normal = -0.5 * ((safe - RADIUS) / WIDTH) ** 2 - math.log(WIDTH) - 0.5 * LOG_2PI
        return np.where(inside, normal - np.log(math.pi * safe), -np.inf)

    @staticmethod
    def _centre(theta: Any) -> Array:
        """Centre of the ring that each row of theta (n, 2) puts x on; shape (n, 2)."""
        one, two = theta[:, 0], theta[:, 1]
        across = OFFSET - np.abs(one + two) / math.sqrt(2)
        return np.stack([across, (two - one) / math.sqrt(2)], axis=1)
