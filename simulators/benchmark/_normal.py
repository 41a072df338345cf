"""Gaussian noise around a prediction: densities that NumPy arrays and Torch tensors share."""

from __future__ import annotations

import math
from typing import Any

LOG_2PI = math.log(2 * math.pi)


def isotropic_log_density(residual: Any, sd: float) -> Any:
    """Log density of residuals (…, k) that are independent normals of one width; shape (…)."""
    norm = residual.shape[-1] * (math.log(sd) + 0.5 * LOG_2PI)
    return -0.5 * (residual * residual).sum(-1) / sd**2 - norm
