"""Sequential ABC: a weighted population that closes in on the observation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field
from scipy import special

from sbiwb.approximations._comparing import (
    FEWEST,
    ComparingOptions,
    distances,
    fit_summary,
    nearest,
    to_draws,
)
from sbiwb.approximations.base import Approximated, Approximation, Simulate
from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations, concatenate
from sbiwb.execute.proposal import OfPrior


class SequentialOptions(ComparingOptions):
    """Options of sequential ABC.

    Parameters
    ----------
    particles : int
        Simulations of the prior that it begins with, at most a quarter of the budget.
    quantile : float
        Share of a population that is kept; its largest distance is the next tolerance.
    min_acceptance : float
        It ends when fewer of the new simulations than this are nearer than the tolerance, or the
        budget is spent.
    """

    particles: int = Field(2000, ge=100)
    quantile: float = Field(0.5, ge=0.1, le=0.9)
    min_acceptance: float = Field(0.02, ge=0, lt=1)


class SequentialABC(Approximation[SequentialOptions]):
    """Population Monte Carlo with tolerances that are quantiles of what was simulated.

    Every population is moved by a Gaussian kernel of twice its covariance and weighted by prior
    over proposal (Beaumont et al. 2009, Biometrika 96, 983; arXiv:0805.2256); the new points and
    those kept before are then cut at a quantile of their distances together (Lenormand, Jabot &
    Deffuant 2013, Comput. Stat. 28, 2777; arXiv:1111.1308), so that no simulation is lost.

    Notes
    -----
    It moves in the prior's unconstrained space, where no point leaves the prior.  `stats` beside
    those of `to_draws`: ``populations``, and ``acceptance`` in the last of them.
    """

    options_type = SequentialOptions

    def draw(
        self,
        prior: Prior,
        x: Array,
        simulate: Simulate,
        budget: int,
        options: SequentialOptions,
        seed: int,
    ) -> Approximated:
        first = simulate(prior, min(options.particles, max(FEWEST, budget // 4)))
        summary = fit_summary(options.summary, first, prior, seed)
        size = int(options.quantile * len(first))
        rows, tolerance = nearest(distances(summary, first, x), size)
        kept, log_weights = first.select(rows), np.zeros(len(rows))
        others: list[Simulations] = []
        spent, acceptance = len(first), options.quantile
        fresh = max(1, len(first) - size)
        while spent + fresh <= budget and acceptance > options.min_acceptance:
            proposal = Kernels.of(prior, kept.theta, log_weights)
            new = simulate(proposal, fresh)
            spent += fresh
            others.append(new)
            acceptance = float(np.mean(distances(summary, new, x) < tolerance))
            both = concatenate([kept, new])
            log_weights = np.concatenate([log_weights, proposal.log_weight(new.theta)])
            rows, tolerance = nearest(distances(summary, both, x), size)
            kept, log_weights = both.select(rows), log_weights[rows]
        draws = to_draws(prior, kept, log_weights, tolerance, summary, x, options, seed)
        stats = {**draws.stats, "populations": 1.0 + len(others), "acceptance": acceptance}
        return Approximated(replace(draws, stats=stats), first, tuple(others))


@dataclass(frozen=True)
class Kernels(OfPrior):
    """Gaussian kernels around weighted points, in the prior's unconstrained space.

    Parameters
    ----------
    prior : Prior
    z : ndarray, shape (n, d)
    log_share : ndarray, shape (n,)
        Of normalised weights.
    factor : ndarray, shape (d, d)
        A kernel's covariance is factor @ factor.T.
    """

    prior: Prior
    z: Array
    log_share: Array
    factor: Array

    @classmethod
    def of(cls, prior: Prior, theta: Array, log_weights: Array) -> Kernels:
        """Kernels of twice the weighted covariance of theta (n, d)."""
        z = prior.to_unconstrained(theta)
        log_share = log_weights - special.logsumexp(log_weights)
        covariance = np.atleast_2d(np.cov(z, rowvar=False, aweights=np.exp(log_share)))
        # A trace of noise, so that points that all agree in one parameter have a density too.
        covariance[np.diag_indices_from(covariance)] += 1e-12
        return cls(prior, z, log_share, np.asarray(np.linalg.cholesky(2 * covariance)))

    @property
    def key(self) -> str:
        """Hash of all that decides what is drawn."""
        numbers = b"".join(part.tobytes() for part in (self.z, self.log_share, self.factor))
        return f"{self.prior.key}-{hashlib.sha256(numbers).hexdigest()[:16]}"

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw n points; shape (n, d)."""
        rows = rng.choice(len(self.z), n, p=np.exp(self.log_share))
        noise = rng.standard_normal((n, self.dim)) @ self.factor.T
        return self.prior.from_unconstrained(self.z[rows] + noise)

    def log_weight(self, theta: Array) -> Array:
        """Log of prior over proposal at theta (n, d); shape (n,)."""
        z = self.prior.to_unconstrained(theta)
        off = np.linalg.solve(self.factor, (z[:, np.newaxis] - self.z).reshape(-1, self.dim).T)
        square = np.sum(off**2, axis=0).reshape(len(z), len(self.z))
        log_det = np.sum(np.log(np.diag(self.factor)))
        proposal = special.logsumexp(self.log_share - 0.5 * square, axis=1) - log_det
        return np.asarray(-0.5 * np.sum(z**2, axis=1) - proposal)
