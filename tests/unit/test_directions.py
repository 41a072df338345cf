"""Which directions of the data tell of the parameters: all of those, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from sbiwb.estimators._directions import informative_directions
from sbiwb.estimators._regression import fit_polynomial
from sbiwb.estimators._scaling import fit_whitening
from sbiwb.rng import stream

N = 4000


def whitened(x):
    return fit_whitening(x)(x)


def turned(x, rng):
    """The same data in other coordinates, so that no entry stands for a direction."""
    return x @ rng.standard_normal((x.shape[1], x.shape[1]))


@pytest.mark.parametrize("seed", range(5))
def test_a_mean_along_two_of_twelve_directions(seed):
    rng = stream(seed, "means")
    theta, x = rng.standard_normal((N, 2)), rng.standard_normal((N, 12))
    x[:, :2] += theta + 0.3 * theta**2
    x = whitened(turned(x, rng))
    directions = informative_directions(theta, x, seed)
    assert directions.shape == (12, 2)
    reduced = x @ directions
    assert reduced.std(axis=0) == pytest.approx([1.0, 1.0])

    def left(inputs):
        return np.var(theta - fit_polynomial(inputs, theta, seed)(inputs), axis=0).mean()

    # Nothing is lost: the regression on two inputs explains what that on twelve does, less the
    # noise that ten more inputs fit (each about 1/N of the variance, for each power).
    assert left(reduced) < left(x) * 1.05


@pytest.mark.parametrize("what", ["variance", "correlation"])
@pytest.mark.parametrize("seed", range(3))
def test_a_covariance_that_depends_on_theta(what, seed):
    rng = stream(seed, what)
    theta, x = rng.uniform(-1, 1, (N, 1)), rng.standard_normal((N, 8))
    if what == "variance":
        x[:, :1] *= np.exp(theta)
        expected = 1
    else:
        x[:, 1] = 0.9 * theta[:, 0] * x[:, 0] + np.sqrt(1 - 0.81 * theta[:, 0] ** 2) * x[:, 1]
        expected = 2
    mixing = rng.standard_normal((8, 8))
    scale = fit_whitening(x @ mixing)
    directions = informative_directions(theta, scale(x @ mixing), seed)
    assert directions.shape[1] == expected
    # Read off in the original coordinates, where the first `expected` entries tell.
    weights = np.abs(mixing @ scale.matrix @ directions)
    assert weights[expected:].max() < 0.2 * weights[:expected].max()


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_tells_nothing_is_left_out(seed):
    rng = stream(seed, "nothing")
    theta, x = rng.standard_normal((N, 2)), rng.standard_normal((N, 5))
    assert informative_directions(theta, x, 0) is None


@pytest.mark.parametrize(("n", "k"), [(20, 6), (N, 1), (1200, 257)])
def test_too_few_simulations_one_datum_or_too_many_stay_as_they_are(n, k):
    rng = stream(0, "few")
    theta, x = rng.standard_normal((n, 2)), rng.standard_normal((n, k))
    assert informative_directions(theta, x, 0) is None
