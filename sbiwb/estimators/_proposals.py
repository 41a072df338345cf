"""The choice that methods have which learn the likelihood: simulations may come from anywhere."""

from __future__ import annotations

from typing import Literal

from sbiwb.estimators.training import TrainingOptions


class ProposalOptions(TrainingOptions):
    """Options of estimators of the likelihood, besides those of training.

    Parameters
    ----------
    proposal : {"truncated", "posterior"}
        Where rounds after the first simulate: at draws of the prior in a box around the posterior
        found so far, or mostly at draws of that posterior, see `sbiwb.rounds`.
    """

    proposal: Literal["truncated", "posterior"] = "truncated"
