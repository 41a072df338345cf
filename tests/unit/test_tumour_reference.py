"""The stored posterior of the synthetic tumour at 4 mm: enough draws, converged, near the truth."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sbiwb

REFERENCE = Path(__file__).parents[1] / "references" / "tumour_4mm.nc"


@pytest.fixture(scope="module")
def reference():
    with xr.open_dataset(REFERENCE, engine="h5netcdf") as data:
        return data.load()


def draws_of(reference):
    return np.stack([reference[name].values for name in reference], axis=-1).astype(float)


def test_it_holds_enough_converged_draws(reference):
    draws = draws_of(reference)
    assert draws.shape[0] * draws.shape[1] >= 5000
    assert np.max(reference.attrs["r_hat"]) < 1.01
    assert reference.attrs["effective"] > 5000
    # No draw of the importance sample matters alone, and all searches ended in one place.
    assert reference.attrs["largest_weight"] < 10 / reference.attrs["effective"]
    assert np.ptp(reference.attrs["modes_found"]) < 0.1
    # The chains themselves agree: the means of four parts differ by their Monte Carlo error.
    scatter = draws.mean(axis=1).std(axis=0, ddof=1) / draws.std(axis=(0, 1))
    assert np.all(scatter < 0.1)


def test_the_truth_lies_where_it_should(reference):
    draws = draws_of(reference)
    z = (draws.mean(axis=(0, 1)) - reference.attrs["truth"]) / draws.std(axis=(0, 1))
    # Five numbers from a chi-squared of five degrees: 20 is passed once in a thousand.
    covariance = np.corrcoef(draws.reshape(-1, draws.shape[-1]).T)
    assert z @ np.linalg.solve(covariance, z) < 20.5


def test_it_is_the_posterior_of_the_simulator_as_it_is(reference):
    pytest.importorskip("numba")
    pytest.importorskip("nilearn")
    problem = sbiwb.problem("tumour.fisher_kolmogorov", dimensions=3, spacing_mm=4)
    assert problem.prior.names == tuple(reference)
    theta = draws_of(reference).mean(axis=(0, 1))[np.newaxis]
    z = problem.prior.to_unconstrained(theta)
    value = problem.simulator.log_likelihood(theta, problem.observation.x)[0]
    value -= 0.5 * np.sum(z**2) + 2.5 * np.log(2 * np.pi)
    # The mean is near the mode, where the search ended.
    assert value == pytest.approx(reference.attrs["modes_found"][0], abs=1.0)
    # The volume that the posterior covers: evidence = peak × volume of a Gaussian.
    covariance = np.cov(problem.prior.to_unconstrained(draws_of(reference).reshape(-1, 5)).T)
    volume = 2.5 * np.log(2 * np.pi) + 0.5 * np.linalg.slogdet(covariance).logabsdet
    assert reference.attrs["log_evidence"] == pytest.approx(value + volume, abs=0.5)


def test_the_figure_of_the_page_can_be_made(tmp_path):
    pytest.importorskip("numba")
    pytest.importorskip("nilearn")
    script = Path(__file__).parents[2] / "docs/examples/tumour_posterior.py"
    runpy.run_path(str(script))["main"](tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 20_000
