"""Directions of the data at the scale of what they tell."""

from __future__ import annotations

import numpy as np
import pytest

from sbiwb.core.distributions import Normal
from sbiwb.core.prior import Parameter, Prior
from sbiwb.estimators import _strength
from sbiwb.estimators._coordinates import fit_coordinates
from sbiwb.estimators._scaling import fit_whitening
from sbiwb.estimators._strength import STRONGEST, by_strength
from sbiwb.rng import stream

N = 4000
PRIOR = Prior([Parameter(name, Normal(0.0, 1.0)) for name in "ab"])


def made(seed):
    """Parameters, and two data with noise alone, one that tells somewhat and one that tells all."""
    rng = stream(seed, "strength")
    theta, x = rng.standard_normal((N, 2)), rng.standard_normal((N, 4))
    x[:, 2:] += theta * [2.0, 50.0]
    return theta, x


def turn(k, seed):
    return np.linalg.qr(stream(seed, "turn").standard_normal((k, k)))[0]


def spreads(x):
    """Standard deviations along principal axes, the least first."""
    return np.sqrt(np.linalg.eigvalsh(np.cov(x, rowvar=False)))


@pytest.mark.parametrize("seed", range(3))
def test_spreads_are_in_units_of_the_noise_and_no_more_than_some(seed):
    theta, x = made(seed)
    x = x @ turn(4, seed)
    data = fit_whitening(x)(x)
    scaled = data @ by_strength(theta, data, seed)
    assert np.var(scaled, axis=0).mean() == pytest.approx(1.0)
    found = spreads(scaled)
    expected = [1.0, 1.0, np.sqrt(5.0), STRONGEST]
    assert found / found[:2].mean() == pytest.approx(expected, rel=0.05)


def test_entries_that_were_apart_stay_apart():
    theta, x = made(0)
    matrix = by_strength(theta, fit_whitening(x)(x), 0)
    sizes = np.diag(matrix)
    # An axis is known to about 1/√N, four of which no entry of six is off by.
    assert np.abs(matrix - np.diag(sizes)).max() < 4 / np.sqrt(N) * np.ptp(sizes)


@pytest.mark.parametrize("known", [True, False])
def test_noise_whose_level_is_a_parameter_tells(monkeypatch, known):
    """It is as large as an entry with a mean, unless its variance is not looked at."""
    theta, x = made(1)
    x[:, 0] *= np.exp(0.5 * theta[:, 0])
    if not known:
        monkeypatch.setattr(_strength, "OF_VARIANCES", 0.0)
    data = fit_whitening(x)(x)
    size = (data @ by_strength(theta, data, 1)).std(axis=0)
    assert (size[0] > 1.5 * size[1]) == known


def test_data_that_a_regression_explains_in_full():
    theta, _ = made(2)
    data = fit_whitening(theta)(theta)
    assert by_strength(theta, data, 2) == pytest.approx(np.eye(2), abs=0.05)


def test_one_datum():
    theta, x = made(0)
    data = fit_whitening(x[:, 2:3])(x[:, 2:3])
    assert by_strength(theta, data, 0) == pytest.approx(1.0)


def test_a_network_is_told_what_is_weak_at_a_smaller_scale():
    theta, x = made(3)
    weak, strong = spreads(fit_coordinates(theta, x[:, 2:], PRIOR, 3)(x[:, 2:]))
    assert strong / weak == pytest.approx(STRONGEST / np.sqrt(5.0), rel=0.05)
