"""Check a reference posterior with another sampler: nested sampling of the workbench.

``python tests/references/second_sampler.py battery_dfn_2c`` (or ``battery_spm_1c``, ``tumour_4mm``)
runs ``exact+dynesty`` on the problem of that file, over its whole prior, and keeps in the file's
attribute ``second_sampler`` how far apart means, widths and evidences are.  The run is shorter than
the reference, so that its own Monte Carlo error is most of what is seen.  The run of a recipe with
the same problem serves as well: ``--result FILE``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import xarray as xr

import sbiwb

HERE = Path(__file__).parent
SEED = 2
NLIVE = {"battery_dfn_2c": 60, "battery_spm_1c": 60, "tumour_4mm": 60}
RECIPES = {"battery_spm_1c": "sbiwb run battery_lgm50"}
MODELS = {"battery_dfn_2c": "battery.dfn", "battery_spm_1c": "battery.spm"}


def problem_of(name, reference):
    """The problem that the reference answers."""
    if name == "tumour_4mm":
        return sbiwb.problem("tumour.fisher_kolmogorov", dimensions=3, spacing_mm=4)
    options = json.loads(reference.attrs["options"])
    x = reference["x"].values
    if options.get("data"):
        return sbiwb.problem(MODELS[name], **options)
    simulator = sbiwb.problem(MODELS[name], **options, observation=x).simulator
    return sbiwb.problem(simulator, observation=x)


def compared(problem, reference, result):
    """Differences of means in the reference's standard deviations, ratios of widths, evidences."""
    difference, ratio = {}, {}
    for name in problem.prior.names:
        theirs = reference[name].values.ravel().astype(float)
        ours = result.posterior[name].values.ravel()
        difference[name] = round(float((ours.mean() - theirs.mean()) / theirs.std()), 4)
        ratio[name] = round(float(ours.std() / theirs.std()), 4)
    return {
        "method": result.method,
        "seed": result.seed,
        "options": result.provenance["options"],
        "difference_of_means_in_sd": difference,
        "ratio_of_sds": ratio,
        "effective": float(min(result.summary()["ess"])),
        "log_evidence": result.log_evidence,
        "log_evidence_err": result.log_evidence_err,
        "likelihood_calls": result.cost.likelihood_calls,
    }


def main():
    """Check one reference, and keep the comparison in its file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=NLIVE)
    parser.add_argument("--result", help="of the same problem, instead of a new run")
    arguments = parser.parse_args()
    name = arguments.name
    file = HERE / f"{name}.nc"
    with xr.open_dataset(file, engine="h5netcdf") as opened:
        reference = opened.load()
    problem = problem_of(name, reference)
    command = f"python tests/references/second_sampler.py {name}"
    if arguments.result is None:
        result = sbiwb.infer(problem, "exact+dynesty", seed=SEED, nlive=NLIVE[name])
    else:
        result = sbiwb.load(arguments.result)
        theirs = result.require_problem()
        assert theirs.simulator.fingerprint() == problem.simulator.fingerprint()
        assert theirs.observation.sha256 == problem.observation.sha256
        command = f"{RECIPES[name]}; {command} --result FILE"
    found = compared(problem, reference, result) | {"command": command}
    reference.attrs["second_sampler"] = json.dumps(found)
    packed = {v: {"zlib": True, "complevel": 9, "shuffle": True} for v in reference}
    partial = file.with_suffix(".partial")
    reference.to_netcdf(partial, engine="h5netcdf", encoding=packed)
    partial.replace(file)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
