"""The coordinates that walkers live in."""

from __future__ import annotations

import numpy as np
from scipy import special

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior


class Coordinates:
    """Coordinates y of parameter space in which the prior is uniform or standard normal.

    A bounded parameter has its unit coordinate u, an unbounded one z = Φ⁻¹(u).  No Jacobian is
    needed, and ensemble moves, to which straight lines matter and scales do not, find straight
    what is straight in θ for uniform and normal priors, and in log θ for log-uniform and
    log-normal ones.  Walls only cost rejections: with z for bounded parameters too, a posterior
    that a prior's edge cuts (w0 and wa of DESI DR2, wa → −3) gets a bent tail and an
    autocorrelation time twice as long.
    """

    def __init__(self, prior: Prior) -> None:
        ends = np.array([parameter.distribution.support for parameter in prior.parameters])
        cut = np.array(prior.box) != (0.0, 1.0)
        self.open = np.any(np.isinf(ends) & ~cut, axis=1)
        self.prior = prior

    def from_unit(self, u: Array) -> Array:
        """Coordinates of points of the unit cube (…, d)."""
        return np.where(self.open, special.ndtri(u), u)

    def theta(self, y: Array) -> Array:
        """Parameters at rows of y (n, d), which lie inside the prior."""
        return self.prior.from_unit(np.where(self.open, special.ndtr(y), y))

    def log_prior(self, y: Array) -> Array:
        """Log density of the prior with respect to y (…, d), −inf outside."""
        inside = np.all(self.open | ((y >= 0) & (y <= 1)), axis=-1)
        normal = -0.5 * (y**2 + np.log(2 * np.pi))
        return np.where(inside, np.sum(np.where(self.open, normal, 0.0), axis=-1), -np.inf)
