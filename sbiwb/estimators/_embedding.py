"""Embedding networks: features of the data, learned together with the density.

Projections see what the mean or the covariance of the data tells (see `_directions`).  Of a series
with an unknown phase, or a blob somewhere in an image, that is little; a network sees more.
"""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from sbiwb.core.distributions import Array
from sbiwb.core.options import Options
from sbiwb.errors import UsageError
from sbiwb.estimators._flow import in_chunks, to_tensor
from sbiwb.rng import global_streams

CHANNELS_UP_TO = 8
"""Of data with two axes, a first one that short counts channels of a series; others are images."""
SHORTEST = 16
"""Entries along an axis that two convolutions need."""
WIDTH = 64


class EmbeddingOptions(Options):
    """Options of estimators whose condition may be embedded.

    Parameters
    ----------
    embedding : {"none", "mlp", "cnn", "set"}
        A network of the data that is trained with the density: layers of all entries, convolutions
        along series or images, or one that does not see the order of the rows (Zaheer et al. 2017,
        arXiv:1703.06114).  Its features join the projections of the data.
    features : int
        Numbers that it gives.
    """

    embedding: Literal["none", "mlp", "cnn", "set"] = "none"
    features: int = Field(16, ge=1)


class EmbedsData:
    """Of estimators with `EmbeddingOptions`: data have a shape that can be embedded."""

    def check_data(self, shape: tuple[int, ...], options: EmbeddingOptions) -> None:
        """See `sbiwb.estimators.base.Estimator.check_data`."""
        if options.embedding != "none":
            check_layout(options.embedding, shape)


class Embedding(nn.Module):
    """A network of standardised data (n, entries), of sbi's.

    Parameters
    ----------
    recipe : mapping
        ``kind``, ``shape`` of the data and number of ``features``.
    seed : int
        Of its weights.
    """

    def __init__(self, recipe: dict[str, Any], seed: int) -> None:
        super().__init__()
        self.shape = _layout(recipe["kind"], tuple(recipe["shape"]))
        with global_streams(seed, "embedding"):
            self.net = _build(recipe["kind"], self.shape, recipe["features"])

    def forward(self, entries: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.net(entries.reshape(len(entries), *self.shape))
        return features


class Embedded(nn.Module):
    """A density whose condition is partly embedded, as the training loop wants it.

    Conditions are `told` numbers that pass as they are, and then the entries of the data.  The
    learning rate is the usual one, whatever suits the density: convolutions bear less.
    """

    def __init__(self, density: Any, embedding: Embedding, told: int) -> None:
        super().__init__()
        self.density, self.embedding, self.told = density, embedding, told
        self.random_loss = bool(getattr(density, "random_loss", False))

    def loss(self, input: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Loss of each row; shape (n,)."""
        loss: torch.Tensor = self.density.loss(input, condition=self._whole(condition))
        return loss

    def weigh(self, input: torch.Tensor, condition: torch.Tensor) -> None:
        """Weigh the members of an ensemble; a single density stays as it is."""
        if hasattr(self.density, "weigh"):
            self.density.weigh(input, self._whole(condition))

    def _whole(self, condition: torch.Tensor) -> torch.Tensor:
        told, entries = condition[:, : self.told], condition[:, self.told :]
        return torch.cat([told, self.embedding(entries)], 1)


def embed(embedding: Embedding, entries: Array) -> Array:
    """Features of standardised data (n, entries); shape (n, features)."""
    embedding.eval()
    with torch.no_grad():
        return in_chunks(embedding, to_tensor(entries), rows=1000)


def check_layout(kind: str, shape: tuple[int, ...]) -> None:
    """Raise `UsageError` if data of this shape cannot be embedded so."""
    axes = len(shape) in (1, 2, 3)
    if kind == "cnn" and not (axes and min(_layout(kind, shape)[1:]) >= SHORTEST):
        raise UsageError(
            "embedding=cnn cannot see data of this shape",
            got=shape,
            expected=f"a series, channels of series, an image or channels of images, each axis of "
            f"at least {SHORTEST}",
            remedy="take embedding=mlp",
        )
    if kind == "set" and len(shape) < 2:
        raise UsageError("embedding=set needs data with rows", got=shape, expected="(rows, …)")


def _layout(kind: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape that a network of this kind takes data in."""
    if kind == "mlp":
        return (prod(shape),)
    if kind == "set":
        return (shape[0] if shape else 1, prod(shape[1:]))
    channels = len(shape) == 3 or (len(shape) == 2 and shape[0] <= CHANNELS_UP_TO)
    return shape if channels else (1, *shape)


def _build(kind: str, shape: tuple[int, ...], features: int) -> nn.Module:
    from sbi.neural_nets.embedding_nets import (
        CNNEmbedding,
        FCEmbedding,
        PermutationInvariantEmbedding,
    )

    wide = {"num_hiddens": WIDTH, "num_layers": 2}
    if kind == "mlp":
        net = FCEmbedding(shape[0], features, **wide)
    elif kind == "set":
        each = FCEmbedding(shape[1], WIDTH, **wide)
        net = PermutationInvariantEmbedding(
            each, WIDTH, aggregation_fn="mean", output_dim=features, **wide
        )
    else:
        net = CNNEmbedding(
            shape[1:],
            in_channels=shape[0],
            out_channels_per_layer=[16, 32],
            num_linear_units=WIDTH,
            output_dim=features,
        )
    built: nn.Module = net
    return built


def standardised(x: Array) -> tuple[Array, Array]:
    """Mean and scale (entries,) of the flattened data x (n, *shape); entries that never vary: 1."""
    flat = x.reshape(len(x), -1)
    sd = flat.std(axis=0)
    return flat.mean(axis=0), np.where(sd > 0, sd, 1.0)
