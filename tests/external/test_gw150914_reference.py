"""The reference posterior of GW150914: size, convergence, and published figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

FILE = Path(__file__).parents[1] / "references/gw150914.nc"
RESAMPLED = 1.5
"""Standard errors are those of independent draws: resampling from weighted points of finite number
makes them larger by the root of one plus the share of draws to effective points, 1.15."""


@pytest.fixture(scope="module")
def data():
    return xr.load_dataset(FILE, engine="h5netcdf").astype(float)


def disagreement(values):
    """Difference of two chains' means in standard errors of independent draws."""
    error = values.std() * np.sqrt(2 / values.shape[1])
    return abs(values[0].mean() - values[1].mean()) / error


def test_two_weighted_runs_agree_in_every_parameter(data):
    assert data.sizes["chain"] * data.sizes["draw"] >= 5000
    for name in data.data_vars:
        assert disagreement(data[name].values) < 4 * RESAMPLED
    planted = data["chirp_mass"].values + np.array([[0.0], [0.2]])  # solar masses
    assert disagreement(planted) > 4 * RESAMPLED


def test_weights_are_well_behaved(data):
    assert min(data.attrs["effective"]) > 5000
    assert max(data.attrs["pareto_k"]) < 0.7  # Vehtari et al. 2024, arXiv:1507.02646
    assert min(data.attrs["distinct"]) > 0.9 * data.sizes["draw"]
    # What relative binning neglects is nothing beside the exact likelihood.
    assert min(data.attrs["binning_efficiency"]) > 0.999


def test_nested_and_importance_sampling_find_the_same_evidence(data):
    weighted, nested = np.array(data.attrs["log_evidence"]), data.attrs["nested_log_evidence"]
    assert abs(weighted[0] - weighted[1]) < 4 * np.hypot(*data.attrs["log_evidence_err"])
    errors = data.attrs["nested_log_evidence_err"]
    for value, error in zip(nested, errors, strict=True):
        assert abs(value - weighted.mean()) < 3 * error


def test_modes_have_the_share_that_nested_sampling_gives_them(data):
    """Two nested runs of 2,000 points differ by a third in the smaller mode, as is their error."""
    share, error = np.array(data.attrs["face_on"]), np.array(data.attrs["face_on_err"])
    assert abs(share[0] - share[1]) < 4 * np.hypot(*error)
    nested = [part["face_on"][0] for part in json.loads(data.attrs["nested_moments"])]
    assert nested[0] != nested[1]
    # About 200 live points in that mode and 20 nats: ln share to √(20/200) = 0.3.
    assert np.all(np.abs(np.log(nested) - np.log(share.mean())) < 3 * 0.3)
    drawn = (data["theta_jn"] < np.pi / 2).mean("draw").values
    assert np.abs(drawn - share).max() < 4 * RESAMPLED * np.sqrt(share[0] / data.sizes["draw"])


def test_loudness_and_masses_are_the_published_ones(data):
    assert float(data["snr"].mean()) == pytest.approx(23.0, rel=0.05)
    low, high = np.quantile(data["chirp_mass"], [0.05, 0.95])
    assert low < 30.8 < high
    # In the published analyses (arXiv:1602.03840), of other spectra and priors, both detector-frame
    # chirp mass and mass ratio are within these, and the binary is more likely seen face-off.
    assert 28.0 < low < high < 33.0
    assert 0.6 < np.median(data["mass_ratio"]) < 1.0
    assert float((data["theta_jn"] > np.pi / 2).mean()) > 0.7
