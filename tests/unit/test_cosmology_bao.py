"""The BAO simulator: its data, predictions, likelihood, options and every bad input."""

from __future__ import annotations

import itertools
import math
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from sbiwb.errors import DataError, UsageError
from sbiwb.rng import stream
from sbiwb.simulators.cosmology.bao import BAO, HUBBLE_DISTANCE
from sbiwb.simulators.cosmology.distances import Distances
from sbiwb.simulators.cosmology.models import MODELS
from sbiwb.testing import check_simulator

MEAN = """# [z] [value at z] [quantity]
0.51  13.5 DM_over_rs
0.51\t21.9\tDH_over_rs  # a comment

0.295, 7.9, DV_over_rs
"""
COVARIANCE = "0.03 -0.03 0\n-0.03 0.18 0\n0 0 0.006\n"


@pytest.fixture
def files(tmp_path):
    """Write a pair of data files and return their paths."""

    def write(mean=MEAN, covariance=COVARIANCE):
        paths = tmp_path / "mean.txt", tmp_path / "cov.txt"
        for path, text in zip(paths, (mean, covariance), strict=True):
            path.write_text(text)
        return paths

    return write


# -- the data -------------------------------------------------------------------------------


def test_desi_dr2_has_thirteen_points_in_the_order_of_the_released_files():
    bao = BAO()
    assert bao.output.shape == (13,)
    assert bao.output.names == (
        "DV/rd(z=0.295)",
        "DM/rd(z=0.51)",
        "DH/rd(z=0.51)",
        "DM/rd(z=0.706)",
        "DH/rd(z=0.706)",
        "DM/rd(z=0.934)",
        "DH/rd(z=0.934)",
        "DM/rd(z=1.321)",
        "DH/rd(z=1.321)",
        "DM/rd(z=1.484)",
        "DH/rd(z=1.484)",
        "DH/rd(z=2.33)",
        "DM/rd(z=2.33)",
    )
    observation = bao.default_observation()
    assert observation.x[-2:] == pytest.approx([8.63, 38.99], abs=0.01)
    assert "arXiv:2503.14738" in observation.source


@pytest.mark.skipif("SBIWB_DATA" not in os.environ, reason="SBIWB_DATA is not set")
def test_desi_dr2_equals_the_released_files():
    folder = Path(os.environ["SBIWB_DATA"]) / "cosmology" / "desi_dr2"
    released = BAO(
        (
            folder / "desi_gaussian_bao_ALL_GCcomb_mean.txt",
            folder / "desi_gaussian_bao_ALL_GCcomb_cov.txt",
        )
    )
    ours = BAO().points
    assert np.array_equal(ours.z, released.points.z)
    assert np.array_equal(ours.value, released.points.value)
    assert np.array_equal(ours.covariance, released.points.covariance)
    assert ours.quantity == released.points.quantity


def test_own_files_may_use_blanks_tabs_commas_and_comments(files):
    bao = BAO(files())
    assert bao.output.names == ("DM/rd(z=0.51)", "DH/rd(z=0.51)", "DV/rd(z=0.295)")
    observation = bao.default_observation()
    assert observation.x.tolist() == [13.5, 21.9, 7.9]
    assert (observation.name, observation.source) == ("mean.txt", "mean.txt, cov.txt")
    check_simulator(bao)


def test_one_point_is_enough(files):
    bao = BAO(files("0.3 8 DV_over_rs\n", "0.04\n"), model="wcdm")
    assert bao.output.shape == (1,)
    check_simulator(bao)


# -- predictions ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_the_distances_over_the_sound_horizon(name):
    bao = BAO(model=name)
    theta = bao.prior.sample(50, stream(0, "theta"))
    columns = [theta[:, k : k + 1] for k in range(bao.prior.dim)]
    comoving, hubble = Distances(MODELS[name], bao.points.z)(columns[0], *columns[2:])
    transverse, radial = (HUBBLE_DISTANCE * d / columns[1] for d in (comoving, hubble))
    expected = {
        "DM_over_rs": transverse,
        "DH_over_rs": radial,
        "DV_over_rs": np.cbrt(bao.points.z * transverse**2 * radial),
    }
    for k, quantity in enumerate(bao.points.quantity):
        assert bao.mean(theta)[:, k] == pytest.approx(expected[quantity][:, k], rel=1e-13)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_and_likelihoods_are_finite_in_every_corner_of_the_prior(name):
    bao = BAO(model=name)
    corners = bao.prior.from_unit(list(itertools.product([0.0, 1.0], repeat=bao.prior.dim)))
    theta = np.concatenate([corners, bao.prior.sample(20_000, stream(0, "theta"))])
    mean = bao.mean(theta)
    assert np.all(np.isfinite(mean))
    assert np.all(mean > 0)
    assert np.all(np.isfinite(bao.log_likelihood(theta, bao.default_observation().x)))


