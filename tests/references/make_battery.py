"""Reference posteriors of the battery models, by long dynamic nested sampling.

``python tests/references/make_battery.py dfn_2c`` writes ``battery_dfn_2c.nc`` beside this file,
and ``spm_1c`` likewise.  One takes about an hour: every likelihood is a solve.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import xarray as xr

import sbiwb
from sbiwb.rng import stream

HERE = Path(__file__).parent
SEED = 1
KEPT = 6000

# The P2D benchmark of Hassanaly et al. (2023), arXiv:2312.17336, on PyBaMM's Chen2020 cell, with
# the noise inferred too; the truth lies off the middle of the prior.
DFN_2C = {
    "parameters": {"j0_n": [0.5, 4.0], "D_p": [1.0, 10.0]},
    "protocol": {"type": "constant_current", "c_rate": 2.0},
    "times": {"first": 10.0, "last": 1350.0, "number": 100},
    "noise": [0.0003, 0.03],
}
TRUTH = (1.4, 3.5, 0.003)


def dfn_2c():
    """The synthetic 2C discharge of the DFN, and its true parameters."""
    simulator = sbiwb.problem("battery.dfn", observation=np.zeros(100), **DFN_2C).simulator
    truth = np.array([TRUTH])
    x = simulator.simulate(truth, stream(SEED, "battery_dfn_2c"))[0]
    return sbiwb.problem(simulator, observation=x), {"truth": list(TRUTH)}


PROBLEMS = {"dfn_2c": dfn_2c}


def main():
    """Make one reference posterior."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=PROBLEMS)
    name = parser.parse_args().name
    problem, facts = PROBLEMS[name]()
    result = sbiwb.infer(problem, "exact+dynesty", seed=SEED, dynamic=True, draws=KEPT)
    theta = result.samples(KEPT, seed=SEED)
    posterior = xr.Dataset(
        {
            parameter: (("chain", "draw"), theta[np.newaxis, :, k].astype(np.float32))
            for k, parameter in enumerate(problem.prior.names)
        },
        attrs={
            "command": f"python tests/references/make_battery.py {name}",
            "method": "exact+dynesty",
            "seed": SEED,
            "log_evidence": result.log_evidence,
            "log_evidence_err": result.log_evidence_err,
            "likelihood_calls": result.cost.likelihood_calls,
            "seconds": round(result.cost.seconds),
            "stats": json.dumps(result.provenance["stats"]),
            "versions": json.dumps(result.provenance["versions"]),
            "simulator": f"{problem.simulator.name}, version {problem.simulator.version}",
            "options": json.dumps(problem.simulator.options),
            **facts,
        },
    )
    posterior["x"] = ("reading", problem.observation.x.ravel())
    path = HERE / f"battery_{name}.nc"
    encoding = {v: {"zlib": True, "complevel": 9} for v in posterior.variables}
    posterior.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    print(result.summary())
    print(posterior.attrs)
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
