"""Flow matching posterior estimation: `npe` with a vector field in place of a flow."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.estimators._flow import DensityOptions
from sbiwb.estimators._posterior import (
    FlowPosterior,
    learn_posterior,
    restore_posterior,
)
from sbiwb.estimators.base import Estimator
from sbiwb.progress import Progress


class FMPEOptions(DensityOptions):
    """Options of `FMPE`, besides those of training.

    Parameters
    ----------
    draws : int
        Posterior draws.
    hidden : int
        Width of the layers of the vector field.
    blocks : int
        Residual blocks of two layers.
    """

    draws: int = Field(10_000, ge=1)
    hidden: int = Field(128, ge=1)
    blocks: int = Field(3, ge=1)
    steps: int = Field(4000, ge=1)

    def recipe(self, estimator: str, target: int, condition: int) -> dict[str, Any]:
        """All that rebuilds a vector field of `target` numbers given `condition` numbers."""
        return {
            "estimator": estimator,
            "target": target,
            "condition": condition,
            "flow": "matching",
            "hidden": self.hidden,
            "blocks": self.blocks,
        }


class FMPE(Estimator[FMPEOptions]):
    """Flow matching posterior estimation (Wildberger et al. 2023, arXiv:2305.17161).

    Data and parameters are prepared as for `npe`: directions that tell of the parameters, the
    prior's unconstrained space, and a regression whose residual the field models.  Training is
    plain regression and cannot diverge; a density costs some fifty evaluations of the field and
    of its derivatives, where `npe` needs one.
    """

    options_type = FMPEOptions
    learns = "posterior"

    def train(
        self,
        simulations: Simulations,
        prior: Prior,
        options: FMPEOptions,
        seed: int,
        progress: Progress,
    ) -> FlowPosterior:
        """Learn q(θ | x); see `Estimator.train`."""
        return learn_posterior(simulations, prior, options, "fmpe", seed, progress)

    def restore(
        self, recipe: dict[str, Any], weights: dict[str, Array], prior: Prior
    ) -> FlowPosterior:
        """Rebuild a saved posterior; see `Estimator.restore`."""
        return restore_posterior(recipe, weights, prior)
