"""The stored reference posteriors of the battery models: enough draws, converged, and right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

pytest.importorskip("pybamm")

import sbiwb

FOLDER = Path(__file__).parents[1] / "references"
MODELS = {"dfn_2c": "battery.dfn", "spm_1c": "battery.spm", "dfn_1c": "battery.dfn"}
TWICE = ("dfn_2c", "spm_1c")


@pytest.fixture(params=MODELS)
def reference(request):
    """Name and content of one reference."""
    with xr.open_dataset(FOLDER / f"battery_{request.param}.nc", engine="h5netcdf") as dataset:
        return request.param, dataset.load()


def draws_of(dataset, names):
    return np.stack([dataset[name].values.ravel() for name in names], axis=1).astype(float)


def rebuilt(name, dataset):
    """The problem, from the options and the data in the file."""
    options = json.loads(dataset.attrs["options"])
    simulator = sbiwb.problem(
        MODELS[name],
        **options,
        observation=np.full((2, 100), 2.5) * [[1], [0]] if options.get("data") else np.zeros(100),
    ).simulator
    x = dataset["x"].values.reshape(simulator.output.shape)
    return sbiwb.problem(simulator, observation=x)


def test_it_has_enough_draws_and_says_how_it_was_made(reference):
    name, dataset = reference
    assert dataset.sizes["chain"] * dataset.sizes["draw"] >= 5000
    assert dataset.attrs["command"] == f"python tests/references/make_battery.py {name}"
    assert max(json.loads(dataset.attrs["rhat"]).values()) < 1.01
    assert min(json.loads(dataset.attrs["effective_sizes"]).values()) > 5000
    assert dataset.attrs["log_evidence_err"] < 0.05
    assert (FOLDER / f"battery_{name}.nc").stat().st_size < 400_000
    # Halves of the stored draws agree, and with the means of all.
    names = list(json.loads(dataset.attrs["means"]))
    theta = draws_of(dataset, names)
    mean = np.array(list(json.loads(dataset.attrs["means"]).values()))
    sd = np.array(list(json.loads(dataset.attrs["sds"]).values()))
    effective = min(json.loads(dataset.attrs["effective_sizes"]).values())
    for part in (theta, theta[: len(theta) // 2], theta[len(theta) // 2 :]):
        # Five standard errors of a half that has half the effective draws.
        assert np.all(np.abs(part.mean(axis=0) - mean) < 5 * sd * np.sqrt(2 / effective))


@pytest.mark.parametrize("name", TWICE)
def test_a_second_sampler_agrees(name):
    with xr.open_dataset(FOLDER / f"battery_{name}.nc", engine="h5netcdf") as dataset:
        attrs = dict(dataset.attrs)
    found = json.loads(attrs["second_sampler"])
    assert f"python tests/references/second_sampler.py battery_{name}" in found["command"]
    assert found["effective"] > 100
    # Standard error of a difference of means, in posterior standard deviations; that of a standard
    # deviation is 1/√2 of it for a Gaussian.  Four of them, once in thousands.
    error = np.sqrt(1 / found["effective"] + 1 / min(json.loads(attrs["effective_sizes"]).values()))
    difference = np.array(list(found["difference_of_means_in_sd"].values()))
    ratio = np.array(list(found["ratio_of_sds"].values()))
    assert np.all(np.abs(difference) < 4 * error)
    assert np.all(np.abs(np.log(ratio)) < 4 * error)
    # The planted fault: means off by half a standard deviation would be noticed.
    assert 4 * error < 0.5
    spread = np.hypot(found["log_evidence_err"], attrs["log_evidence_err"])
    assert abs(found["log_evidence"] - attrs["log_evidence"]) < 4 * spread


def test_the_page_quotes_the_references_of_the_real_curve():
    page = (FOLDER.parents[1] / "docs" / "howto" / "batteries.md").read_text(encoding="utf-8")
    for name in ("spm_1c", "dfn_1c"):
        with xr.open_dataset(FOLDER / f"battery_{name}.nc", engine="h5netcdf") as dataset:
            means, sds = (json.loads(dataset.attrs[key]) for key in ("means", "sds"))
            assert f"{dataset.attrs['log_evidence']:.1f}" in page
        for parameter, digits in (("eps_n", 4), ("eps_p", 3), ("R_contact", 3), ("delta", 2)):
            assert f"{means[parameter]:.{digits}f} ± {sds[parameter]:.{digits}f}" in page


def test_the_truth_is_where_the_posterior_is():
    with xr.open_dataset(FOLDER / "battery_dfn_2c.nc", engine="h5netcdf") as dataset:
        names = list(json.loads(dataset.attrs["means"]))
        theta, truth = draws_of(dataset, names), np.array(dataset.attrs["truth"])
    covariance = np.cov(theta.T)
    off = truth - theta.mean(axis=0)
    # Chi² of three parameters exceeds 16.3 once in a thousand observations.
    assert off @ np.linalg.solve(covariance, off) < 16.3
    # The planted fault: a truth one per cent away in the exchange current would not be there.
    off[0] += 0.05 * truth[0]
    assert off @ np.linalg.solve(covariance, off) > 16.3


def test_the_density_falls_from_the_mean_as_the_draws_say(reference):
    """The likelihood of today's simulator, beside the widths in the file."""
    name, dataset = reference
    problem = rebuilt(name, dataset)
    names = list(problem.prior.names)
    theta = draws_of(dataset, names)
    some = theta[:: len(theta) // 24][:24]
    log_posterior = problem.prior.log_prob(some) + problem.simulator.log_likelihood(
        some, problem.observation.x
    )
    # Twice the fall from the maximum is about chi² with d degrees of freedom: for the mean of 24
    # draws a Gaussian posterior gives d ± sqrt(2 d / 24), and skewed ones somewhat more.
    d = len(names)
    best = problem.prior.log_prob(theta.mean(axis=0)[np.newaxis]) + (
        problem.simulator.log_likelihood(theta.mean(axis=0)[np.newaxis], problem.observation.x)
    )
    fall = 2 * (np.maximum(best, log_posterior.max()) - log_posterior).mean()
    assert 0.5 * d < fall < 1.5 * d + 5 * np.sqrt(2 * d / 24)
    # The planted fault: draws shifted by two standard deviations fall much deeper.
    shifted = some + 2 * theta.std(axis=0)
    inside = np.isfinite(problem.prior.log_prob(shifted))
    lower = problem.simulator.log_likelihood(shifted[inside], problem.observation.x)
    assert 2 * (best - lower).mean() > fall
