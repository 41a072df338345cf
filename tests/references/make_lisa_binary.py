"""Reference posterior of a massive black-hole binary in LISA, by independent nested runs.

``python tests/references/make_lisa_binary.py`` makes four runs with different seeds, a minute each
on a free core, and writes ``lisa_binary.nc`` beside this file; each run is one chain, so that their
agreement is the evidence of convergence.  ``--run SEED FILE`` makes one run only, and ``--join``
puts such files together.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import xarray as xr

import sbiwb
from sbiwb.simulators.lisa.massive_binary import INJECTION

OUT = Path(__file__).with_name("lisa_binary.nc")
SEEDS = (1, 2, 3, 4)
NLIVE = 600
# About ten standard deviations to either side of the truth; the other parameters are held there.
RANGES = {
    "chirp_mass": [1.1968e6, 1.2032e6],
    "mass_ratio": [0.49, 0.51],
    "chi_1": [0.285, 0.315],
    "luminosity_distance": [39_400.0, 40_600.0],
    "t_c": [19.4, 20.6],
}


def problem():
    """The default event of `lisa.massive_binary`, five of its parameters free."""
    fixed = {name: value for name, value in INJECTION.items() if name not in RANGES}
    return sbiwb.problem("lisa.massive_binary", ranges=RANGES, fixed=fixed)


def run(seed):
    """One run, as a data set with the chain `seed`."""
    posed = problem()
    result = sbiwb.infer(posed, "exact+dynesty", seed=seed, nlive=NLIVE)
    data = result.posterior[list(posed.prior.names)].assign_coords(chain=[seed])
    data.attrs = {
        "log_evidence": result.log_evidence,
        "log_evidence_err": result.log_evidence_err,
        "likelihood_calls": result.cost.likelihood_calls,
        "seconds": round(result.cost.seconds),
        "stats": json.dumps(result.provenance["stats"]),
        "versions": json.dumps(result.provenance["versions"]),
    }
    return data


def join(parts):
    """Runs as chains of equal length, with what speaks for their convergence."""
    posed = problem()
    length = min(part.sizes["draw"] for part in parts)
    # Draws of a run are shuffled: any of them are as good as others.
    chains = [part.isel(draw=slice(length)).assign_coords(draw=range(length)) for part in parts]
    whole = xr.concat(chains, "chain").astype("float32")
    whole.attrs = {
        "command": "python tests/references/make_lisa_binary.py",
        "method": "exact+dynesty",
        "simulator": f"{posed.simulator.name}, version {posed.simulator.version}",
        "options": json.dumps(posed.simulator.options),
        "truth": json.dumps({name: INJECTION[name] for name in posed.prior.names}),
        "nlive": NLIVE,
        "seeds": [int(part.chain.item()) for part in parts],
        "versions": parts[0].attrs["versions"],
        "stats": json.dumps([json.loads(part.attrs["stats"]) for part in parts]),
    }
    for name in ("log_evidence", "log_evidence_err", "likelihood_calls", "seconds"):
        whole.attrs[name] = [part.attrs[name] for part in parts]
    encoding = {name: {"zlib": True, "complevel": 9} for name in whole.data_vars}
    whole.to_netcdf(OUT, engine="h5netcdf", encoding=encoding)
    for name in posed.prior.names:
        means, sd = whole[name].mean("draw").values, float(whole[name].std())
        print(name, INJECTION[name], means, sd, (means - INJECTION[name]) / sd)
    print(whole.attrs)


def main():
    """Make, or put together, the reference posterior."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", nargs=2, metavar=("SEED", "FILE"))
    parser.add_argument("--join", nargs="+", metavar="FILE")
    chosen = parser.parse_args()
    if chosen.run:
        run(int(chosen.run[0])).to_netcdf(chosen.run[1], engine="h5netcdf")
    elif chosen.join:
        join([xr.load_dataset(file, engine="h5netcdf") for file in chosen.join])
    else:
        join([run(seed) for seed in SEEDS])


if __name__ == "__main__":
    main()
