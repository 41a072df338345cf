"""Conditional flows from sbi's builders, and how their weights travel."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError
from sbiwb.estimators._denormals import flushed_denormals
from sbiwb.estimators.training import TrainingOptions
from sbiwb.rng import global_streams, integer_seed

NetworkT = TypeVar("NetworkT", bound=torch.nn.Module)
_PREFIX = "flow."
_CHUNK = 20_000
"""Rows a network sees at once: keeps memory flat, and results independent of the batch."""
SHARED_UP_TO = 64
"""Numbers of which a mixture may have members with shared layers: each pair of them costs an
output, and of so many data the other kind is worth more."""


class DensityOptions(TrainingOptions):
    """Options of training that also say which density is trained."""

    @abstractmethod
    def recipe(self, estimator: str, target: int, condition: int) -> dict[str, Any]:
        """All that rebuilds a density of `target` numbers given `condition` numbers."""


class FlowOptions(DensityOptions):
    """Options that every flow has, besides those of training.

    Parameters
    ----------
    flow : {"maf", "nsf", "mixture"}
        sbi's masked autoregressive flow, or its neural spline flow for sharp or multimodal
        densities; in one dimension the first is only a Gaussian, and the second is used.  Or an
        ensemble of autoregressive mixtures of Gaussians, which trains in less time.
    hidden : int
        Width of its layers.
    transforms : int
        Number of steps of a flow.
    members : int
        Number of mixtures of each kind in the ensemble, before those that are worth nothing
        leave; see `sbiwb.estimators._mixture`.  Of more than 64 numbers there is only one kind.
    """

    flow: Literal["maf", "nsf", "mixture"] = "maf"
    hidden: int = Field(48, ge=1)
    transforms: int = Field(5, ge=1)
    members: int = Field(4, ge=1)

    @field_validator("transforms", "members")
    @classmethod
    def _belongs_to_the_flow(cls, value: int, given: ValidationInfo) -> int:
        flow = given.data.get("flow")  # None if it was not valid itself
        if flow is not None and (flow == "mixture") != (given.field_name == "members"):
            raise PydanticCustomError("flow", f"nothing: flow={flow} does not have it")
        return value

    def recipe(self, estimator: str, target: int, condition: int) -> dict[str, Any]:
        """All that rebuilds a flow of `target` numbers given `condition` numbers."""
        return {
            "estimator": estimator,
            "target": target,
            "condition": condition,
            "flow": "nsf" if target == 1 and self.flow == "maf" else self.flow,
            "hidden": self.hidden,
            "transforms": self.transforms,
            "members": [self.members, self.members if target <= SHARED_UP_TO else 0],
        }


def build_flow(recipe: dict[str, Any], seed: int) -> Any:
    """Build an untrained density estimator, in sbi's sense, of ``target`` given ``condition``.

    sbi's own standardisation is off: data arrive scaled (see `_scaling`).
    """
    if recipe["flow"] == "mixture":
        from sbiwb.estimators._mixture import AutoregressiveMixture

        sizes = (recipe[name] for name in ("target", "condition", "hidden", "members"))
        with global_streams(seed, "weights"):
            return AutoregressiveMixture(*sizes)

    if recipe["flow"] in ("matching", "score"):
        from sbiwb.estimators._matching import PATHS, FlowMatching

        with global_streams(seed, "weights"):
            return FlowMatching(
                recipe["target"],
                recipe["condition"],
                recipe["hidden"],
                recipe["blocks"],
                integer_seed(seed, "noise") // 2,  # it counts upwards from there
                PATHS[recipe["flow"]],
            )

    from sbi.neural_nets.net_builders.flow import build_maf, build_nsf

    builder = {"maf": build_maf, "nsf": build_nsf}[recipe["flow"]]
    with global_streams(seed, "weights"):
        # The builders read shapes off a batch, and nsf needs two rows to do so.
        target, condition = torch.zeros(2, recipe["target"]), torch.zeros(2, recipe["condition"])
        return builder(
            target,
            condition,
            z_score_x="none",
            z_score_y="none",
            hidden_features=recipe["hidden"],
            num_transforms=recipe["transforms"],
        )


def trained(recipe: dict[str, Any], flow: Any) -> dict[str, Any]:
    """What rebuilds a flow after training, in which members of an ensemble may have left."""
    if not hasattr(flow, "parts"):
        return recipe
    return {**recipe, "members": [part.members for part in flow.parts]}


def see_principal_axes(flow: Any, whiten: Array) -> None:
    """Let half of a mixture's members see the principal axes of the data that `whiten` whitened.

    Parameters
    ----------
    flow : density estimator
        Only mixtures have members that may differ; others stay as they are.
    whiten : ndarray, shape (k, k)
        Symmetric; its eigenvectors are the axes.
    """
    if hasattr(flow, "turn_half"):
        flow.turn_half(to_tensor(np.linalg.eigh(whiten)[1]))


def to_weights(flow: Any) -> dict[str, Array]:
    """Weights and buffers of a network as named arrays."""
    return {_PREFIX + name: value.numpy() for name, value in flow.state_dict().items()}


def from_weights(recipe: dict[str, Any], weights: dict[str, Array]) -> Any:
    """Rebuild a flow from its recipe and `to_weights`.

    Raises
    ------
    DataError
        If the recipe is not one of this version, or the weights do not fit it.
    """
    try:
        flow = build_flow(recipe, seed=0)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            "saved recipe is none of this version of sbiwb",
            got=recipe,
            remedy="train again, or read it with the version that wrote it",
        ) from error
    return load_weights(flow, weights)


def load_weights(network: NetworkT, weights: dict[str, Array], prefix: str = _PREFIX) -> NetworkT:
    """Give a network, freshly built, the weights that `to_weights` saved.

    Raises
    ------
    DataError
        If the weights do not fit the recipe.
    """
    state = {
        name.removeprefix(prefix): torch.from_numpy(np.array(value))
        for name, value in weights.items()
        if name.startswith(prefix)
    }
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise DataError("saved weights do not fit the saved recipe", got=error) from error
    network.eval()
    return network


def to_tensor(array: Array) -> torch.Tensor:
    """Scaled data as the float32 that networks work in."""
    return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32)


def log_prob(flow: Any, inputs: Array, condition: Array) -> Array:
    """log q(inputs_i | condition_i) of a density estimator, row by row; shape (n,)."""
    with torch.no_grad():
        return in_chunks(
            lambda i, c: flow.log_prob(i.unsqueeze(0), condition=c).squeeze(0),
            to_tensor(inputs),
            to_tensor(condition),
            rows=getattr(flow, "rows_at_once", _CHUNK),
        )


def in_chunks(
    function: Callable[..., torch.Tensor], *tensors: torch.Tensor, rows: int = _CHUNK
) -> Array:
    """Apply a network function to rows in chunks; float64 out."""
    with flushed_denormals(), warnings.catch_warnings():
        # nflows inverts spline flows with a function that Torch deprecates.
        warnings.filterwarnings("ignore", "torch.triangular_solve is deprecated", UserWarning)
        parts = [
            function(*(t[start : start + rows] for t in tensors))
            for start in range(0, len(tensors[0]), rows)
        ]
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)
