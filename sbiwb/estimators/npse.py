"""Neural posterior score estimation: a diffusion model of the parameters."""

from __future__ import annotations

from typing import Any, Literal

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


class NPSEOptions(FieldOptions):
    """Options of `NPSE`, besides those of a vector field.

    Parameters
    ----------
    several : {"learned", "composed"}
        How several independent data, the ``repeats=`` of a problem, are answered: by a network that
        learned from whole sets, or by one of single data, whose scores are composed.
    """

    path = "score"
    several: Literal["learned", "composed"] = "learned"

    def recipe(self, estimator: str, target: int, condition: int) -> dict[str, Any]:
        return {**super().recipe(estimator, target, condition), "several": self.several}


class NPSE(EmbedsData, Estimator[NPSEOptions]):
    """Neural posterior score estimation (Sharrock et al. 2024, arXiv:2210.04872).

    Parameters are diffused to noise at constant variance, t = sin φ t₁ + cos φ t₀ at time
    s = 2 φ / π, and denoising score matching learns the score of every t.  What the network gives
    is the velocity v = cos φ t₁ − sin φ t₀ (Salimans & Ho 2022, arXiv:2202.00512), which is as
    large at all times; the score is v tan φ − t.  Draws and exact densities come from the
    probability-flow equation dt/dφ = v (Song et al. 2021, arXiv:2011.13456), solved as that of
    `fmpe` is.  Scores of single data may be composed, see `sbiwb.estimators._composition`.
    """

    options_type = NPSEOptions
    learns = "posterior"

    def learns_one_datum(self, options: NPSEOptions) -> bool:
        """See `Estimator.learns_one_datum`."""
        return options.several == "composed"

    def train(
        self,
        simulations: Simulations,
        prior: Prior,
        options: NPSEOptions,
        seed: int,
        progress: Progress,
    ) -> FlowPosterior:
        """Learn q(θ | x); see `Estimator.train`."""
        # Scores can be composed where all data have the same noise added: in z itself.
        regress = not self.learns_one_datum(options)
        return learn_posterior(simulations, prior, options, "npse", seed, progress, regress=regress)

    def restore(
        self, recipe: dict[str, Any], weights: dict[str, Array], prior: Prior
    ) -> FlowPosterior:
        """Rebuild a saved posterior; see `Estimator.restore`."""
        return restore_posterior(recipe, weights, prior)
