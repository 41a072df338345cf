"""Reference posteriors of the battery models, by Markov chains with the exact likelihood.

``python tests/references/make_battery.py dfn_2c`` writes ``battery_dfn_2c.nc`` beside this file,
and ``spm_1c`` and ``dfn_1c`` likewise.  Every likelihood is a solve, so chains that start far away
would cost an hour; these take minutes.

The real curve, whose discrepancy makes the posterior far from Gaussian, is sampled by way of an
emulator, see `emulated`.  For the synthetic one a Student t is fitted to the posterior, by
optimisation and then by importance sampling in stages.  Its draws are the proposals of four chains
of independence Metropolis–Hastings (Tierney 1994, doi:10.1214/aos/1176325750), which leave the
posterior invariant whatever was fitted, and mix fast because it was fitted well: that is seen from
R̂, effective sizes and the acceptance.  The same draws as importance samples give the evidence.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import time
from pathlib import Path

import emulated
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy import optimize, special, stats

import sbiwb
from sbiwb.rng import stream

HERE = Path(__file__).parent
SEED = 1
CHAINS = 4
FREEDOM = 5
STAGES = (500, 1000, 1500)

# The P2D benchmark of Hassanaly et al. (2023), arXiv:2312.17336, on PyBaMM's Chen2020 cell, with
# the noise inferred too; the truth lies off the middle of the prior.
DFN_2C = {
    "parameters": {"j0_n": [0.5, 4.0], "D_p": [1.0, 10.0]},
    "protocol": {"type": "constant_current", "c_rate": 2.0},
    "times": {"first": 10.0, "last": 1350.0, "number": 100},
    "noise": [0.0003, 0.03],
}
TRUTH = (1.4, 3.5, 0.003)

# The problem `discrepancy` of the recipe battery_lgm50, and the same for the DFN.  Ranges of the
# noise: from the last digit of the readings, which is more than the 4 µV (SPM) and 6 µV (DFN) by
# which solves differ from those at a tolerance of 1e-9.  Of the discrepancy: a millivolt to the
# cell's whole window of 2.5-4.2 V, and the time between readings to the whole discharge.
REAL_1C = {
    "data": "lgm50_1C",
    "parameters": ["eps_n", "eps_p", "R_contact"],
    "noise": [0.00001, 0.1],
    "discrepancy": {"amplitude": [0.001, 1.7], "length": [30, 3600]},
}


def dfn_2c():
    """The synthetic 2C discharge of the DFN: problem, where to start, draws, facts."""
    simulator = sbiwb.problem("battery.dfn", observation=np.zeros(100), **DFN_2C).simulator
    truth = np.array([TRUTH])
    x = simulator.simulate(truth, stream(SEED, "battery_dfn_2c"))[0]
    return sbiwb.problem(simulator, observation=x), TRUTH, 8000, {"truth": list(TRUTH)}


# Where the emulators are trained first: most of the prior but for eps_n, the cell's capacity,
# which the time of the cut-off fixes.
BOXES = {
    "spm_1c": ([0.724, 0.6, 0.0], [0.734, 0.9, 0.05]),
    "dfn_1c": ([0.724, 0.6, 0.0], [0.736, 0.9, 0.05]),
}
DRAWS = {"spm_1c": 8000, "dfn_1c": 6000}


def real_1c(model):
    """The real 1C discharge of an LG M50 cell, fitted with a discrepancy."""
    return sbiwb.problem(f"battery.{model}", **REAL_1C)


class Posterior:
    """log p(x, z) in the prior's unconstrained space, and how often it was evaluated."""

    def __init__(self, problem):
        self.problem, self.prior, self.x = problem, problem.prior, problem.observation.x
        self.simulator, self.calls = problem.simulator, 0

    def __call__(self, z):
        theta = self.prior.from_unconstrained(z)
        self.calls += len(z)
        log_likelihood = self.simulator.log_likelihood(theta, self.x)
        assert not np.any(np.isnan(log_likelihood)), self.simulator.reasons
        return log_likelihood + stats.norm.logpdf(z).sum(axis=1)


def fit(posterior, start):
    """Mean and covariance of the posterior in z."""
    z = posterior.prior.to_unconstrained(np.array([start]))[0]
    dim = len(z)
    best = optimize.minimize(
        lambda at: -posterior(at[np.newaxis])[0],
        z,
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-3, "maxfev": 150 * dim, "adaptive": True},
    ).x
    step = 0.005
    offsets = step * np.eye(dim)
    pairs = [
        best + sign_a * a + sign_b * b
        for a in offsets
        for b in offsets
        for sign_a in (1, -1)
        for sign_b in (1, -1)
    ]
    values = posterior(np.array(pairs)).reshape(dim, dim, 2, 2)
    hessian = (values[..., 0, 0] - values[..., 0, 1] - values[..., 1, 0] + values[..., 1, 1]) / (
        4 * step**2
    )
    eigenvalues, vectors = np.linalg.eigh(-0.5 * (hessian + hessian.T))
    # The prior has curvature one: a direction can be flatter only by the error of differences.
    covariance = (vectors / np.maximum(eigenvalues, 1.0)) @ vectors.T
    mean = best
    for stage, number in enumerate(STAGES):
        draws = student(mean, covariance).rvs(number, random_state=stream(SEED, "stage", stage))
        log_weight = posterior(draws) - student(mean, covariance).logpdf(draws)
        # Tempered until a tenth of the draws count, so that no few of them decide the fit.
        power = 1.0
        while kish(power * log_weight) < number / 10:
            power *= 0.9
        weight = special.softmax(power * log_weight)
        mean = weight @ draws
        covariance = (draws - mean).T @ ((draws - mean) * weight[:, np.newaxis])
        print(f"stage {stage}: efficiency {kish(log_weight) / number:.2f}, power {power:.2f}")
    return mean, covariance


