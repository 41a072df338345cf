"""Exact posteriors of costly models by way of an emulator that only proposes.

The voltage is fitted, time by time, by a polynomial in the cell's parameters.  Nested sampling of
the workbench finds the posterior that has this emulator in place of the model, and a mixture of
Student t's is fitted to its draws.  Chains then use the surrogate transition method (Liu 2001,
Monte Carlo Strategies in Scientific Computing, §9.4.3): some steps of independence
Metropolis–Hastings on the emulated posterior, which cost no solve, and where they end is accepted
or not with the model's own likelihood.  The posterior, within the box of cells that the emulator
knows, is invariant however good or bad the emulator is: that is seen in how many ends are accepted.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
from scipy import special, stats
from sklearn.mixture import GaussianMixture

import sbiwb
from sbiwb.core.distributions import Uniform
from sbiwb.core.prior import Prior
from sbiwb.core.simulator import Simulator
from sbiwb.rng import stream

DEGREE = 5
WIDER = 1.6
"""Points are drawn from a box this much wider than the draws of the round before."""
NLIVE, ROUNDS = 150, (300, 300, 400)
COMPONENTS, FREEDOM, FITS = 12, 8, 20_000
INNER = 8
"""Steps on the emulated posterior before the model is asked."""


class Emulator(Simulator):
    """The problem with its voltage replaced by polynomials in the cell's parameters."""

    name = "battery.emulated"
    version = "1"

    def __init__(self, simulator, low, high):
        self.output, self.options = simulator.output, {}
        self._noise, self._split = simulator._noise, simulator._split
        self.low, self.high = np.array(low), np.array(high)
        # Uniform in the box: nested sampling need not look for it.
        cell = [
            replace(parameter, distribution=Uniform(float(a), float(b)))
            for parameter, a, b in zip(simulator.prior.parameters, low, high, strict=False)
        ]
        self.prior = Prior((*cell, *simulator.prior.parameters[self._split :]))
        self._simulator = simulator

    def learn(self, number, rng):
        """Fit the voltage at so many points of the box; the largest error at a tenth more, in V."""
        points = rng.uniform(self.low, self.high, (number + number // 10, self._split))
        voltage = self._simulator.cell.voltages(points)
        solved = np.isfinite(voltage).all(axis=1)
        points, voltage = points[solved], voltage[solved]
        train = slice(number // 10, None)
        self._weights = np.linalg.lstsq(self._terms(points[train]), voltage[train], rcond=None)[0]
        test = slice(None, number // 10)
        return float(np.abs(self.voltage(points[test]) - voltage[test]).max())

    def _terms(self, points):
        u = 2 * (points - self.low) / (self.high - self.low) - 1
        powers = [
            np.prod(u[:, list(which)], axis=1)
            for degree in range(DEGREE + 1)
            for which in combinations_with_replacement(range(u.shape[1]), degree)
        ]
        return np.stack(powers, axis=1)

    def voltage(self, theta):
        """Emulated voltage (n, k)."""
        return self._terms(theta[:, : self._split]) @ self._weights

    def log_likelihood(self, theta, x):
        inside = np.all(
            (theta[:, : self._split] >= self.low) & (theta[:, : self._split] <= self.high), axis=1
        )
        value = np.full(len(theta), -np.inf)
        nuisance = theta[inside, self._split :]
        seen = np.broadcast_to(x, (len(theta), *self.output.shape))[inside]
        value[inside] = self._noise.log_likelihood(self.voltage(theta[inside]), nuisance, seen)
        return value

    def simulate(self, theta, rng):
        return self._noise.draw(self.voltage(theta), theta[:, self._split :], rng)


class Mixture:
    """Student t's, fitted to draws (n, d)."""

    def __init__(self, draws, seed):
        mean, factor = draws.mean(axis=0), np.linalg.cholesky(np.cov(draws.T))
        white = np.linalg.solve(factor, (draws - mean).T).T
        number = min(COMPONENTS, len(draws) // 100)
        fitted = GaussianMixture(number, random_state=seed, reg_covar=0.02).fit(white)
        self.shares = fitted.weights_
        self.parts = [
            stats.multivariate_t(mean + factor @ m, factor @ c @ factor.T, df=FREEDOM)
            for m, c in zip(fitted.means_, fitted.covariances_, strict=True)
        ]

    def draw(self, number, rng):
        """Draws (number, d)."""
        counts = rng.multinomial(number, self.shares)
        drawn = [
            np.atleast_2d(part.rvs(int(n), random_state=rng))
            for part, n in zip(self.parts, counts, strict=True)
            if n
        ]
        return rng.permutation(np.concatenate(drawn))

    def log_prob(self, z):
        each = np.stack([part.logpdf(z) for part in self.parts])
        return special.logsumexp(each + np.log(self.shares)[:, np.newaxis], axis=0)


def learn(problem, box, seed):
    """An emulator where the posterior is, draws of its posterior, and facts.

    `box` holds the lowest and highest values at which the cell's parameters are looked for first.
    """
    names = problem.prior.names
    low, high = box
    support = np.array([p.distribution.support for p in problem.prior.parameters]).T
    for turn, number in enumerate(ROUNDS):
        emulator = Emulator(problem.simulator, low, high)
        error = emulator.learn(number, stream(seed, "emulator", turn))
        emulated = sbiwb.problem(emulator, observation=problem.observation.x)
        result = sbiwb.infer(emulated, "exact+dynesty", seed=seed, nlive=NLIVE)
        theta = np.stack([result.posterior[n].values.ravel() for n in names], axis=1)
        cell = theta[:, : emulator._split]
        print(f"round {turn}: largest error {1e6 * error:.0f} µV, {len(theta)} draws", flush=True)
        middle, half = (cell.max(axis=0) + cell.min(axis=0)) / 2, np.ptp(cell, axis=0) / 2
        low = np.maximum(middle - WIDER * half, support[0, : emulator._split])
        high = np.minimum(middle + WIDER * half, support[1, : emulator._split])
    return emulator, theta, {"emulator_solves": int(sum(ROUNDS)), "emulator_error_V": error}


def sample(posterior, box, seed, chains, length):
    """Chains (chains, length, d) in z, and facts.

    Parameters
    ----------
    posterior : callable
        log p(x, z) of rows of z, with the attributes `problem` and `prior`.
    """
    problem, prior = posterior.problem, posterior.prior
    emulator, theta, facts = learn(problem, box, seed)

    def emulated(z):
        inside = prior.from_unconstrained(z)
        value = emulator.log_likelihood(inside, problem.observation.x)
        return value + stats.norm.logpdf(z).sum(axis=1)

    draws = prior.to_unconstrained(theta)
    for turn in range(2):
        proposal = Mixture(draws, seed)
        z = proposal.draw(FITS, stream(seed, "fit", turn))
        weight = special.softmax(emulated(z) - proposal.log_prob(z))
        print(f"fit {turn}: efficiency {1 / np.sum(weight**2) / FITS:.2f}", flush=True)
        draws = z[stream(seed, "weighed", turn).choice(FITS, FITS, p=weight)]
    proposal = Mixture(draws, seed)
    z = proposal.draw(chains * length * INNER, stream(seed, "proposals"))
    cheap = emulated(z)
    log_weight = cheap - proposal.log_prob(z)
    effective = 1 / np.sum(special.softmax(log_weight) ** 2)
    log_evidence = special.logsumexp(log_weight) - np.log(len(z))
    z = z.reshape(chains, length * INNER, -1)
    cheap, log_weight = cheap.reshape(z.shape[:2]), log_weight.reshape(z.shape[:2])
    uniform = stream(seed, "inner").random(z.shape[:2])
    outer = stream(seed, "outer").random((chains, length))
    kept, ratios = np.empty((chains, length), dtype=int), []
    moved = accepted = 0
    for chain in range(chains):
        at = int(np.argmax(cheap[chain, :INNER]))
        exact = posterior(z[chain, at][np.newaxis])[0]
        for step in range(length):
            now = at
            for new in range(step * INNER, (step + 1) * INNER):
                if np.log(uniform[chain, new]) < log_weight[chain, new] - log_weight[chain, now]:
                    now = new
            if now != at:
                moved += 1
                there = posterior(z[chain, now][np.newaxis])[0]
                ratio = there - cheap[chain, now]
                ratios.append(ratio)
                if np.log(outer[chain, step]) < ratio - (exact - cheap[chain, at]):
                    at, exact = now, there
                    accepted += 1
            kept[chain, step] = at
        print(f"chain {chain}: {accepted} of {moved} accepted", flush=True)
    # The evidence is that of the emulator times E[model / emulator] over its posterior.
    ratios = np.array(ratios)
    log_evidence += special.logsumexp(ratios) - np.log(len(ratios))
    spread = np.exp(ratios - ratios.max())
    error = np.hypot(np.sqrt(1 / effective), spread.std() / spread.mean() / np.sqrt(len(ratios)))
    facts |= {
        "acceptance": accepted / moved,
        "moved": moved / (chains * length),
        "proposal_efficiency": effective / (chains * length * INNER),
        "log_evidence": float(log_evidence),
        "log_evidence_err": float(error),
    }
    return np.stack([z[c][kept[c]] for c in range(chains)]), facts
