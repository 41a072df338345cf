"""Jensen–Shannon divergence of one-dimensional marginals."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array

_BINS = 32


def jensen_shannon(a: Array, b: Array) -> float:
    """Jensen–Shannon divergence between two sets of draws of one quantity, in bits.

    Parameters
    ----------
    a, b : ndarray, shapes (n,) and (m,)
        Equally weighted draws.

    Returns
    -------
    float
        0 for equal distributions, 1 for distributions that do not overlap.

    Notes
    -----
    The divergence is the mutual information between a draw and the set it came from (Lin 1991),
    here over 32 bins that hold equal shares of both sets together, so that it does not change when
    the quantity is transformed.  Its plug-in estimate is biased by (bins − 1)(1/n + 1/m) / (8 ln 2)
    to first order (Miller's 1955 correction of each entropy): that is subtracted, and what noise
    leaves below zero is set to zero.
    """
    pooled = np.concatenate([a, b])
    edges = np.unique(np.quantile(pooled, np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins = len(edges) + 1
    p, q = (
        np.bincount(np.searchsorted(edges, x, side="right"), minlength=bins) / len(x)
        for x in (a, b)
    )
    middle = (p + q) / 2
    value = _entropy(middle) - (_entropy(p) + _entropy(q)) / 2
    # In a bin that one set alone fills there is nothing to be mistaken about.
    shared = int(np.sum((p > 0) & (q > 0)))
    bias = max(shared - 1, 0) * (1 / len(a) + 1 / len(b)) / (8 * np.log(2))
    return float(min(max(value - bias, 0.0), 1.0))


def _entropy(p: Array) -> float:
    full = p[p > 0]
    return float(-np.sum(full * np.log2(full)))
