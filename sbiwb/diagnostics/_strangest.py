"""Which entry of an observation is strangest, in words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.diagnostics._pool import Pool
from sbiwb.diagnostics._shrinkage import shrink

# Below this many standard deviations no single entry is to blame.
_STRANGE = 3.0


def strangest_entry(pool: Pool, transform: Callable[[Array], Array]) -> tuple[str, int | None]:
    """Describe the entry that is farthest off, alone or given the others.

    Parameters
    ----------
    pool : Pool
    transform : callable
        From data (n, m) to features of the same shape in which correlations are taken.

    Returns
    -------
    text : str
    entry : int or None
        Its flat index, None if no single entry stands out.
    """
    index = np.flatnonzero(pool.varies)
    seen, data = pool.observed[index], pool.simulated[:, index]
    alone = (seen - data.mean(axis=0)) / data.std(axis=0)
    features = transform(np.vstack([seen, data]))
    given = shrink(features[1:]).surprise(features[0])
    by_itself = np.abs(alone).max() >= np.abs(given).max()
    value = alone if by_itself else given
    k = int(np.argmax(np.abs(value)))
    if abs(value[k]) < _STRANGE:
        return "no entry stands out alone, their combination does", None
    side = "above" if value[k] > 0 else "below"
    where = "the mean of simulated data" if by_itself else "where its other entries put it"
    label = pool.labels[index[k]]
    return f"{label} lies {abs(value[k]):.2g} standard deviations {side} {where}", int(index[k])
