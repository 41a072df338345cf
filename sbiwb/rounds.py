"""Where each round of learning simulates, given the posterior that the rounds before it found."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sbiwb import registry
from sbiwb.core.distributions import Array
from sbiwb.core.options import Options
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations, concatenate
from sbiwb.diagnostics.truncation import STRIP, WARN
from sbiwb.errors import UsageError
from sbiwb.execute.proposal import OfPrior, Proposal
from sbiwb.method import Method, Rounds

BOX_MARGIN = 0.1
BOX_STEPS_SHARE = 3
BOX_MAX_STEPS = 1000
SETTLED = 0.5
"""A box that keeps more of its volume than this is worth no further cut."""
PRIOR_SHARE = 0.2
"""Of the simulations of a round that follows the posterior: they keep what is learned defined all
over the box, where chains begin and calibration looks."""


@dataclass(frozen=True)
class Region:
    """Where the next simulations lie.

    Parameters
    ----------
    prior : Prior
        The prior in a box around the posterior found so far.
    followed : ndarray, shape (m, d), optional
        Posterior draws at which most of the simulations are made.
    """

    prior: Prior
    followed: Array | None = None

    def around(self, draws: Array, *, follow: bool) -> Region:
        """Where the next round simulates, given posterior draws (m, d).

        A box that still shrinks tells where the posterior is with simulations that serve all of
        it; one that does not leaves it to the draws, if they may be followed.  A wall that draws
        pile up at was put there by a network that knew too little: it is moved out by as much as
        the box is wide.
        """
        u = self.prior.to_unit(draws)
        low, high = u.min(axis=0), u.max(axis=0)
        margin = BOX_MARGIN * (high - low)
        low = np.where(np.mean(u < STRIP, axis=0) > WARN, -1.0, np.maximum(low - margin, 0.0))
        high = np.where(np.mean(u > 1 - STRIP, axis=0) > WARN, 2.0, np.minimum(high + margin, 1.0))
        edges = np.array(self.prior.box)
        inside = edges[:, 0] + (edges[:, 1] - edges[:, 0]) * np.stack([low, high])
        box = np.clip(inside, 0.0, 1.0).T.tolist()
        prior = replace(self.prior, box=tuple(map(tuple, box)))
        settled = prior.log_volume - self.prior.log_volume > math.log(SETTLED)
        settled |= self.followed is not None
        return Region(prior, draws if follow and settled else None)

    def proposals(self, n: int) -> dict[str, tuple[Proposal, int]]:
        """What n simulations are drawn from, and how many from each, by what seeds them."""
        if self.followed is None:
            return {"round": (self.prior, n)}
        from_prior = max(1, round(PRIOR_SHARE * n))
        return {
            "round": (self.prior, from_prior),
            "followed": (Followed(self.prior, self.followed), n - from_prior),
        }


class Made:
    """All simulations of the rounds so far, and what they were drawn from."""

    def __init__(self) -> None:
        self._batches: list[tuple[Proposal, Simulations]] = []

    def add(self, proposal: Proposal, simulations: Simulations) -> None:
        """Keep a batch."""
        self._batches.append((proposal, simulations))

    @property
    def everything(self) -> Simulations:
        """All of them, in order."""
        return concatenate([batch for _, batch in self._batches])

    @property
    def followed(self) -> int:
        """Number of those that were made at posterior draws."""
        return sum(len(batch) for one, batch in self._batches if isinstance(one, Followed))

    def inside(self, prior: Prior) -> Simulations:
        """Those that lie in the box of a prior, whatever they were drawn from."""
        every = self.everything
        return every.select(np.isfinite(prior.log_prob(every.theta)))

    def drawn_from(self, prior: Prior) -> Simulations:
        """Those that are draws of this prior in its box: of the prior in boxes that hold it."""
        batches = [
            batch for one, batch in self._batches if isinstance(one, Prior) and _holds(one, prior)
        ]
        every = concatenate(batches)
        return every.select(np.isfinite(prior.log_prob(every.theta)))


def _holds(outer: Prior, inner: Prior) -> bool:
    sides = zip(outer.box, inner.box, strict=True)
    return all(
        low <= inner_low and inner_high <= high for (low, high), (inner_low, inner_high) in sides
    )


@dataclass(frozen=True)
class Followed(OfPrior):
    """Posterior draws, any of which is as likely as any other to be simulated next.

    Parameters
    ----------
    prior : Prior
    draws : ndarray, shape (m, d)
    """

    prior: Prior
    draws: Array

    @property
    def key(self) -> str:
        """Hash of the draws and of the prior they belong to."""
        digest = hashlib.sha256(np.ascontiguousarray(self.draws).tobytes()).hexdigest()
        return f"{self.prior.key}-{digest[:16]}"

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Choose n of the draws; shape (n, d)."""
        return np.asarray(self.draws[rng.integers(len(self.draws), size=n)])


def follows_posterior(method: Method, plan: Rounds) -> bool:
    """Whether the rounds of a method simulate at draws of the posterior found so far.

    Raises
    ------
    UsageError
        If a proposal is asked for that no round would use.
    """
    options = method.estimator_options
    proposal = getattr(options, "proposal", "truncated")
    if plan.rounds == 1 and options is not None and "proposal" in options.model_fields_set:
        raise UsageError(
            "proposal means nothing to one round",
            got=f"proposal={proposal}, rounds=1",
            remedy="raise rounds=, or leave proposal out",
        )
    return bool(proposal == "posterior")


def of_round(method: Method, is_last: bool) -> Method:
    """The method with the options of one round.

    Rounds before the last only have to find where the posterior is: training and chains are
    shorter.  Nor is a learned posterior corrected there: what it misses now, the next may find.
    """
    if is_last:
        return method
    if method.estimator is not None and method.estimator.learns == "posterior":
        method = replace(method, sampler=None, sampler_options=None)
    if method.sampler is not None and method.sampler.finds_box_by is not None:
        stand_in = registry.sampler(method.sampler.finds_box_by)
        method = replace(method, sampler=stand_in, sampler_options=stand_in.options_type())
    return replace(
        method,
        estimator_options=_shorter(method.estimator_options),
        sampler_options=_shorter(method.sampler_options),
    )


def _shorter(options: Options | None) -> Options | None:
    """Options of a round before the last, whatever the last round is to return."""
    if options is None:
        return None
    changed: dict[str, Any] = {}
    if (steps := getattr(options, "steps", None)) is not None:
        changed["steps"] = max(1, steps // BOX_STEPS_SHARE)
    if "max_steps" in type(options).model_fields:
        changed["max_steps"] = BOX_MAX_STEPS  # room for the draws below, however few were asked for
    # A box around a handful of draws would cut the posterior, so their number is the default.
    if "draws" in type(options).model_fields:
        changed["draws"] = type(options).model_fields["draws"].default
    return options.model_copy(update=changed)
