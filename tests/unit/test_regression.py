"""The polynomial under every network: right degree, held at the edge, saved whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from sbiwb.estimators._regression import (
    MAX_DEGREE,
    Polynomial,
    fit_polynomial,
    polynomial_features,
    whitening_matrix,
)
from sbiwb.rng import stream

RNG = np.random.default_rng(0)
INPUTS = RNG.uniform(-1, 1, (400, 2))
NOISE = 0.1 * RNG.standard_normal((400, 2))
CUBIC = np.stack([INPUTS[:, 0] ** 3, INPUTS[:, 0] * INPUTS[:, 1] ** 2], axis=1)


def test_features_are_all_products():
    features = polynomial_features(np.array([[2.0, 3.0]]), 2)
    assert features.tolist() == [[1, 2, 3, 4, 6, 9]]


def test_a_cubic_is_found_exactly():
    fitted = fit_polynomial(INPUTS, CUBIC, seed=1)
    assert fitted.degree >= 3
    assert fitted(INPUTS) == pytest.approx(CUBIC, abs=1e-5)


def test_a_line_in_noise_is_fitted_to_its_standard_error():
    line = INPUTS @ np.array([[1.0, 2.0], [-1.0, 0.5]])
    fitted = fit_polynomial(INPUTS, line + NOISE, seed=1)
    assert fitted.degree < MAX_DEGREE
    # Ten features at most of 400 rows: the fit is off by less than 0.1 √(10 / 400) on average.
    assert np.std(fitted(INPUTS) - line) < 0.1 * np.sqrt(10 / 400)


def test_noise_alone_is_not_explained():
    fitted = fit_polynomial(INPUTS, NOISE, seed=1)
    assert np.std(NOISE - fitted(INPUTS)) > 0.09


def test_the_same_seed_gives_the_same_fit():
    first, second = (fit_polynomial(INPUTS, CUBIC + NOISE, seed=3) for _ in range(2))
    assert np.array_equal(first.coefficients, second.coefficients)


def test_beyond_the_data_it_is_held_at_the_edge():
    fitted = fit_polynomial(INPUTS, CUBIC, seed=1)
    far = np.array([[50.0, -80.0]])
    assert np.array_equal(fitted(far), fitted(np.clip(far, fitted.low, fitted.high)))


def test_few_rows_of_many_inputs_leave_a_constant():
    inputs = RNG.standard_normal((100, 50))
    target = RNG.standard_normal((100, 2)) + 7
    fitted = fit_polynomial(inputs, target, seed=1)
    assert fitted.degree == 0
    assert fitted(inputs[:3]) == pytest.approx(np.tile(target.mean(axis=0), (3, 1)))


def test_collinear_and_constant_inputs_stay_finite():
    inputs = np.stack([INPUTS[:, 0], 2 * INPUTS[:, 0], np.ones(400)], axis=1)
    fitted = fit_polynomial(inputs, CUBIC[:, :1], seed=1)
    assert fitted(inputs) == pytest.approx(CUBIC[:, :1], abs=1e-3)


def test_arrays_hold_all_of_it():
    fitted = fit_polynomial(INPUTS, CUBIC + NOISE, seed=1)
    again = Polynomial.from_arrays(fitted.arrays("mean"), "mean")
    assert again.degree == fitted.degree
    assert np.array_equal(again(INPUTS), fitted(INPUTS))


@pytest.mark.parametrize("k", [1, 3])
def test_whitened_residuals_have_unit_covariance(k):
    residual = RNG.standard_normal((300, k)) @ RNG.standard_normal((k, k))
    whitened = residual @ whitening_matrix(residual)
    assert np.atleast_2d(np.cov(whitened.T)) == pytest.approx(np.eye(k), abs=1e-9)


def test_residuals_without_noise_in_one_direction_stay_finite():
    one = RNG.standard_normal((300, 1))
    assert np.all(np.isfinite(whitening_matrix(np.hstack([one, one]))))


def test_a_sum_of_functions_of_one_input_each_is_fitted_as_one():
    inputs = stream(7, "inputs").uniform(-1, 1, (600, 6))
    target = (np.abs(inputs) + inputs**3).sum(axis=1, keepdims=True)
    noise = 0.3 * stream(8, "noise").standard_normal(target.shape)
    fitted = fit_polynomial(inputs, target + noise, seed=1)
    assert not fitted.crossed
    product = inputs[:, :1] * inputs[:, 1:2]
    assert fit_polynomial(inputs, product + noise, seed=1).crossed
    again = Polynomial.from_arrays(fitted.arrays("mean"), "mean")
    assert np.array_equal(again(inputs), fitted(inputs))


def test_whitening_leaves_independent_columns_apart():
    columns = stream(9, "columns").standard_normal((1000, 2)) * [1.0, 5.0]
    matrix = whitening_matrix(columns)
    # Correlations of 1,000 independent rows are below five standard errors; axes of a covariance
    # of equal variances would lie anywhere.
    correlated = abs(matrix[0, 1]) / np.sqrt(matrix[0, 0] * matrix[1, 1])
    assert correlated < 5 / np.sqrt(1000)


def test_features_that_are_too_many_are_not_even_made():
    """Products of up to five of 40 inputs are a million, and 10 GB for a thousand rows."""
    inputs = stream(10, "many").standard_normal((1000, 40))
    tracemalloc.start()
    fit_polynomial(inputs, inputs[:, :1], seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
