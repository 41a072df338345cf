"""Calibration where simulations were made: near one observation, not over the prior."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.execute import Proposal
from sbiwb.likelihoods.base import Likelihood
from sbiwb.result import Result
from sbiwb.rounds import Followed


def is_local(result: Result) -> bool:
    """Whether what a result learned is good near its observation only."""
    return bool(result.provenance.get("followed"))


def proposal(result: Result) -> Proposal:
    """What parameters of calibration simulations are drawn from."""
    prior = result.training_prior
    return Followed(prior, result.samples()) if is_local(result) else prior


class Updated(Likelihood):
    """p(x | θ) p(x_o | θ): the likelihood of data x that come after the observation x_o.

    Parameters of data simulated at draws of the posterior at x_o are, if that posterior is right,
    draws of the posterior at x and x_o (Säilynoja, Schmitt, Bürkner & Vehtari 2025,
    arXiv:2502.03279): so what calibrates over the prior calibrates here.

    Parameters
    ----------
    likelihood : Likelihood
    observed : ndarray, shape (*output.shape)
    """

    def __init__(self, likelihood: Likelihood, observed: Array) -> None:
        self.likelihood, self.observed = likelihood, observed
        self.normalised = likelihood.normalised

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        before = np.broadcast_to(self.observed, (len(theta), *self.observed.shape))
        of = self.likelihood.log_likelihood
        return np.asarray(of(theta, x) + of(theta, np.ascontiguousarray(before)))
