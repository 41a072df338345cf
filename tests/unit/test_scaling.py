"""Standardisation: unit scale at any unit, constant entries left out, arrays that hold it all."""

from __future__ import annotations

import numpy as np
import pytest

from sbiwb import Normal, Parameter, Prior, Uniform
from sbiwb.errors import DataError
from sbiwb.estimators._scaling import (
    Whitening,
    fit_whitening,
    is_bounded,
    linear_coordinates,
    smooth_coordinates,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("unit", [1e-21, 1.0, 1e15])
def test_data_come_out_with_zero_mean_and_unit_covariance_in_any_unit(unit):
    x = unit * (5 + RNG.standard_normal((500, 4)) @ RNG.standard_normal((4, 4)))
    scaled = fit_whitening(x)(x)
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(np.cov(scaled.T), np.eye(4), atol=0.01)


def test_a_small_signal_in_correlated_entries_comes_out_at_unit_scale():
    common, signal = RNG.standard_normal(500), RNG.standard_normal(500)
    x = np.stack([common, common + 1e-3 * signal], axis=1)
    scaled = fit_whitening(x)(x)
    assert np.linalg.matrix_rank(np.cov(scaled.T), tol=0.5) == 2


def test_images_are_flattened_and_constant_entries_left_out():
    x = RNG.standard_normal((300, 2, 3))
    x[:, 1, 1] = 1e8
    scale = fit_whitening(x)
    assert scale.kept.tolist() == [0, 1, 2, 3, 5]
    assert scale.dim == 5
    assert scale(x).shape == (300, 5)


def test_an_entry_that_varies_by_rounding_is_constant():
    x = RNG.standard_normal((300, 2))
    x[:, 1] = 1e6 * (1 + 2e-16 * np.arange(300))
    assert fit_whitening(x).kept.tolist() == [0]


def test_scalar_data():
    x = 3 + 2 * RNG.standard_normal(300)
    scaled = fit_whitening(x)(x)
    assert scaled.shape == (300, 1)
    assert scaled.std() == pytest.approx(1)


@pytest.mark.parametrize(("n", "k"), [(10, 4), (1200, 257)])
def test_too_few_simulations_or_too_many_entries_are_scaled_entry_by_entry(n, k):
    scale = fit_whitening(RNG.standard_normal((n, k)))
    assert scale.matrix.shape == (k,)


def test_constant_data_are_refused():
    with pytest.raises(DataError, match="every entry of the simulated data is constant"):
        fit_whitening(np.ones((200, 3)))


@pytest.mark.parametrize("n", [10, 500])
def test_log_abs_det_is_the_volume_ratio(n):
    x = RNG.standard_normal((n, 3)) @ RNG.standard_normal((3, 3))
    scale = fit_whitening(x)
    corners = np.vstack([np.zeros(3), np.eye(3)])
    edges = scale(corners)[1:] - scale(corners)[0]
    volumes = scale.log_abs_det(x)
    assert volumes.shape == (len(x),)
    assert np.allclose(volumes, np.linalg.slogdet(edges)[1])


def test_arrays_hold_all_of_it():
    x = RNG.standard_normal((500, 3))
    scale = fit_whitening(x)
    again = Whitening.from_arrays(scale.arrays("scale"), "scale")
    assert np.array_equal(scale(x), again(x))


def test_linear_coordinates_are_linear_where_bounded_and_normal_elsewhere():
    prior = Prior((Parameter("a", Uniform(10.0, 20.0)), Parameter("b", Normal(3.0, 2.0))))
    assert is_bounded(prior).tolist() == [True, False]
    theta = np.array([[10.0, 3.0], [15.0, 5.0], [20.0, 1.0]])
    root = np.sqrt(3)
    expected = [[-root, 0.0], [0.0, 1.0], [root, -1.0]]
    assert linear_coordinates(theta, prior) == pytest.approx(np.array(expected))


def test_a_whole_turn_is_a_circle_and_a_part_of_one_a_line():
    angle = Parameter("angle", Uniform(0.0, 2.0), periodic=True)
    prior = Prior((Parameter("a", Uniform(-1.0, 1.0)), angle))
    theta = prior.sample(5000, np.random.default_rng(1))
    smooth = smooth_coordinates(theta, prior)
    assert np.array_equal(smooth[:, 0], linear_coordinates(theta, prior)[:, 0])
    assert np.allclose(np.sum(smooth[:, 1:] ** 2, axis=1), 2)
    assert np.allclose(smooth.std(axis=0), 1, atol=0.05)
    ends = smooth_coordinates(np.array([[0.0, 1e-9], [0.0, 2.0 - 1e-9]]), prior)
    assert np.allclose(ends[0], ends[1])
    part = prior.restrict([0.0, 0.25], [1.0, 0.5])
    inside = part.sample(50, np.random.default_rng(2))
    assert np.array_equal(smooth_coordinates(inside, part), linear_coordinates(inside, part))