def student(mean, covariance):
    """A Student t whose central part has this covariance."""
    return stats.multivariate_t(mean, covariance, df=FREEDOM)


def kish(log_weight):
    """Kish's effective number of weights."""
    return float(1 / np.sum(special.softmax(log_weight) ** 2))


def chains(draws, log_weight):
    """Independence Metropolis–Hastings over proposals (n, d): chains and share of moves."""
    length = len(draws) // CHAINS
    uniform = stream(SEED, "accept").random((CHAINS, length))
    chosen = np.empty((CHAINS, length), dtype=int)
    for chain in range(CHAINS):
        at = chain * length
        for step in range(length):
            new = chain * length + step
            if np.log(uniform[chain, step]) < log_weight[new] - log_weight[at]:
                at = new
            chosen[chain, step] = at
    moved = np.mean(np.diff(chosen, axis=1) != 0)
    return draws[chosen], float(moved)


def laplace_chains(name):
    """Chains in z of the synthetic problem, their target and facts."""
    problem, start, number, facts = dfn_2c()
    posterior = Posterior(problem)
    mean, covariance = fit(posterior, start)
    proposal = student(mean, covariance)
    z = proposal.rvs(number, random_state=stream(SEED, "proposals"))
    log_weight = posterior(z) - proposal.logpdf(z)
    z, moved = chains(z, log_weight)
    return (
        posterior,
        z,
        {
            **facts,
            "method": "independence Metropolis-Hastings with the exact likelihood",
            "acceptance": moved,
            "log_evidence": float(special.logsumexp(log_weight) - np.log(number)),
            "log_evidence_err": float(np.sqrt(1 / kish(log_weight) - 1 / number)),
            "importance_efficiency": kish(log_weight) / number,
            "largest_weight": float(special.softmax(log_weight).max()),
        },
    )


def emulated_chains(name):
    """The same of a real problem."""
    posterior = Posterior(real_1c(name.removesuffix("_1c")))
    z, facts = emulated.sample(posterior, BOXES[name], SEED, CHAINS, DRAWS[name] // CHAINS)
    method = "surrogate transitions (Liu 2001) with the exact likelihood"
    return posterior, z, {**facts, "method": method}


def main():
    """Make one reference posterior."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=("dfn_2c", *BOXES))
    name = parser.parse_args().name
    began = time.perf_counter()
    posterior, z, facts = (emulated_chains if name in BOXES else laplace_chains)(name)
    problem = posterior.problem
    theta = problem.prior.from_unconstrained(z.reshape(-1, z.shape[2])).reshape(z.shape)
    names = problem.prior.names
    effective = {
        n: round(float(array_stats.ess(theta[..., k], method="bulk", chain_axis=0, draw_axis=1)))
        for k, n in enumerate(names)
    }
    rhat = {
        n: round(float(array_stats.rhat(theta[..., k], chain_axis=0, draw_axis=1)), 5)
        for k, n in enumerate(names)
    }
    packages = ("sbiwb", "numpy", "scipy", "pybamm", "pybammsolvers")
    attrs = {
        "command": f"python tests/references/make_battery.py {name}",
        "seed": SEED,
        "effective_sizes": json.dumps(effective),
        "rhat": json.dumps(rhat),
        "likelihood_calls": posterior.calls,
        "seconds": round(time.perf_counter() - began),
        "versions": json.dumps({p: importlib.metadata.version(p) for p in packages}),
        "simulator": f"{problem.simulator.name}, version {problem.simulator.version}",
        "options": json.dumps(problem.simulator.options),
        "means": json.dumps(dict(zip(names, theta.mean(axis=(0, 1)).tolist(), strict=True))),
        "sds": json.dumps(dict(zip(names, theta.std(axis=(0, 1)).tolist(), strict=True))),
        **facts,
    }
    thin = max(1, theta.shape[1] // 2000)
    variables = {
        n: (("chain", "draw"), theta[:, ::thin, k].astype(np.float32)) for k, n in enumerate(names)
    }
    variables["x"] = ("reading", problem.observation.x.ravel())
    dataset = xr.Dataset(variables, attrs=attrs)
    path = HERE / f"battery_{name}.nc"
    encoding = {v: {"zlib": True, "complevel": 9} for v in variables}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    print(json.dumps(attrs, indent=1))
    print(f"{path.name}: {dataset.sizes}, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
