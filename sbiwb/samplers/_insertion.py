"""The insertion-rank test of nested sampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sbiwb.core.distributions import Array


def insertion_rank_p(log_likelihood: Array, born: NDArray[np.intp], live: int) -> float | None:
    """p-value of the insertion ranks of a static nested sampling run.

    A new live point that is drawn fairly from the prior above the threshold is equally likely to
    be the best, the worst or any other of the live points; if a bound cuts corners or a walk is
    too short, ranks pile up.

    Parameters
    ----------
    log_likelihood : ndarray, shape (n,)
        Of the dead points in the order of their deaths, the last live points at the end.
    born : ndarray of int, shape (n,)
        Iteration at which each was drawn, counted from 1; 0 for draws of the prior.
    live : int
        Number of live points.

    Returns
    -------
    float or None
        None where likelihoods tie, since ranks then mean nothing.

    References
    ----------
    Fowlie, Handley & Su (2020), MNRAS 497, 5256, arXiv:2006.03371.
    """
    new = np.flatnonzero(born > 0)
    if len(np.unique(log_likelihood)) < len(log_likelihood) or not len(new):
        return None
    # The point drawn in iteration t lived with those that died in t + 1 or later and were drawn
    # before; those that died before it are worse.
    ranks = np.array([np.count_nonzero(born[born[i] : i] < born[i]) for i in new])
    return float(stats.kstest((ranks + 0.5) / live, "uniform").pvalue)
