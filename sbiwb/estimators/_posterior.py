"""A conditional density q(θ | x) and all that lies between it and an amortised posterior.

The density lives in the prior's unconstrained space z, so no draw leaves the prior and there is no
leakage to correct.  Under it lies a linear regression of θ on x (see `_residuals`).  What the
density is, a flow, a mixture or a vector field, is for the estimators to say.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.estimators._coordinates import fit_coordinates
from sbiwb.estimators._embedding import (
    Embedded,
    Embedding,
    embed,
    standardised,
)
from sbiwb.estimators._flow import (
    DensityOptions,
    build_flow,
    from_weights,
    in_chunks,
    load_weights,
    log_prob,
    see_principal_axes,
    to_tensor,
    to_weights,
    trained,
)
from sbiwb.estimators._regression import Polynomial
from sbiwb.estimators._residuals import ResidualMap, fit_residual_map, no_map
from sbiwb.estimators._scaling import Whitening
from sbiwb.estimators.base import LearnedPosterior
from sbiwb.estimators.training import TrainingLog, check_enough, fit
from sbiwb.progress import Progress
from sbiwb.rng import global_streams

DRAWS_AT_ONCE = 100_000


class Features:
    """An embedding and the standardisation of its data."""

    def __init__(self, embedding: Embedding, mean: Array, sd: Array) -> None:
        self.embedding, self.mean, self.sd = embedding, mean, sd

    def entries(self, x: Array) -> Array:
        """Standardised entries of x (n, *shape); shape (n, entries)."""
        return np.asarray((x.reshape(len(x), -1) - self.mean) / self.sd)

    def __call__(self, x: Array) -> Array:
        """Features of x (n, *shape); shape (n, features)."""
        if len(x) and x.strides[0] == 0:  # one datum, repeated: it is embedded once
            return np.repeat(self(x[:1].copy()), len(x), axis=0)
        return embed(self.embedding, self.entries(x))


class FlowPosterior(LearnedPosterior):
    """q(θ | x) as scaling, regression and a flow on the residual."""

    def __init__(
        self,
        prior: Prior,
        scale: Whitening,
        residuals: ResidualMap,
        flow: Any,
        recipe: dict[str, Any],
        log: TrainingLog | None = None,
        features: Features | None = None,
    ) -> None:
        self.prior, self.scale, self.residuals = prior, scale, residuals
        self.features = features
        self.flow, self.recipe, self.log = flow, recipe, log

    def sample(self, n: int, x: Array, rng: np.random.Generator) -> Array:
        scaled = self.scale(x)
        with global_streams(int(rng.integers(2**63)), "flow"), torch.no_grad():
            residual = in_chunks(
                lambda c: self.flow.sample(torch.Size([n]), condition=c).transpose(0, 1),
                to_tensor(self._condition(scaled, x)),
                rows=max(1, DRAWS_AT_ONCE // n),
            )
        z = self.residuals.unconstrained(residual, scaled)
        return self.prior.from_unconstrained(z.reshape(-1, self.prior.dim)).reshape(z.shape)

    def log_prob(self, theta: Array, x: Array) -> Array:
        scaled = self.scale(x)
        inside = np.isfinite(self.prior.log_prob(theta))
        value = np.full(len(theta), -np.inf)
        if not np.any(inside):
            return value
        theta, scaled, told = theta[inside], scaled[inside], self._condition(scaled, x)[inside]
        residual = self.residuals.residual(self.prior.to_unconstrained(theta), scaled)
        density = log_prob(self.flow, residual, told)
        value[inside] = density + self.residuals.log_abs_det(scaled) - self.prior.log_abs_det(theta)
        return value

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        arrays = {
            **self.scale.arrays("scale"),
            **self.residuals.mean.arrays("mean"),
            "residuals.bounded": self.residuals.bounded,
            "residuals.edge": self.residuals.edge,
            "residuals.whiten": self.residuals.whiten,
            **to_weights(self.flow),
        }
        if self.features is not None:
            weights = self.features.embedding.state_dict()
            arrays |= {f"embedding.{name}": value.numpy() for name, value in weights.items()}
            arrays |= {"features.mean": self.features.mean, "features.sd": self.features.sd}
        return self.recipe, arrays

    def condition(self, x: Array) -> Array:
        """What the flow is conditioned on at data x (m, *shape); shape (m, numbers)."""
        return self._condition(self.scale(x), x)

    def _condition(self, scaled: Array, x: Array) -> Array:
        """What the flow is conditioned on: scaled data, and features if there are any."""
        if self.features is None:
            return scaled
        return np.concatenate([scaled, self.features(x)], axis=1)


def learn_posterior(
    simulations: Simulations,
    prior: Prior,
    options: DensityOptions,
    estimator: str,
    seed: int,
    progress: Progress,
    *,
    regress: bool = True,
) -> FlowPosterior:
    """Learn q(θ | x) from the valid ones among `simulations`.

    `options` say with ``recipe(estimator, target, condition)`` which density is to be built.  If
    not `regress`, it is one of z itself, which no map moves with x.

    Raises
    ------
    InferenceError
        If there are too few of them, or training does not converge.
    """
    usable = simulations.select(simulations.valid)
    check_enough(len(usable))
    kind = getattr(options, "embedding", "none")
    scale = fit_coordinates(
        usable.theta, usable.x, prior, seed, embedded=kind != "none", steps=options.steps
    )
    x = scale(usable.x)
    residuals = (
        fit_residual_map(usable.theta, x, prior, seed) if regress else no_map(x.shape[1], prior)
    )
    target = residuals.residual(prior.to_unconstrained(usable.theta), x)
    if kind == "none":
        recipe = options.recipe(estimator, target.shape[1], x.shape[1])
        flow = build_flow(recipe, seed)
        see_principal_axes(flow, residuals.whiten)
        log = fit(flow, to_tensor(target), to_tensor(x), options, seed, progress)
        return FlowPosterior(prior, scale, residuals, flow, trained(recipe, flow), log)
    shape = usable.x.shape[1:]
    drawn = {"kind": kind, "shape": list(shape), "features": options.features}  # type: ignore[attr-defined]
    recipe = options.recipe(estimator, target.shape[1], x.shape[1] + drawn["features"])
    recipe = {**recipe, "embedding": drawn}
    features = Features(Embedding(drawn, seed), *standardised(usable.x))
    flow = build_flow(recipe, seed)
    see_principal_axes(flow, residuals.whiten)
    both = Embedded(flow, features.embedding, x.shape[1])
    told = np.concatenate([x, features.entries(usable.x)], axis=1)
    log = fit(both, to_tensor(target), to_tensor(told), options, seed, progress)
    return FlowPosterior(prior, scale, residuals, flow, trained(recipe, flow), log, features)


def restore_posterior(
    recipe: dict[str, Any], weights: dict[str, Array], prior: Prior
) -> FlowPosterior:
    """Rebuild a saved posterior; see `Estimator.restore`."""
    residuals = ResidualMap(
        Polynomial.from_arrays(weights, "mean"),
        weights["residuals.bounded"],
        weights["residuals.edge"],
        weights["residuals.whiten"],
    )
    scale = Whitening.from_arrays(weights, "scale")
    flow, features = from_weights(recipe, weights), None
    if "embedding" in recipe:
        embedding = load_weights(Embedding(recipe["embedding"], seed=0), weights, "embedding.")
        features = Features(embedding, weights["features.mean"], weights["features.sd"])
    return FlowPosterior(prior, scale, residuals, flow, recipe, features=features)
