"""The probability that a simulation succeeds, which a likelihood learned from successes lacks.

What is learned from the simulations that succeeded is p(x | θ, valid).  An observation is a datum
that did come about, of which the likelihood is p(x, valid | θ) = p(x | θ, valid) P(valid | θ).  The
second factor is learned by a classifier of all simulations.  A posterior learned from successes
contains it already, p(θ | x, valid) ∝ p(θ) P(valid | θ) p(x | θ, valid), so both now agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import logsigmoid, softplus

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.estimators._flow import in_chunks, load_weights, to_tensor
from sbiwb.estimators._scaling import smooth_coordinates
from sbiwb.estimators.base import LearnedLikelihood
from sbiwb.estimators.training import TrainingOptions, fit
from sbiwb.likelihoods._gradients import chained
from sbiwb.likelihoods.base import Differentiable
from sbiwb.progress import Progress
from sbiwb.rng import global_streams, integer_seed

FEWEST = 20
"""Failures from which on it is learned where they are; fewer are no more than a constant."""
WIDTH = 32
STEPS = 1000
_PREFIX = "validity."


class Validity(nn.Module):
    """log P(valid | θ), as the training loop wants it.

    Parameters
    ----------
    parameters : int
        Coordinates of θ, as `smooth_coordinates` counts them.
    seed : int
        Of its weights.
    """

    def __init__(self, parameters: int, seed: int) -> None:
        super().__init__()
        with global_streams(seed, "validity"):
            self.net = nn.Sequential(
                nn.Linear(parameters, WIDTH),
                nn.SiLU(),
                nn.Linear(WIDTH, WIDTH),
                nn.SiLU(),
                nn.Linear(WIDTH, 1),
            )

    def log_probability(self, condition: torch.Tensor) -> torch.Tensor:
        """Log of the probability that simulations with these parameters succeed; shape (n,)."""
        value: torch.Tensor = logsigmoid(self.net(condition)[:, 0])
        return value

    def loss(self, valid: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of each row; shape (n,)."""
        logit = self.net(condition)[:, 0]
        loss: torch.Tensor = softplus(logit) - valid[:, 0] * logit
        return loss


class CorrectedLikelihood(LearnedLikelihood):
    """p(x | θ, valid) P(valid | θ).

    Parameters
    ----------
    one : LearnedLikelihood
        Learned from valid simulations.
    validity : Validity
    prior : Prior
        In whose coordinates both were trained.
    """

    def __init__(self, one: LearnedLikelihood, validity: Validity, prior: Prior) -> None:
        self.one, self.validity, self.prior = one, validity, prior
        self.normalised = one.normalised
        self.log = getattr(one, "log", None)
        if isinstance(one, Differentiable):
            # Set on the instance, so that this has the capability only if `one` has it.
            self.gradient = self._gradient

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        condition = to_tensor(smooth_coordinates(theta, self.prior))
        with torch.no_grad():
            valid = in_chunks(self.validity.log_probability, condition)
        return self.one.log_likelihood(theta, x) + valid

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        recipe, arrays = self.one.state()
        weights = self.validity.state_dict()
        own = {_PREFIX + name: value.numpy() for name, value in weights.items()}
        return {**recipe, "validity": self.validity.net[0].in_features}, {**arrays, **own}

    def _gradient(
        self, points: Array, x: Array, to_theta: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """See `Differentiable.gradient`."""
        assert isinstance(self.one, Differentiable)  # for the type checker
        value, slope = self.one.gradient(points, x, to_theta)
        valid, valid_slope = chained(
            lambda condition: self.validity.log_probability(condition.float()),
            lambda points: smooth_coordinates(to_theta(points), self.prior),
            points,
        )
        finite = np.isfinite(value)[:, np.newaxis]
        return value + valid, np.where(finite, slope + valid_slope, 0.0)


def corrected(
    one: LearnedLikelihood, simulations: Simulations, prior: Prior, seed: int, progress: Progress
) -> LearnedLikelihood:
    """The likelihood times P(valid | θ), where enough simulations failed to learn it.

    Parameters
    ----------
    one : LearnedLikelihood
        Learned from those of the simulations that are valid.
    simulations : Simulations
        All, failed ones included.
    prior : Prior
        In whose box they lie.
    """
    if np.sum(~simulations.valid) < FEWEST:
        return one
    condition = to_tensor(smooth_coordinates(simulations.theta, prior))
    validity = Validity(condition.shape[1], seed)
    valid = to_tensor(simulations.valid[:, np.newaxis].astype(float))
    options = TrainingOptions.model_validate({"steps": STEPS})
    fit(validity, valid, condition, options, integer_seed(seed, "validity"), progress)
    validity.eval()
    return CorrectedLikelihood(one, validity, prior)


def restored(
    one: LearnedLikelihood, recipe: dict[str, Any], weights: dict[str, Array], prior: Prior
) -> LearnedLikelihood:
    """The correction that `CorrectedLikelihood.state` saved, put on the restored likelihood."""
    validity = Validity(int(recipe["validity"]), seed=0)
    return CorrectedLikelihood(one, load_weights(validity, weights, _PREFIX), prior)
