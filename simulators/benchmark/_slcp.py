"""The likelihood of SLCP: four points of a plane, whose normal distribution θ sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from sbiwb.core.distributions import Array, Uniform
from sbiwb.core.prior import Parameter, Prior

from ._normal import LOG_2PI

POINTS = 4
DIM = 2 * POINTS
# sbibm adds this to both variances, so that the covariance is positive definite in float32.
EXTRA_VARIANCE = 1e-6

PRIOR = Prior(
    tuple(Parameter(f"theta{k}", Uniform(-3.0, 3.0), label=rf"\theta_{{{k}}}") for k in range(1, 6))
)


def moments(theta: Any, xp: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Means, standard deviations and correlation of a point; each (n,)."""
    mean1, mean2, root1, root2, steep = (theta[:, k] for k in range(5))
    sd1, sd2 = root1**2, root2**2
    wide1, wide2 = xp.sqrt(sd1**2 + EXTRA_VARIANCE), xp.sqrt(sd2**2 + EXTRA_VARIANCE)
    correlation = xp.tanh(steep) * sd1 * sd2 / (wide1 * wide2)
    return mean1, mean2, wide1, wide2, correlation


def draw(theta: Array, rng: np.random.Generator) -> Array:
    """Points for each row of theta (n, 5); shape (n, 8): first and second coordinate in turn."""
    mean1, mean2, sd1, sd2, correlation = (m[:, np.newaxis] for m in moments(theta, np))
    z1, z2 = rng.standard_normal((2, len(theta), POINTS))
    one = mean1 + sd1 * z1
    two = mean2 + sd2 * (correlation * z1 + np.sqrt(1 - correlation**2) * z2)
    return np.stack([one, two], axis=2).reshape(len(theta), DIM)


def log_density(theta: Any, x: Any, xp: Any) -> Any:
    """log p(x | θ) for theta (n, 5) and points (n, 8) or (8,); shape (n,)."""
    mean1, mean2, sd1, sd2, correlation = (m[:, None] for m in moments(theta, xp))
    z1 = (x[..., 0::2] - mean1) / sd1
    z2 = (x[..., 1::2] - mean2) / sd2
    free = 1 - correlation**2
    distance = (z1**2 - 2 * correlation * z1 * z2 + z2**2) / free
    norm = xp.log(sd1) + xp.log(sd2) + 0.5 * xp.log(free) + LOG_2PI
    return (-0.5 * distance - norm).sum(-1)
