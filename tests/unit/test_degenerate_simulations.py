"""Networks on copies of few simulations and on data that depend on each other exactly."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import registry
from sbiwb.core.simulations import Simulations
from sbiwb.progress import QUIET

PRIOR = sbiwb.Prior([sbiwb.Parameter(name, sbiwb.Uniform(-1, 1)) for name in ("a", "b")])
THETA = np.repeat(PRIOR.sample(4, np.random.default_rng(1)), 40, axis=0)
NOISE = 0.1 * np.random.default_rng(2).standard_normal(THETA.shape)
DATA = {
    "four parameter vectors": THETA + NOISE,
    "copies of four simulations": THETA,
    "an entry that is twice another": np.column_stack([THETA[:, 0], 2 * THETA[:, 0], THETA[:, 1]]),
    "a constant entry": np.column_stack([THETA + NOISE, np.ones(len(THETA))]),
}


@pytest.mark.parametrize("name", ["npe", "nle"])
@pytest.mark.parametrize("kind", DATA)
def test_degenerate_simulations_give_finite_numbers_without_a_warning(kind, name):
    x = DATA[kind]
    estimator = registry.estimator(name)
    options = estimator.options_type(steps=20)
    simulations = Simulations(THETA, x, np.zeros(len(x), dtype=np.int8))
    learned = estimator.train(simulations, PRIOR, options, 1, QUIET)
    if estimator.learns == "posterior":
        draws = learned.sample(50, x[:1], np.random.default_rng(3))[0]
        assert np.all(np.isfinite(PRIOR.log_prob(draws)))
        assert np.all(np.isfinite(learned.log_prob(draws, np.repeat(x[:1], 50, axis=0))))
        # It is the datum of this vector, and of no other.
        nearest = np.argmin(np.abs(draws[:, None] - np.unique(THETA, axis=0)).sum(axis=2), axis=1)
        own = np.argmin(np.abs(THETA[0] - np.unique(THETA, axis=0)).sum(axis=1))
        assert np.mean(nearest == own) > 0.5
    else:
        own = learned.log_likelihood(THETA[:1], x[:1])
        others = learned.log_likelihood(THETA[40::40], np.repeat(x[:1], 3, axis=0))
        assert np.isfinite(own).all()
        assert not np.isnan(others).any()
        assert np.all(own > others)
