"""An exact likelihood that remembers what it said, so that a sampler that was stopped goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.likelihoods.base import Differentiable, Likelihood
from sbiwb.likelihoods.exact import Exact
from sbiwb.store.answers import Answers

FOLDER = "likelihoods"


class Remembered(Likelihood):
    """`exact`, whose values are kept call by call.

    Values of evaluations that failed are not kept: asked again, the simulator says why.
    """

    def __init__(self, exact: Exact, answers: Answers) -> None:
        self.exact, self.answers = exact, answers
        if isinstance(exact, Differentiable):
            # Set on the instance, so that this has the capability only if `exact` has it.
            self.gradient = self._gradient

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        def compute() -> Array:
            before = self.exact.number_failed
            value = self.exact.log_likelihood(theta, x)
            if self.exact.number_failed > before:
                return np.where(value == -np.inf, np.nan, value)
            return value

        known = self.answers.replayed
        value = self.answers.ask(_bytes(theta, x), compute)
        unknown = np.isnan(value)
        if not unknown.any():
            return value
        if self.answers.replayed > known:  # the reasons are counted again
            self.exact.log_likelihood(theta[unknown], x[unknown])
        return np.where(unknown, -np.inf, value)

    def _gradient(
        self, points: Array, x: Array, to_theta: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """See `Differentiable.gradient`."""

        def compute() -> Array:
            assert isinstance(self.exact, Differentiable)  # for the type checker
            value, gradient = self.exact.gradient(points, x, to_theta)
            return np.concatenate([value, gradient.ravel()])

        both = self.answers.ask(_bytes(points, x, to_theta(points)), compute)
        return both[: len(points)], both[len(points) :].reshape(points.shape)


@contextmanager
def remembered(
    exact: Exact | None, store: str | os.PathLike[str] | None, x: Array, asked: Mapping[str, Any]
) -> Iterator[Likelihood | None]:
    """The likelihood for one sampling, remembered in a store until the body succeeds.

    Parameters
    ----------
    exact : Exact, optional
        None is passed on.
    store : path, optional
        None keeps nothing.
    x : ndarray, shape (*output.shape)
        The observation.
    asked : mapping
        What else tells this sampling from others in the store.
    """
    if exact is None or store is None:
        yield exact
        return
    identity = {"simulator": exact.simulator.fingerprint(), **asked}
    text = json.dumps(identity, sort_keys=True, default=str)
    name = hashlib.sha256(text.encode() + _bytes(x)).hexdigest()[:16]
    with Answers(Path(store).resolve() / FOLDER / f"{name}.answers") as answers:
        yield Remembered(exact, answers)


def _bytes(*arrays: Array) -> bytes:
    return b"".join(np.ascontiguousarray(one).tobytes() for one in arrays)
