"""Options of estimators whose density is a vector field's."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from sbiwb.estimators._embedding import EmbeddingOptions
from sbiwb.estimators._flow import DensityOptions


class FieldOptions(DensityOptions, EmbeddingOptions):
    """Options of a vector field, besides those of training and of an embedding.

    Parameters
    ----------
    draws : int
        Posterior draws.
    hidden : int
        Width of the layers of the vector field.
    blocks : int
        Residual blocks of two layers.

    Attributes
    ----------
    path : str
        Key of `sbiwb.estimators._matching.PATHS`.
    """

    path: ClassVar[str]
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
            "flow": self.path,
            "hidden": self.hidden,
            "blocks": self.blocks,
        }
