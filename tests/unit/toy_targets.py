"""Targets for samplers whose posteriors are known."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.likelihoods.base import Likelihood
from sbiwb.samplers.base import Target


class Given(Likelihood):
    """log p(x | θ) = function(θ, x)."""

    def __init__(self, function):
        self.function = function

    def log_likelihood(self, theta, x):
        return self.function(theta, x)


def unit_box(dim=2, **changes):
    """Uniform prior on the unit cube."""
    return Prior(tuple(Parameter(f"p{k}", Uniform(0.0, 1.0), **changes) for k in range(dim)))


def target(function, prior=None, x=((0.0,),)):
    """Posterior of a log-likelihood ``function(theta, x)``, by default under a uniform prior."""
    return Target(prior or unit_box(), Given(function), np.array(x, dtype=float))


def peak(theta, centre, sd):
    """Log of a Gaussian bump of height one."""
    return -0.5 * np.sum(((theta - centre) / sd) ** 2, axis=-1)


def impossible(theta, x):
    return np.full(len(theta), -np.inf)


def flat(theta, x):
    return np.zeros(len(theta))


def half(theta, x):
    """A Gaussian cut in half by an impossible region."""
    return np.where(theta[:, 0] < 0.5, peak(theta, [0.5, 0.7], 0.05), -np.inf)


def two_peaks(theta, x):
    """Peaks of weights 1 and 3."""
    return np.logaddexp(peak(theta, 0.2, 0.02), np.log(3) + peak(theta, 0.8, 0.02))