def test_noise_has_the_covariance_of_the_data():
    bao = BAO()
    theta = np.tile([0.3, 100.0], (100_000, 1))
    residual = bao.simulate(theta, stream(0, "noise")) - bao.mean(theta[:1])
    whitened = np.linalg.solve(np.linalg.cholesky(bao.points.covariance), residual.T)
    # Each entry of the sample covariance has standard error ≤ √(2/n); 91 entries, 5 errors.
    assert np.cov(whitened) == pytest.approx(np.eye(13), abs=5 * math.sqrt(2 / 100_000))


@pytest.mark.parametrize("name", MODELS)
def test_likelihood_is_scipys_multivariate_normal(name):
    bao = BAO(model=name)
    theta = bao.prior.sample(20, stream(1, "theta"))
    x = bao.simulate(theta, stream(1, "x"))
    expected = [
        stats.multivariate_normal(mean, bao.points.covariance).logpdf(row)
        for mean, row in zip(bao.mean(theta), x, strict=True)
    ]
    assert bao.log_likelihood(theta, x) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_torch_likelihood_passes_gradcheck(name):
    bao = BAO(model=name)
    theta = bao.prior.from_unit(stream(2, "inner").uniform(0.2, 0.8, (3, bao.prior.dim)))
    x = torch.tensor(bao.simulate(theta, stream(2, "x")))
    at = torch.tensor(theta, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: bao.log_likelihood_torch(t, x), at)


@pytest.mark.parametrize("name", MODELS)
def test_parameters(name):
    prior = BAO(model=name).prior
    assert prior.names == ("Om", "hrd", *(p.name for p in MODELS[name].parameters))
    assert prior.parameters[1].unit == "Mpc"
    assert (prior.constraint is not None) == (name in ("w0wacdm", "w0wawbcdm", "olcdm"))


@pytest.mark.parametrize(("points", "least"), [(1, 10_000), (10_000, 100_000)])
def test_likelihoods_a_second(points, least):
    # CPU time, best of five: other processes hardly change it (tests/benchmarks/bao_throughput.py).
    bao = BAO(model="w0wacdm")
    theta, x = bao.prior.sample(points, stream(0, "theta")), bao.default_observation().x
    calls = 10_000 // points
    seconds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(calls):
            bao.log_likelihood(theta, x)
        seconds.append(time.process_time() - start)
    assert calls * points / min(seconds) > least


# -- options --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_contract(name):
    check_simulator(BAO(model=name), seed=3)


def test_options_of_own_files_hold_paths_and_their_hash(files):
    paths = files()
    options = BAO(paths, model="wcdm").options
    assert options["data"] == [str(path) for path in paths]
    assert options["model"] == "wcdm"
    assert BAO(**options).options == options
    before = options["sha256"]
    assert BAO(files(MEAN.replace("7.9", "7.8"))).options["sha256"] != before
    with pytest.raises(
        DataError, match=r"mean.txt or .*cov.txt has changed; got SHA-256 .*expected"
    ):
        BAO(**options)
    assert BAO(files(covariance=COVARIANCE.replace("0.006", "0.007"))).options["sha256"] != before


def test_a_hash_makes_no_sense_for_published_data():
    with pytest.raises(UsageError, match="sha256 applies to data files only"):
        BAO("desi_dr2", sha256="0" * 64)


