"""Reference posterior of w0waCDM from DESI DR2 and Union3, written beside this file.

Run ``python tests/references/make_desi_union3.py`` (some minutes on one core).  Nested sampling
with 2000 live points gives the draws and the evidence; an ensemble of walkers that knows nothing of
it must agree.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import numpy as np

import sbiwb

SEED = 20250319  # of the release of DR2 Results II
DRAWS = 8000
FILE = Path(__file__).with_name("desi_union3_w0wacdm.nc")


def main():
    problem = sbiwb.problem("cosmology.background", data=["desi_dr2", "union3"], model="w0wacdm")
    nested = sbiwb.infer(problem, "exact+dynesty", seed=SEED, nlive=2000, dlogz=0.01, draws=DRAWS)
    chains = sbiwb.infer(problem, "exact+emcee", seed=SEED, draws=8000, max_steps=40_000)
    ours, theirs = nested.summary(), chains.summary()
    shift = (ours["mean"] - theirs["mean"]) / ours["sd"]
    width = theirs["sd"] / ours["sd"]
    draws = nested.posterior.astype(np.float32)
    draws.attrs = {
        "title": "w0waCDM from DESI DR2 and Union3",
        "problem": "cosmology.background, data=[desi_dr2, union3], model=w0wacdm",
        "command": "python tests/references/make_desi_union3.py",
        "seed": SEED,
        "versions": ", ".join(
            f"{name} {importlib.metadata.version(name)}"
            for name in ("sbiwb", "dynesty", "emcee", "numpy")
        ),
        "log_evidence": nested.log_evidence,
        "log_evidence_err": nested.log_evidence_err,
        "likelihood_calls": nested.cost.likelihood_calls,
        "effective_draws": float(ours["ess"].min()),
        "checks": "; ".join(f"{v.name}: {v.outcome}" for v in nested.verdicts),
        "cross_check": "exact+emcee, 4 ensembles of 32 walkers, 8000 draws",
        "cross_check_rhat": float(theirs["rhat"].max()),
        "cross_check_ess": float(theirs["ess"].min()),
        "cross_check_largest_shift": float(shift.abs().max()),  # of means, in standard deviations
        "cross_check_largest_width_ratio": float(np.exp(np.abs(np.log(width)).max())),
    }
    compressed = {"zlib": True, "complevel": 9}
    draws.to_netcdf(FILE, engine="h5netcdf", encoding=dict.fromkeys(draws, compressed))
    print(ours, theirs, *(f"{k}: {v}" for k, v in draws.attrs.items()), sep="\n")


if __name__ == "__main__":
    main()
