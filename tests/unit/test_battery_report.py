"""A report says that a model is misspecified where it is: the SPM on a real discharge."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

pytest.importorskip("pybamm")

import sbiwb
from sbiwb.core.draws import Cost, Draws
from sbiwb.core.verdict import Outcome
from sbiwb.result import make_result
from sbiwb.rng import stream

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "references" / "battery_spm_1c.nc"
PREDICTIVE = 400


def as_result(problem, theta, method):
    draws = Draws(theta, independent=False, stats={}, cost=Cost())
    box = [[0.0, 1.0]] * problem.prior.dim
    return make_result(problem, draws, method=method, seed=1, provenance={"box": box})


def trusted():
    """The single-particle model taken as true, its noise inferred.

    Draws lie about the most likely parameters, found by the script of the how-to's figure: the
    posterior is far narrower than the noise, so its exact width makes no difference to the check.
    """
    script = runpy.run_path(str(ROOT / "docs" / "examples" / "battery_discrepancy.py"))
    problem, theta = script["trusted"]()
    width = theta[0] * [1e-3, 1e-3, 1e-2, 0.07]
    return as_result(
        problem,
        (theta + width * stream(1, "draws").standard_normal(theta.shape))[None],
        "exact+dynesty",
    )


def with_discrepancy():
    """The same model with a discrepancy; draws of the reference."""
    with xr.open_dataset(REFERENCE, engine="h5netcdf") as reference:
        problem = sbiwb.problem("battery.spm", **json.loads(reference.attrs["options"]))
        theta = np.stack([reference[n].values for n in problem.prior.names], axis=-1)
    return as_result(problem, theta.astype(float), "exact+emcee")


def test_the_real_discharge_is_flagged_and_the_discrepancy_mends_it(tmp_path):
    results = [
        sbiwb.check(result, predictive=PREDICTIVE) for result in (trusted(), with_discrepancy())
    ]
    found = [next(v for v in r.verdicts if v.name == "predictive") for r in results]
    assert [v.outcome is Outcome.FAIL for v in found] == [True, False]
    page = sbiwb.compare(results, title="LG M50").save(tmp_path / "report.html").read_text()
    answer = " ".join(re.sub(r"<[^>]+>", " ", page.split("<section")[1]).split())
    assert "exact+dynesty fails posterior predictive" in answer
    assert "neighbours deviate together" in answer
    assert "exact+emcee fails" not in answer
    assert "exact+dynesty passes" not in answer
