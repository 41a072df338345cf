"""The reference posterior of the LISA binary: size, convergence, and where the truth lies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xarray as xr
from scipy import stats

FILE = Path(__file__).parents[1] / "references/lisa_binary.nc"


def chains(data, name):
    return data[name].values.astype(float)


def split_error(values):
    """Largest distance of a chain's mean from the rest, in standard errors of independent draws."""
    n = values.shape[1]
    return np.abs(values.mean(axis=1) - values.mean()).max() / (values.std() / np.sqrt(n))


def test_the_runs_agree_and_hold_the_truth():
    data = xr.load_dataset(FILE, engine="h5netcdf")
    assert data.sizes["chain"] * data.sizes["draw"] >= 5000
    truth = json.loads(data.attrs["truth"])
    for name, value in truth.items():
        draws = chains(data, name)
        assert split_error(draws) < 4
        assert split_error(draws + np.eye(len(draws))[:, :1] * 0.3 * draws.std()) > 4  # planted
        assert stats.norm.isf(5e-4) > abs(draws.mean() - value) / draws.std()
    log_evidence = np.array(data.attrs["log_evidence"])
    assert np.ptp(log_evidence) < 5 * np.max(data.attrs["log_evidence_err"])
