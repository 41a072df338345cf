"""Neural likelihood estimation: a conditional flow q(x | θ), for a sampler to draw from.

Under the flow lies a polynomial regression of the data on the parameters (see `_regression`), so
that the network learns only what a smooth mean with constant noise does not explain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
import torch
from pydantic import Field

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.estimators._coordinates import fit_targets
from sbiwb.estimators._entries import connected_entries
from sbiwb.estimators._flow import (
    FlowOptions,
    build_flow,
    from_weights,
    log_prob,
    see_principal_axes,
    to_tensor,
    to_weights,
    trained,
)
from sbiwb.estimators._proposals import ProposalOptions
from sbiwb.estimators._regression import Polynomial, whitening_matrix
from sbiwb.estimators._scaling import (
    Whitening,
    linear_coordinates,
    smooth_coordinates,
)
from sbiwb.estimators.base import Estimator, LearnedLikelihood
from sbiwb.estimators.training import TrainingLog, check_enough, fit
from sbiwb.likelihoods._gradients import chained
from sbiwb.progress import Progress
from sbiwb.rng import stream

MIXTURE_UP_TO = 256


class NLEOptions(FlowOptions, ProposalOptions):
    """Options of `NLE`: those of its density, which is small because chains evaluate it so often.

    It is a mixture by default, or, of more than 256 numbers, where a mixture's many networks would
    be slow, a masked autoregressive flow.

    Parameters
    ----------
    entries : {"connected", "all"}
        Which data are described: those connected with the parameters, see
        `sbiwb.estimators._entries`, or all, which an evidence needs: `sbiwb.infer` takes all by
        default for samplers that give one.
    """

    flow: Literal["maf", "nsf", "mixture"] = "mixture"
    entries: Literal["connected", "all"] = "connected"
    hidden: int = Field(32, ge=1)
    transforms: int = Field(2, ge=1)

    def recipe(self, estimator: str, target: int, condition: int) -> dict[str, Any]:
        chosen = {"flow", "members"} & self.model_fields_set
        if target > MIXTURE_UP_TO and not chosen:
            return self.model_copy(update={"flow": "maf"}).recipe(estimator, target, condition)
        return super().recipe(estimator, target, condition)


def dequantised(x: Array, seed: int) -> Array:
    """Data (n, *shape) with noise of ±½ on entries that count: whole numbers in all rows.

    A density of counts has no bound, it piles up on single numbers.  Spread over the unit cells
    around them, it is their probability (Theis, van den Oord & Bethge 2016, arXiv:1511.01844).
    """
    counts = np.all(x == np.round(x), axis=0) & (np.ptp(x, axis=0) > 0)
    if not counts.any():
        return x
    return np.asarray(x + counts * stream(seed, "dequantise").uniform(-0.5, 0.5, x.shape))


class FlowLikelihood(LearnedLikelihood):
    """q(x | θ) as scaling, regression and a flow on the residual.

    Entries of x that were constant in training are left out: they carry no information.  So are
    those that have nothing to do with θ; then it is no density of all of x, and not `normalised`.
    """

    def __init__(
        self,
        prior: Prior,
        scale: Whitening,
        mean: Polynomial,
        whiten: Array,
        flow: Any,
        recipe: dict[str, Any],
        log: TrainingLog | None = None,
    ) -> None:
        self.prior, self.scale, self.mean, self.whiten = prior, scale, mean, whiten
        self.flow, self.recipe, self.log = flow, recipe, log
        self._whiten_log_det = float(np.linalg.slogdet(whiten)[1])
        self.normalised = not recipe.get("left_out")

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        condition = smooth_coordinates(theta, self.prior)
        residual = (self.scale(x) - self.mean(condition)) @ self.whiten
        density = log_prob(self.flow, residual, condition)
        # Far from all training data float32 overflows; there the data are impossible.
        return np.where(np.isfinite(density), density + self._log_abs_det(x), -np.inf)

    def gradient(
        self, points: Array, x: Array, to_theta: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """See `sbiwb.likelihoods.base.Differentiable`."""
        data, k = torch.tensor(self.scale(x) @ self.whiten), self.whiten.shape[1]

        def inputs(points: Array) -> Array:
            condition = smooth_coordinates(to_theta(points), self.prior)
            return np.concatenate([self.mean(condition) @ self.whiten, condition], axis=1)

        def log_likelihood(inputs: torch.Tensor) -> torch.Tensor:
            residual, condition = (data - inputs[:, :k]).float(), inputs[:, k:].float()
            value = self.flow.log_prob(residual.unsqueeze(0), condition=condition)
            return cast(torch.Tensor, value)[0]

        density, gradient = chained(log_likelihood, inputs, points)
        value = np.where(np.isfinite(density), density + self._log_abs_det(x), -np.inf)
        return value, gradient

    def _log_abs_det(self, x: Array) -> Array:
        """log |d residual / d x|; shape (n,)."""
        return self.scale.log_abs_det(x) + self._whiten_log_det

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        arrays = {
            **self.scale.arrays("scale"),
            **self.mean.arrays("mean"),
            "whiten": self.whiten,
            **to_weights(self.flow),
        }
        return self.recipe, arrays


class NLE(Estimator[NLEOptions]):
    """Neural likelihood estimation with a normalising flow.

    References
    ----------
    Papamakarios, Sterratt & Murray 2019, arXiv:1805.07226.
    """

    options_type = NLEOptions
    learns = "likelihood"

    def train(
        self,
        simulations: Simulations,
        prior: Prior,
        options: NLEOptions,
        seed: int,
        progress: Progress,
    ) -> FlowLikelihood:
        """Learn q(x | θ); see `Estimator.train`."""
        usable = simulations.select(simulations.valid)
        check_enough(len(usable))
        data = dequantised(usable.x, seed)
        told = linear_coordinates(usable.theta, prior)
        kept = connected_entries(told, data, seed) if options.entries == "connected" else None
        condition = smooth_coordinates(usable.theta, prior)
        local = options.proposal == "posterior"
        scale, mean = fit_targets(condition, data, kept, seed, local=local)
        x = scale(data)
        whiten = whitening_matrix(x - mean(condition))
        target = (x - mean(condition)) @ whiten
        left_out = int(np.sum(np.ptp(data.reshape(len(data), -1), axis=0) > 0)) - len(scale.kept)
        recipe = options.recipe("nle", target.shape[1], condition.shape[1])
        recipe = {**recipe, "left_out": left_out}
        flow = build_flow(recipe, seed)
        see_principal_axes(flow, whiten)
        log = fit(flow, to_tensor(target), to_tensor(condition), options, seed, progress)
        return FlowLikelihood(prior, scale, mean, whiten, flow, trained(recipe, flow), log)

    def restore(
        self, recipe: dict[str, Any], weights: dict[str, Array], prior: Prior
    ) -> FlowLikelihood:
        """Rebuild a saved likelihood; see `Estimator.restore`."""
        return FlowLikelihood(
            prior,
            Whitening.from_arrays(weights, "scale"),
            Polynomial.from_arrays(weights, "mean"),
            weights["whiten"],
            from_weights(recipe, weights),
            recipe,
        )
