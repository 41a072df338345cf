"""DESI DR2 against published numbers: best fits of three models, and the exact ΛCDM posterior.

The posterior is that of DR2 Results II (arXiv:2503.14738); the best χ² were computed from the
released files, for w0waCDM without the prior's bounds.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from sbiwb.simulators.cosmology.bao import BAO
from sbiwb.simulators.cosmology.points import published_points


def chi_squared(model):
    bao = BAO(model=model)
    x = bao.default_observation().x
    inverse = np.linalg.inv(bao.points.covariance)

    def function(theta):
        residual = x - bao.mean(np.array(theta)[np.newaxis])[0]
        return residual @ inverse @ residual

    return function


@pytest.mark.parametrize(
    ("model", "start", "best"),
    [
        ("lcdm", [0.3, 100.0], 10.27),
        ("wcdm", [0.3, 100.0, -1.0], 9.04),
        ("w0wacdm", [0.35, 95.0, -0.5, -1.5], 5.62),
    ],
)
def test_best_fit(model, start, best):
    fit = optimize.minimize(
        chi_squared(model),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-8, "maxiter": 10_000, "maxfev": 10_000},
    )
    assert fit.success
    assert fit.fun == pytest.approx(best, abs=0.005)


def test_swapping_the_last_two_rows_would_be_noticed():
    points = published_points("desi_dr2")
    assert points.quantity[-2:] == ("DH_over_rs", "DM_over_rs")
    bao = BAO()
    swapped = bao.default_observation().x.copy()
    swapped[-2:] = swapped[:-3:-1]
    theta = np.array([[0.2975, 101.54]])
    assert bao.log_likelihood(theta, swapped)[0] < bao.log_likelihood(theta, points.value)[0] - 1e3


def test_exact_lcdm_posterior_on_a_grid():
    bao = BAO()
    om, hrd = np.meshgrid(np.linspace(0.25, 0.36, 400), np.linspace(97, 106, 400), indexing="ij")
    theta = np.stack([om.ravel(), hrd.ravel()], axis=1)
    log_posterior = bao.log_likelihood(theta, bao.default_observation().x)
    weight = np.exp(log_posterior - log_posterior.max())
    weight /= weight.sum()
    mean = weight @ theta
    sd = np.sqrt(weight @ (theta - mean) ** 2)
    # Published: 0.2975 ± 0.0086 and 101.54 ± 0.73 Mpc.  These are the best fit, here to the grid's
    # step; the mean lies up to 0.04σ from it, and the widths agree to 1 %.
    published = np.array([0.2975, 101.54])
    step = [0.11 / 399, 9 / 399]
    assert np.all(np.abs(theta[weight.argmax()] - published) < step)
    assert np.all(np.abs(mean - published) < 0.05 * sd)
    assert sd == pytest.approx([0.0086, 0.73], rel=0.01)
