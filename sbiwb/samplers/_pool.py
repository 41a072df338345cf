"""Prior draws that samplers start from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array
from sbiwb.errors import InferenceError
from sbiwb.samplers._evaluations import Evaluations

ROUNDS = 200


def prior_pools(
    evaluations: Evaluations,
    which: NDArray[np.intp],
    size: int,
    need: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Draw a pool of prior points for each of several posteriors.

    Points of zero likelihood stay in a pool, unless fewer than `need` others are in it: then they
    are drawn anew, up to 200 times.

    Parameters
    ----------
    evaluations : Evaluations
    which : ndarray of int, shape (g,)
        The posterior each pool is for.
    size, need : int
        Points in a pool, and how many of them must have a likelihood above zero.
    rng : numpy.random.Generator

    Returns
    -------
    u : ndarray, shape (g, size, d)
        Unit coordinates.
    log_likelihood : ndarray, shape (g, size)

    Raises
    ------
    InferenceError
        If a pool still has too few points of likelihood above zero.
    """
    prior = evaluations.target.prior
    u = np.empty((len(which), size, prior.dim))
    value = np.full((len(which), size), -np.inf)
    redraw = np.ones_like(value, dtype=bool)
    for _ in range(ROUNDS):
        u[redraw] = rng.random((int(redraw.sum()), prior.dim))
        pool = np.nonzero(redraw)[0]
        value[redraw] = evaluations.log_likelihood(prior.from_unit(u[redraw]), which[pool])
        impossible = np.isneginf(value)
        poor = np.sum(~impossible, axis=1) < need
        if not np.any(poor):
            return u, value
        redraw = impossible & poor[:, np.newaxis]
    worst = int(np.argmax(impossible.sum(axis=1)))
    found, drawn = size - int(impossible[worst].sum()), ROUNDS * size
    raise InferenceError(
        "the likelihood is zero almost everywhere in the prior"
        + (f" for observation {which[worst]}" if len(evaluations.target) > 1 else ""),
        got=f"{found} prior draws of about {drawn} with a likelihood above zero",
        expected=f"at least {need}",
        remedy="check the likelihood and the observation, or narrow the prior",
    )
