"""Neural posterior estimation: a conditional flow q(θ | x), truncated rather than re-weighted."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.estimators._embedding import EmbeddingOptions, EmbedsData
from sbiwb.estimators._flow import FlowOptions
from sbiwb.estimators._posterior import FlowPosterior, learn_posterior, restore_posterior
from sbiwb.estimators.base import Estimator
from sbiwb.progress import Progress


class NPEOptions(FlowOptions, EmbeddingOptions):
    """Options of `NPE`, besides those of its embedding and of its flow, a mixture by default.

    Parameters
    ----------
    draws : int
        Posterior draws.
    """

    draws: int = Field(10_000, ge=1)
    flow: Literal["maf", "nsf", "mixture"] = "mixture"


class NPE(EmbedsData, Estimator[NPEOptions]):
    """Neural posterior estimation with a normalising flow.

    References
    ----------
    Papamakarios & Murray 2016, arXiv:1605.06376; Greenberg et al. 2019, arXiv:1905.07488;
    truncation instead of proposal correction: Deistler et al. 2022, arXiv:2210.04815.
    """

    options_type = NPEOptions
    learns = "posterior"

    def train(
        self,
        simulations: Simulations,
        prior: Prior,
        options: NPEOptions,
        seed: int,
        progress: Progress,
    ) -> FlowPosterior:
        """Learn q(θ | x); see `Estimator.train`."""
        return learn_posterior(simulations, prior, options, "npe", seed, progress)

    def restore(
        self, recipe: dict[str, Any], weights: dict[str, Array], prior: Prior
    ) -> FlowPosterior:
        """Rebuild a saved posterior; see `Estimator.restore`."""
        return restore_posterior(recipe, weights, prior)
