"""Draw the reference posterior of a synthetic tumour in the whole brain at 4 mm.

Run ``python tests/references/make_tumour_4mm.py``: 15,000 solves, some minutes on a free core.  The
examination is the simulator's own synthetic one, whose truth and seed it states.

The posterior is near to Gaussian in the prior's unconstrained coordinates z, and a solve is dear,
so that independence Metropolis serves better than an ensemble: searches that begin at the centroid
of the FLAIR outline find the mode, a short ensemble around it the covariance, and two rounds of
importance sampling refine a Student t.  Its draws, accepted or refused one after the other, are the
chains; as importance weights they give the evidence.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import emcee
import numpy as np
import xarray as xr
from scipy import optimize, special, stats

import sbiwb
from sbiwb.rng import stream
from sbiwb.simulators.tumour.summaries import Summaries

SEED = 4
STARTS, SEARCHES = 40, 3
PILOT_WALKERS, PILOT_STEPS = 20, 60
REFINE, DRAWS = (1000, 1500), 10_000
DEGREES = 6
CHAINS, KEPT = 4, 2500
FILE = Path(__file__).with_name("tumour_4mm.nc")


class Target:
    """log p(x, z), with a count of likelihood calls."""

    def __init__(self, problem):
        self.problem, self.calls = problem, 0

    def __call__(self, z):
        z = np.atleast_2d(z)
        self.calls += len(z)
        theta = self.problem.prior.from_unconstrained(z)
        log_like = self.problem.simulator.log_likelihood(theta, self.problem.observation.x)
        return log_like - 0.5 * np.sum(z**2, axis=1) - 0.5 * z.shape[1] * np.log(2 * np.pi)


def search(target, prior, rng):
    """Best points of local searches from the best of many starts, and their values."""
    simulator = target.problem.simulator
    theta = prior.sample(STARTS, rng)
    summary = simulator.summarise(target.problem.observation.x[np.newaxis])[0]
    names = Summaries(simulator.anatomy, simulator.images.channels).names
    theta[:, 2:] = [summary[names.index(f"flair {axis}")] for axis in "xyz"]
    z = prior.to_unconstrained(theta)
    value = target(z)
    ends = []
    for start in z[np.argsort(value)[::-1][:SEARCHES]]:
        spread = 0.2 * np.eye(len(start))
        simplex = np.concatenate([start[np.newaxis], start + spread])
        for _ in range(2):  # a fresh simplex, in case the first has collapsed
            end = optimize.minimize(
                lambda point: -target(point)[0],
                simplex[0],
                method="Nelder-Mead",
                options={"initial_simplex": simplex, "maxfev": 150, "xatol": 1e-4, "fatol": 0.01},
            )
            simplex = np.concatenate([end.x[np.newaxis], end.x + 0.02 * np.eye(len(start))])
        ends.append((-end.fun, end.x))
        print(f"search: {-end.fun:.2f} at {prior.from_unconstrained(end.x[None])[0]}", flush=True)
    return sorted(ends, key=lambda pair: -pair[0])


def pilot(target, mode, rng):
    """Mean and covariance of a short ensemble around the mode."""
    start = mode + 3e-3 * rng.standard_normal((PILOT_WALKERS, len(mode)))
    sampler = emcee.EnsembleSampler(PILOT_WALKERS, len(mode), target, vectorize=True)
    sampler.random_state = np.random.RandomState(SEED).get_state()
    sampler.run_mcmc(start, PILOT_STEPS)
    draws = sampler.get_chain(discard=PILOT_STEPS // 2, flat=True)
    return draws.mean(axis=0), np.cov(draws.T)


def propose(target, mean, covariance, n, rng):
    """Draws from a Student t, and the log weight log p(x, z) / t(z) of each."""
    law = stats.multivariate_t(mean, covariance * 1.1, df=DEGREES, seed=rng)
    z = law.rvs(n)
    values = []
    for part in np.array_split(z, max(1, n // 500)):
        values.append(target(part))
        print(f"{target.calls} likelihood calls", flush=True)
    return z, np.concatenate(values) - law.logpdf(z)


def independence_chains(log_weight, rng):
    """Rows that independence Metropolis visits; shape (CHAINS, n // CHAINS)."""
    chains = []
    for rows in np.array_split(np.arange(len(log_weight)), CHAINS):
        now, visited = rows[0], []
        for proposed, u in zip(rows, rng.random(len(rows)), strict=True):
            if np.log(u) < log_weight[proposed] - log_weight[now]:
                now = proposed
            visited.append(now)
        chains.append(visited)
    return np.array(chains)


def split_r_hat(chains):
    """Split R-hat of each parameter of chains (chain, draw, d)."""
    half = chains.shape[1] // 2
    parts = np.concatenate([chains[:, :half], chains[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean(axis=0)
    return np.sqrt((half - 1) / half + parts.mean(axis=1).var(axis=0, ddof=1) / within)


def main(file=FILE):
    problem = sbiwb.problem("tumour.fisher_kolmogorov", dimensions=3, spacing_mm=4)
    prior, target = problem.prior, Target(problem)
    truth = problem.simulator.truth()
    ends = search(target, prior, stream(SEED, "search"))
    mean, covariance = pilot(target, ends[0][1], stream(SEED, "pilot"))
    for round_, n in enumerate(REFINE):
        z, log_weight = propose(target, mean, covariance, n, stream(SEED, "refine", round_))
        weight = special.softmax(log_weight)
        mean, covariance = weight @ z, np.cov(z.T, aweights=weight)
        print(f"refined: {1 / np.sum(weight**2):.0f} effective of {n}", flush=True)
    z, log_weight = propose(target, mean, covariance, DRAWS, stream(SEED, "draws"))
    weight = special.softmax(log_weight)
    effective = 1 / np.sum(weight**2)
    log_evidence = special.logsumexp(log_weight) - np.log(DRAWS)
    chains = independence_chains(log_weight, stream(SEED, "chains"))
    accepted = np.mean(np.diff(chains, axis=1) != 0)
    theta = prior.from_unconstrained(z)[chains]
    thin = theta.shape[1] // KEPT
    kept = theta[:, ::thin][:, :KEPT]
    r_hat = split_r_hat(theta)
    attrs = {
        "command": "python tests/references/make_tumour_4mm.py",
        "problem": "tumour.fisher_kolmogorov, dimensions=3, spacing_mm=4, synthetic examination",
        "observation_sha256": problem.observation.sha256,
        "truth": truth,
        "method": "independence Metropolis from an adapted Student t",
        "seed": SEED,
        "r_hat": r_hat.tolist(),
        "acceptance": float(accepted),
        "effective": float(effective),
        "largest_weight": float(weight.max()),
        "log_evidence": float(log_evidence),
        "log_evidence_err": float(np.sqrt(1 / effective - 1 / DRAWS)),
        "likelihood_calls": target.calls,
        "modes_found": [float(end[0]) for end in ends],
        "versions": ", ".join(f"{n} {version(n)}" for n in ("sbiwb", "numpy", "numba", "nilearn")),
    }
    data = xr.Dataset(
        {
            name: (("chain", "draw"), kept[:, :, k].astype(np.float32))
            for k, name in enumerate(prior.names)
        },
        attrs=attrs,
    )
    packed = {name: {"zlib": True, "complevel": 9, "shuffle": True} for name in data}
    data.to_netcdf(file, engine="h5netcdf", encoding=packed)
    for key, entry in attrs.items():
        print(key, entry)
    draws = theta.reshape(-1, theta.shape[-1])
    moments = zip(prior.names, draws.mean(axis=0), draws.std(axis=0), truth, strict=True)
    for name, mean, sd, true in moments:
        print(f"{name}: {mean:.4f} ± {sd:.4f}, truth {true:g}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
