"""Maximum mean discrepancy with a Gaussian kernel."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist, pdist

from sbiwb.core.distributions import Array
from sbiwb.distances.moments import standardised

MEDIAN_DRAWS = 1000


def mmd(a: Array, b: Array, *, bandwidth: float | None = None) -> float:
    """Squared maximum mean discrepancy between two sets of draws, without bias.

    Parameters
    ----------
    a, b : ndarray, shapes (n, d) and (m, d)
        Independent, equally weighted draws.  Columns are measured in standard deviations of `a`.
    bandwidth : float, optional
        ℓ of the kernel exp(−|x − y|² / (2 ℓ²)), in those units.  By default the median distance
        between two of the first 1,000 draws of `a`, the reference: so one reference has one
        kernel, whatever it is compared with.

    Returns
    -------
    float
        MMD²; 0 on average for equal distributions, so that half of such values are below zero.

    Raises
    ------
    DataError
        If the shapes do not match, or a column of `a` is constant.

    References
    ----------
    Gretton et al. (2012), JMLR 13, 723: the unbiased estimate (their lemma 6), and the median of
    distances as a rule for the bandwidth (their section 8).
    """
    a, b = standardised(a, b, "MMD")
    if bandwidth is None:
        bandwidth = float(np.median(pdist(a[:MEDIAN_DRAWS])))
    within = [_mean_kernel_within(x, bandwidth) for x in (a, b)]
    between = np.mean(np.exp(-cdist(a, b, "sqeuclidean") / (2 * bandwidth**2)))
    return float(within[0] + within[1] - 2 * between)


def _mean_kernel_within(x: Array, bandwidth: float) -> float:
    return float(np.mean(np.exp(-pdist(x, "sqeuclidean") / (2 * bandwidth**2))))