# -- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "LCDM"}, "unknown cosmological model; got 'LCDM'; expected one of lcdm.*lcdm'"),
        ({"model": "w0wa"}, r"did you mean 'w0wacdm'\?"),
        ({"model": 3}, "unknown cosmological model; got '3'"),
        ({"model": ["lcdm"]}, "unknown cosmological model"),
        ({"model": None}, "unknown cosmological model; got 'None'"),
        ({"data": "desi_dr3"}, r"unknown BAO data set; got 'desi_dr3'.*did you mean 'desi_dr2'\?"),
        (
            {"data": "mean.txt"},
            r"expected one of desi_dr2, or a pair \(mean_file, covariance_file\)",
        ),
        ({"data": ("mean.txt",)}, "bad BAO data"),
        ({"data": (1, 2)}, "bad BAO data"),
        ({"data": None}, "bad BAO data; got None"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(options, message):
    with pytest.raises(UsageError, match=message) as caught:
        BAO(**options)
    assert "\n" not in str(caught.value)


def test_missing_and_unreadable_files(tmp_path, files):
    mean, covariance = files()
    with pytest.raises(DataError, match=r"cannot read .*absent.txt; got .*No such file"):
        BAO((tmp_path / "absent.txt", covariance))
    with pytest.raises(DataError, match=r"cannot read .*; got .*directory"):
        BAO((mean, tmp_path))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"cannot read .*binary.*expected a text file"):
        BAO((tmp_path / "binary", covariance))


@pytest.mark.parametrize(
    ("mean", "message"),
    [
        ("# nothing\n", "mean.txt holds no points; expected lines 'z value quantity'"),
        ("0.5 13\n", r"mean.txt, line 1: wrong number of columns; got 2; expected 3"),
        ("#\n0.5 13 DM_over_rs x\n", r"line 2: wrong number of columns; got 4"),
        ("0.5 13 DM_over_rd\n", r"line 1: unknown quantity.*did you mean 'DM_over_rs'\?"),
        ("0.5 DM_over_rs 13\n", r"line 1: unknown quantity; got '13'"),
        ("0.5 nine DM_over_rs\n", r"line 1: bad number; got 'nine'; expected a finite number"),
        ("0.5 nan DM_over_rs\n", r"line 1: bad number; got 'nan'"),
        ("inf 13 DM_over_rs\n", r"line 1: bad number; got 'inf'"),
        (
            "0.5 13 DM_over_rs\n0.0 13 DM_over_rs\n",
            r"line 2: bad redshift; got 0.0; expected z > 0",
        ),
        ("-0.5 13 DM_over_rs\n", r"line 1: bad redshift; got -0.5"),
    ],
)
def test_bad_mean_files(files, mean, message):
    with pytest.raises(DataError, match=message) as caught:
        BAO(files(mean, "1\n"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ("", "wrong shape; got 0 rows of 0 numbers; expected 2 × 2"),
        ("1 0\n", "wrong shape; got 1 rows of 2 numbers"),
        ("1 0\n0 1\n0 0\n", "wrong shape; got 3 rows of 2 numbers"),
        ("1 0\n0 1 0\n", "wrong shape; got 2 rows of 2 or 3 numbers"),
        ("1 x\n0 1\n", "line 1: bad number; got 'x'"),
        ("1 0\nnan 1\n", "line 2: bad number; got 'nan'"),
        ("1 0.1\n0.2 1\n", r"not symmetric; got 0.1 and 0.2 at \(1, 2\) and its mirror"),
        ("1 0\n0 0\n", "not positive definite; got variance 0 of point 2"),
        ("-1 0\n0 1\n", "not positive definite; got variance -1 of point 1"),
        ("1 1\n1 1\n", "singular or not positive definite; got smallest eigenvalue"),
        ("1 2\n2 1\n", "singular or not positive definite; got smallest eigenvalue -1.0e"),
        ("1e-30 1e-15\n1e-15 1\n", "singular or not positive definite"),
    ],
)
def test_bad_covariance_files(files, covariance, message):
    with pytest.raises(DataError, match=message) as caught:
        BAO(files("0.5 13 DM_over_rs\n0.5 20 DH_over_rs\n", covariance))
    assert "\n" not in str(caught.value)


def test_covariances_of_very_different_scales_are_fine(files):
    BAO(files("0.5 13 DM_over_rs\n0.5 20 DH_over_rs\n", "1e-30 0\n0 1e10\n"))
