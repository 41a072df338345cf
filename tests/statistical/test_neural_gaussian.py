"""Learned methods against a posterior known in closed form, and planted faults for the checks.

theta ~ N(0, 1) in two dimensions and x = A theta + N(0, 0.25) in three: the posterior is Gaussian.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sbiwb
from sbiwb import Normal, Parameter, Prior
from sbiwb.core.verdict import Outcome
from sbiwb.estimators.npe import NPE

PRIOR = Prior(tuple(Parameter(name, Normal(0.0, 1.0)) for name in ("a", "b")))
A = np.array([[1.0, 0.5], [-0.5, 1.0], [1.0, 1.0]])
NOISE = 0.5
OBSERVED = np.array([0.8, -0.2, 0.7])
COVARIANCE = np.linalg.inv(np.eye(2) + A.T @ A / NOISE**2)
MEAN = COVARIANCE @ A.T @ OBSERVED / NOISE**2
SD = np.sqrt(np.diag(COVARIANCE))

# What is learned from 3,000 simulations is noisy in itself: a mean by about √(p / 3000) σ for each
# of the p ~ 10 numbers that fix it, 0.06 σ, and as much again for the flow on top.
MEANS, WIDTHS = 0.15, 0.10


def simulate(theta, rng):
    return theta @ A.T + NOISE * rng.standard_normal((len(theta), 3))


def log_likelihood(theta, x):
    z = (x - theta @ A.T) / NOISE
    return -0.5 * np.sum(z**2, axis=-1) - 1.5 * np.log(2 * np.pi * NOISE**2)


def pose(function=simulate):
    simulator = sbiwb.simulator(
        function, PRIOR, batched=True, name="gaussian", log_likelihood=log_likelihood
    )
    return sbiwb.problem(simulator, OBSERVED)


def distances(result):
    """Largest error of a mean in σ, and of a width relative to it."""
    samples = result.samples()
    means = np.abs(samples.mean(axis=0) - MEAN) / SD
    return means.max(), np.abs(samples.std(axis=0) / SD - 1).max()


METHODS = {
    "exact+emcee": {"draws": 4000},
    "npe": {"budget": 3000, "steps": 600, "draws": 4000},
    "nle+emcee": {"budget": 3000, "steps": 600, "draws": 4000},
}


@pytest.fixture(scope="module")
def npe():
    return sbiwb.infer(pose(), "npe", seed=1, **METHODS["npe"])


@pytest.mark.parametrize("method", METHODS)
def test_mean_and_width(method):
    result = sbiwb.infer(pose(), method, seed=1, **METHODS[method])
    mean, width = distances(result)
    assert mean < MEANS
    assert width < WIDTHS
    correlation = np.corrcoef(result.samples().T)[0, 1]
    assert correlation == pytest.approx(COVARIANCE[0, 1] / SD.prod(), abs=0.1)


def test_the_tolerances_catch_data_of_another_noise():
    noisier = pose(
        lambda theta, rng: simulate(theta, rng) + 0.3 * rng.standard_normal((len(theta), 3))
    )
    result = sbiwb.infer(noisier, "npe", seed=1, **METHODS["npe"])
    assert distances(result)[1] > WIDTHS


def calibrated(result, seed=None):
    """What the calibration checks say of 300 held-out simulations."""
    checked = sbiwb.check(result, calibration=300, predictive=None, seed=seed)
    return [v for v in checked.verdicts if v.name.startswith(("tarp", "sbc"))]


def assert_calibrated(result):
    found = [calibrated(result, seed) for seed in range(5)]
    assert all({v.name for v in verdicts} >= {"tarp", "sbc[a]", "sbc[b]"} for verdicts in found)
    outcomes = [[v.outcome for v in verdicts] for verdicts in found]
    # TARP and SBC fail the true posterior once in a hundred each: two of five sets by chance once
    # in 250.
    assert sum(Outcome.FAIL in of_set for of_set in outcomes) <= 1
    assert sum(outcome is Outcome.PASS for of_set in outcomes for outcome in of_set) >= 15


def test_a_good_posterior_is_calibrated(npe):
    assert_calibrated(npe)


class Exact(sbiwb.estimators.base.LearnedPosterior):
    """The true posterior, in the place of a learned one; `scale` makes it wrong."""

    def __init__(self, scale=1.0):
        self.root = scale * np.linalg.cholesky(COVARIANCE)

    def sample(self, n, x, rng):
        z = rng.standard_normal((len(x), n, 2)) @ self.root.T
        return z + (x @ (COVARIANCE @ A.T).T / NOISE**2)[:, np.newaxis]

    def log_prob(self, theta, x):
        z = np.linalg.solve(self.root, (theta - x @ (COVARIANCE @ A.T).T / NOISE**2).T)
        norm = np.log(np.diag(self.root)).sum() + np.log(2 * np.pi)
        return -0.5 * np.sum(z**2, axis=0) - norm

    def state(self):
        return {}, {}


def test_the_true_posterior_is_calibrated(npe):
    assert_calibrated(replace(npe, learned=Exact()))


@pytest.mark.parametrize("scale", [0.6, 1.7])
def test_a_posterior_of_wrong_width_is_not(npe, scale):
    verdicts = calibrated(replace(npe, learned=Exact(scale)))
    assert any(v.outcome is Outcome.FAIL for v in verdicts)


def test_training_on_shuffled_pairs_is_caught(npe):
    """What is learned then is the prior, which ranks alone cannot tell from a good posterior."""
    training = npe.tree["training"].to_dataset()
    x = np.roll(training["x"].values, 1, axis=0)
    shuffled = sbiwb.Simulations(training["theta"].values, x, np.zeros(len(x), np.int8))
    options = NPE.options_type(steps=300)
    learned = NPE().train(shuffled, PRIOR, options, 1, sbiwb.progress.QUIET)
    verdicts = {v.name: v for v in calibrated(replace(npe, learned=learned))}
    assert verdicts["tarp"].outcome is Outcome.FAIL
