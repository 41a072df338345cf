"""Reference posterior of GW150914: eleven parameters, by nested and by importance sampling.

``python tests/references/make_gw150914.py`` needs the strain (``sbiwb data``) and writes
``gw150914.nc`` beside this file, in twenty minutes on a free core.  It works in coordinates in
which the posterior is simple, with phase integrated out and by relative binning (see
`simulators/gw/phase_marginal.py`):

1. two nested runs of 2,000 live points find all modes (``--run SEED FILE``);
2. a mixture of Gaussians, fitted to their draws and widened, proposes points that are weighted by
   the likelihood, twice with different seeds (``--weigh SEED FILE NESTED NESTED``): evidence and
   share of each mode then have a known error, several times smaller than that of nested sampling;
3. the points are resampled, and completed by phase; what relative binning neglects is measured by
   the exact likelihood (``--join NESTED NESTED WEIGHTED WEIGHTED``).
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import arviz
import numpy as np
import xarray as xr
from scipy import special
from sklearn.mixture import GaussianMixture

import sbiwb
from sbiwb.progress import Progress
from sbiwb.rng import integer_seed, stream
from sbiwb.samplers._resampling import kish, systematic
from sbiwb.samplers.base import Target
from sbiwb.samplers.dynesty import Dynesty, DynestyOptions
from sbiwb.simulators.gw.phase_marginal import PhaseMarginal

OUT = Path(__file__).with_name("gw150914.nc")
NESTED_SEEDS, NLIVE = (1, 2), 2000
WEIGHTED_SEEDS, PROPOSALS, DRAWS = (3, 4), 200_000, 3500
COMPONENTS, WIDENED, SHARES = 100, (1.3, 2.5), (0.8, 0.2)
CUT = 4.2 / (2 * np.pi)  # azimuth, as part of a turn, at which there is no posterior
# A signal that fits, to which others are relative: found by climbing from draws of the prior.
REFERENCE = {
    "chirp_mass": 29.4578,
    "mass_ratio": 1.0,
    "chi_1": -0.0565,
    "chi_2": -0.2623,
    "luminosity_distance": 368.42,
    "theta_jn": 2.7969,
    "psi": 0.0708,
    "phase": 4.6005,
    "t_c": 0.0190,
    "ra": 1.049,
    "dec": -1.1213,
}


def marginal():
    """The likelihood of ten coordinates for the event's strain."""
    event = sbiwb.problem("gw.compact_binary", data="gw150914")
    reference = np.array([REFERENCE[name] for name in event.prior.names])
    return PhaseMarginal(event.simulator, event.observation.x, reference)


def completed(likelihood, y, seed, **attrs):
    """All eleven parameters for draws of ten coordinates, with weights by the exact likelihood."""
    theta, log_weight, snr = likelihood.draw(y, stream(seed, "complete"))
    columns = dict(zip(likelihood.binary.prior.names, theta.T, strict=True))
    columns |= {"snr": snr, "log_weight": log_weight}
    data = xr.Dataset({name: ("draw", values) for name, values in columns.items()})
    data.attrs = attrs | {"seed": seed}
    return data


def run(seed):
    """One nested run."""
    likelihood = marginal()
    target = Target(likelihood.prior, likelihood, np.zeros((1, 1)))
    draws = Dynesty().sample(target, DynestyOptions(nlive=NLIVE), seed, Progress())[0]
    return completed(
        likelihood,
        draws.theta[0],
        seed,
        log_evidence=draws.log_evidence - likelihood.log_time_share,
        log_evidence_err=draws.log_evidence_err,
        likelihood_calls=draws.cost.likelihood_calls,
        seconds=round(draws.cost.seconds),
        stats=json.dumps(dict(draws.stats)),
    )


def to_normal(prior, y):
    """Coordinates in which the prior is a standard normal, the azimuth cut where nothing is."""
    u = prior.to_unit(y)
    u[:, 9] = (u[:, 9] - CUT) % 1
    return special.ndtri(u.clip(1e-12, 1 - 1e-12))


def from_normal(prior, z):
    """Inverse of `to_normal`."""
    u = special.ndtr(z)
    u[:, 9] = (u[:, 9] + CUT) % 1
    return prior.from_unit(u)


def proposal(prior, likelihood, nested):
    """Mixtures of Gaussians fitted to nested draws, widened a little and a lot."""
    names = likelihood.binary.prior.names
    theta = np.concatenate([np.stack([part[n].values for n in names], axis=1) for part in nested])
    z = to_normal(prior, likelihood.coordinates(theta))
    fitted = GaussianMixture(
        COMPONENTS, reg_covar=1e-5, random_state=0, init_params="k-means++", max_iter=60
    ).fit(z)
    widened = []
    for factor in WIDENED:
        mixture = GaussianMixture(COMPONENTS)
        mixture.weights_, mixture.means_ = fitted.weights_, fitted.means_
        mixture.covariances_ = factor * fitted.covariances_
        lower = np.linalg.cholesky(np.linalg.inv(mixture.covariances_))
        mixture.precisions_cholesky_ = lower
        widened.append(mixture)
    return widened


