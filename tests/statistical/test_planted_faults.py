"""All calibration checks together: they catch planted faults, and spare the exact posterior.

A light version of ``tests/benchmarks/planted_faults.py``, whose table has the measured rates.
"""

from __future__ import annotations

import numpy as np
import pytest
from gaussian_faults import FAULTS, calibration
from scipy import stats

import sbiwb

SIMULATIONS, DRAWS = 500, 100


def rejected(fault, d, seed, *, densities, simulations=SIMULATIONS, draws=DRAWS):
    """Whether any check of a calibration set rejects at 5 %, all of them counted."""
    rng = np.random.default_rng([seed, d, FAULTS.index(fault), 1])
    c = calibration(fault, d, simulations + 1, draws, rng)
    known = {name: values[..., 1:] for name, values in c.densities.items()} if densities else {}
    verdicts = sbiwb.check_draws(
        c.theta[1:],
        c.samples[:, 1:],
        c.x[1:],
        draws=c.samples[:, 0],
        observed=c.x[0],
        seed=seed,
        **known,
    )
    return any(v.outcome in ("warn", "fail") for v in verdicts)


def test_an_exact_posterior_is_rejected_at_the_nominal_rate():
    repeats = 150
    count = sum(
        rejected("exact", 2, seed, densities=True, simulations=200, draws=50)
        for seed in range(repeats)
    )
    # 5 % at most, and not inert: measured 4 %. Chance alone fails this test once in 10³.
    assert count <= stats.binom.ppf(1 - 1e-3, repeats, 0.05)
    assert count >= stats.binom.ppf(1e-3, repeats, 0.03)


@pytest.mark.parametrize("fault", FAULTS[1:])
@pytest.mark.parametrize(("d", "repeats", "power"), [(2, 6, 0.95), (10, 2, 0.8)])
def test_a_planted_fault_is_caught(fault, d, repeats, power):
    for densities in (True, False):
        caught = sum(rejected(fault, d, seed, densities=densities) for seed in range(repeats))
        # What chance takes away once in 10³.
        assert caught >= max(1, stats.binom.ppf(1e-3, repeats, power))


@pytest.mark.parametrize("fault", [FAULTS[3], FAULTS[4], FAULTS[6]])
def test_the_hardest_faults_are_caught_in_fifty_dimensions_from_draws_alone(fault):
    # Each is caught in all of 200 repeats.
    assert rejected(fault, 50, 1, densities=False)


def test_ellipsoids_of_the_draws_own_moments_would_reject_the_exact_posterior():
    # The fault that pooling with the truth avoids: in 20 dimensions, 50 draws know their own
    # covariance so well that every truth lies outside.
    c = calibration("exact", 20, 200, 50, np.random.default_rng(1))
    centred = c.samples - c.samples.mean(axis=0)
    covariance = np.einsum("lni,lnj->nij", centred, centred) / 49
    truth = c.theta - c.samples.mean(axis=0)

    def distance(points):
        return np.einsum("...ni,nij,...nj->...n", points, np.linalg.inv(covariance), points)

    naive = np.mean(distance(centred) < distance(truth), axis=0)
    assert stats.kstest(naive, "uniform").pvalue < 1e-6
    assert sbiwb.expected_coverage(c.theta, c.samples).passed
