"""Our TARP curve against that of the authors' package, ``tarp`` 0.1.1, on shared references."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import sbiwb

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    package = pytest.importorskip("tarp", reason="the oracle is in the extra 'test'")

# With 99 draws the shares f are multiples of 1/99 and our curve is drawn at every 1/100: the edges
# of the package's histogram, once f reaches from 0 to 1, over which it spreads its 100 bins.
DRAWS, BINS = 99, 100


def calibration(d, width=1.0, n=3000, seed=1):
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((n, d))
    # The package does not standardise references that it is given: let there be nothing to do.
    theta = (theta - theta.mean(axis=0)) / theta.std(axis=0)
    x = theta + 0.5 * rng.standard_normal((n, d))
    samples = x / 1.25 + width * np.sqrt(0.2) * rng.standard_normal((DRAWS, n, d))
    references = rng.uniform(-1.7, 1.7, size=(n, d))
    # The first f is 0 and the second 1, however wide the draws are.
    references[0], samples[:, 1] = theta[0], references[1]
    return theta, samples, references


@pytest.mark.parametrize("d", [1, 2, 10])
@pytest.mark.parametrize("width", [1.0, 0.5, 2.0])
def test_curves_are_equal(d, width):
    theta, samples, references = calibration(d, width)
    theirs, alpha = package.get_tarp_coverage(
        samples, theta, references=references, norm=False, num_alpha_bins=BINS
    )
    assert alpha[0] == 0
    assert alpha[-1] == 1
    ours = sbiwb.tarp(theta, samples, references=references).curve
    np.testing.assert_allclose(ours["alpha"], alpha, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours["ecp"], theirs, rtol=0, atol=1e-12)


def test_curves_are_equal_where_the_package_normalises_by_the_range():
    theta, samples, references = calibration(1)
    low, high = theta.min(axis=0), theta.max(axis=0)
    unit = (references - low) / (high - low + 1e-10)
    theirs, _ = package.get_tarp_coverage(
        samples, theta, references=unit, norm=True, num_alpha_bins=BINS
    )
    # In one dimension scales do not matter: only the package's references must be in its units.
    ours = sbiwb.tarp(theta, samples, references=references).curve
    np.testing.assert_allclose(ours["ecp"], theirs, rtol=0, atol=1e-12)


def test_a_fault_of_one_part_in_a_hundred_would_show():
    theta, samples, references = calibration(2)
    theirs, _ = package.get_tarp_coverage(
        samples, theta, references=references, norm=False, num_alpha_bins=BINS
    )
    ours = sbiwb.tarp(theta, 1.01 * samples, references=references).curve
    assert np.max(np.abs(np.array(ours["ecp"]) - theirs)) > 1e-4
