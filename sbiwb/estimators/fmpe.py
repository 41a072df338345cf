"""Flow matching posterior estimation: `npe` with a vector field in place of a flow."""

from __future__ import annotations

from typing import Any

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.core.simulations import Simulations
from sbiwb.estimators._embedding import EmbedsData
from sbiwb.estimators._field_options import FieldOptions
from sbiwb.estimators._posterior import (
    FlowPosterior,
    learn_posterior,
    restore_posterior,
)
from sbiwb.estimators.base import Estimator
from sbiwb.progress import Progress


class FMPEOptions(FieldOptions):
    """Options of `FMPE`: those of a vector field."""

    path = "matching"


class FMPE(EmbedsData, Estimator[FMPEOptions]):
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
