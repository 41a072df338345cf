"""Neural ratio estimation: a classifier that knows p(x | θ) / p(x), for a sampler to draw with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.estimators._contrast import Contrast
from sbiwb.estimators._coordinates import fit_coordinates
from sbiwb.estimators._flow import in_chunks, load_weights, to_tensor, to_weights
from sbiwb.estimators._proposals import ProposalOptions
from sbiwb.estimators._scaling import Whitening, linear_coordinates
from sbiwb.estimators.base import Estimator, LearnedLikelihood
from sbiwb.estimators.training import TrainingLog, check_enough, fit
from sbiwb.likelihoods._gradients import chained
from sbiwb.progress import Progress
from sbiwb.rng import global_streams

BINARY = ("nre_a", "balanced")
"""Contrasts of a pair that belongs together and one that does not."""


class NREOptions(ProposalOptions):
    """Options of `NRE`, besides those of training and of rounds.

    Parameters
    ----------
    contrast : {"nre_a", "nre_b", "nre_c", "balanced"}
        What the classifier is asked, see `sbiwb.estimators._contrast`.
    contrasts : int
        Wrong parameters that every datum is shown; ``nre_a`` and ``balanced`` have one.
    hidden : int
        Width of the layers.
    blocks : int
        Residual blocks of two layers.
    """

    contrast: Literal["nre_a", "nre_b", "nre_c", "balanced"] = "nre_b"
    contrasts: int | None = Field(None, ge=1)
    hidden: int = Field(64, ge=1)
    blocks: int = Field(2, ge=1)

    @field_validator("contrasts")
    @classmethod
    def _belongs_to_the_contrast(cls, value: int | None, given: ValidationInfo) -> int | None:
        if given.data.get("contrast") in BINARY and value not in (None, 1):
            raise PydanticCustomError("contrast", f"1: contrast={given.data['contrast']} has one")
        return value

    @property
    def shown(self) -> int:
        """Wrong parameters that every datum is shown."""
        return self.contrasts or (1 if self.contrast in BINARY else 9)


class RatioLikelihood(LearnedLikelihood):
    """log p(x | θ) / p(x): a likelihood for any sampler, without an evidence."""

    normalised = False

    def __init__(
        self,
        prior: Prior,
        scale: Whitening,
        network: Contrast,
        recipe: dict[str, Any],
        log: TrainingLog | None = None,
    ) -> None:
        self.prior, self.scale, self.network = prior, scale, network
        self.recipe, self.log = recipe, log

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        condition = linear_coordinates(theta, self.prior)
        with torch.no_grad():
            value = in_chunks(
                self.network.log_ratio, to_tensor(self.scale(x)), to_tensor(condition)
            )
        # Far from all training data float32 overflows; there the data are impossible.
        return np.where(np.isfinite(value), value, -np.inf)

    def gradient(
        self, points: Array, x: Array, to_theta: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """See `sbiwb.likelihoods.base.Differentiable`."""
        data = to_tensor(self.scale(x))
        value, gradient = chained(
            lambda condition: self.network.log_ratio(data, condition.float()),
            lambda points: linear_coordinates(to_theta(points), self.prior),
            points,
        )
        return np.where(np.isfinite(value), value, -np.inf), gradient

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        return self.recipe, {**self.scale.arrays("scale"), **to_weights(self.network)}


class NRE(Estimator[NREOptions]):
    """Neural ratio estimation with a residual classifier.

    References
    ----------
    Hermans et al. 2020, arXiv:1903.04057; Durkan et al. 2020, arXiv:2002.03712; Miller et al.
    2022, arXiv:2210.06170; Delaunoy et al. 2022, arXiv:2208.13624.
    """

    options_type = NREOptions
    learns = "likelihood"

    def train(
        self,
        simulations: Simulations,
        prior: Prior,
        options: NREOptions,
        seed: int,
        progress: Progress,
    ) -> RatioLikelihood:
        """Learn log p(x | θ) / p(x); see `Estimator.train`."""
        usable = simulations.select(simulations.valid)
        check_enough(len(usable))
        condition = linear_coordinates(usable.theta, prior)
        scale = fit_coordinates(usable.theta, usable.x, prior, seed, steps=options.steps)
        recipe = {
            "estimator": "nre",
            "data": scale.dim,
            "parameters": condition.shape[1],
            "contrast": options.contrast,
            "contrasts": options.shown,
            "hidden": options.hidden,
            "blocks": options.blocks,
        }
        network = _build(recipe, seed)
        x, theta = to_tensor(scale(usable.x)), to_tensor(condition)
        log = fit(network, x, theta, options, seed, progress)
        return RatioLikelihood(prior, scale, network, recipe, log)

    def restore(
        self, recipe: dict[str, Any], weights: dict[str, Array], prior: Prior
    ) -> RatioLikelihood:
        """Rebuild a saved ratio; see `Estimator.restore`."""
        network = load_weights(_build(recipe, seed=0), weights)
        return RatioLikelihood(prior, Whitening.from_arrays(weights, "scale"), network, recipe)


def _build(recipe: dict[str, Any], seed: int) -> Contrast:
    """Build an untrained classifier of scaled data and parameters."""
    from sbi.neural_nets.net_builders.classifier import build_resnet_classifier

    with global_streams(seed, "weights"):
        net = build_resnet_classifier(
            torch.zeros(2, recipe["parameters"]),
            torch.zeros(2, recipe["data"]),
            z_score_x="none",
            z_score_y="none",
            hidden_features=recipe["hidden"],
            num_blocks=recipe["blocks"],
        )
    return Contrast(net, recipe["contrast"], recipe["contrasts"])