def weigh(seed, nested):
    """Importance sampling with a proposal made from nested draws."""
    likelihood, began = marginal(), time.perf_counter()
    prior = likelihood.prior
    mixtures = proposal(prior, likelihood, nested)
    parts = []
    for k, (mixture, share) in enumerate(zip(mixtures, SHARES, strict=True)):
        mixture.random_state = integer_seed(seed, "proposal", k) % 2**32
        parts.append(mixture.sample(round(share * PROPOSALS))[0])
    z = np.concatenate(parts)
    scores = [np.log(s) + m.score_samples(z) for m, s in zip(mixtures, SHARES, strict=True)]
    y = from_normal(prior, z)
    log_prior = -0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=1)
    log_weight = likelihood.log_likelihood(y) + log_prior - np.logaddexp(*scores)
    total = special.logsumexp(log_weight)
    weight = np.exp(log_weight - total)
    effective = float(1 / np.sum(weight**2))
    face_on = (y[:, 5] < np.pi / 2).astype(float)
    share = float(weight @ face_on)
    rng = stream(seed, "resample")
    rows = rng.permutation(systematic(log_weight - total, DRAWS, rng))
    return completed(
        likelihood,
        y[rows],
        seed,
        log_evidence=float(total - np.log(PROPOSALS) - likelihood.log_time_share),
        log_evidence_err=float(np.sqrt(1 / effective - 1 / PROPOSALS)),
        effective=effective,
        pareto_k=float(arviz.psislw(log_weight)[1]),
        face_on=share,
        face_on_err=float(np.sqrt(np.sum((weight * (face_on - share)) ** 2))),
        distinct=len(np.unique(rows)),
        likelihood_calls=PROPOSALS,
        seconds=round(time.perf_counter() - began),
    )


def moments(part, names):
    """Mean and standard deviation of each parameter; of cos and sin for angles that close."""
    columns = {name: part[name].values.astype(float) for name in names}
    columns["face_on"] = (columns["theta_jn"] < np.pi / 2).astype(float)
    columns["cos_4psi"] = np.cos(4 * columns["psi"])
    return {name: [float(v.mean()), float(v.std())] for name, v in columns.items()}


def join(nested, weighted):
    """Weighted runs as chains, with all that speaks for their convergence."""
    posed = sbiwb.problem("gw.compact_binary", data="gw150914")
    names = [*posed.prior.names, "snr"]
    chains = [
        part[names].assign_coords(draw=range(DRAWS), chain=part.attrs["seed"]) for part in weighted
    ]
    whole = xr.concat(chains, "chain").astype("float32")
    neglected = [part["log_weight"].values for part in weighted]
    attrs = {
        "command": "python tests/references/make_gw150914.py",
        "method": "importance sampling with a proposal from nested sampling, phase integrated out",
        "simulator": f"{posed.simulator.name}, version {posed.simulator.version}",
        "options": json.dumps(posed.simulator.options),
        "source": posed.observation.source,
        "seeds": [part.attrs["seed"] for part in weighted],
        "binning_log_weight": [float(np.abs(each).max()) for each in neglected],
        "binning_efficiency": [
            float(kish(each - special.logsumexp(each)) / DRAWS) for each in neglected
        ],
        "versions": json.dumps({n: version(n) for n in ("dynesty", "lalsuite", "scikit-learn")}),
        "nested_nlive": NLIVE,
        "nested_moments": json.dumps([moments(part, names) for part in nested]),
    }
    shared = ("log_evidence", "log_evidence_err", "likelihood_calls", "seconds")
    for name in (*shared, "effective", "pareto_k", "face_on", "face_on_err", "distinct"):
        attrs[name] = [part.attrs[name] for part in weighted]
    for name in ("seed", *shared):
        attrs[f"nested_{name}"] = [part.attrs[name] for part in nested]
    attrs["nested_stats"] = json.dumps([json.loads(part.attrs["stats"]) for part in nested])
    whole.attrs = attrs
    encoding = {name: {"zlib": True, "complevel": 9} for name in whole.data_vars}
    whole.to_netcdf(OUT, engine="h5netcdf", encoding=encoding)
    for key, value in attrs.items():
        print(key, value)


def load(files):
    """Parts made before."""
    return [xr.load_dataset(file, engine="h5netcdf") for file in files]


def main():
    """Make, or put together, the reference posterior."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", nargs=2, metavar=("SEED", "FILE"))
    parser.add_argument("--weigh", nargs=4, metavar=("SEED", "FILE", "NESTED", "NESTED"))
    parser.add_argument("--join", nargs=4, metavar="FILE", help="nested runs, then weighted ones")
    chosen = parser.parse_args()
    if chosen.run:
        run(int(chosen.run[0])).to_netcdf(chosen.run[1], engine="h5netcdf")
    elif chosen.weigh:
        seed, out, *nested = chosen.weigh
        weigh(int(seed), load(nested)).to_netcdf(out, engine="h5netcdf")
    elif chosen.join:
        parts = load(chosen.join)
        join(parts[:2], parts[2:])
    else:
        nested = [run(seed) for seed in NESTED_SEEDS]
        join(nested, [weigh(seed, nested) for seed in WEIGHTED_SEEDS])


if __name__ == "__main__":
    main()
