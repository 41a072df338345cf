"""The residual networks that members of either kind are, as one batch of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import silu

from sbiwb.estimators._components import SPREAD
from sbiwb.estimators._members import Members

BLOCKS = 2


class ResidualLayers(Members):
    """Members with one or several residual networks each.

    Parameters
    ----------
    target, members, decays
        See `Members`.
    first : torch.Tensor, shape (networks, inputs, hidden)
        Weights to start from, of the first layer.
    outputs : torch.Tensor, shape (outputs,)
        What every network says before training, nearly.
    """

    def __init__(
        self,
        target: int,
        members: int,
        decays: Sequence[float],
        first: torch.Tensor,
        outputs: torch.Tensor,
    ) -> None:
        super().__init__(target, members, decays)
        networks, _, hidden = first.shape
        self.first = nn.Parameter(first)
        self.first_bias = nn.Parameter(SPREAD * torch.randn(networks, 1, hidden))
        blocks = torch.randn(BLOCKS, networks, hidden, hidden) / math.sqrt(hidden)
        self.blocks = nn.ParameterList(block.clone() for block in blocks)
        self.block_biases = nn.ParameterList(
            torch.zeros(networks, 1, hidden) for _ in range(BLOCKS)
        )
        self.last = nn.Parameter(0.01 * torch.randn(networks, hidden, len(outputs)))
        self.last_bias = nn.Parameter(outputs.repeat(networks, 1, 1))

    def beyond(self, products: torch.Tensor) -> torch.Tensor:
        """Outputs (networks, outputs, n) from products with the first weights (…, hidden, n).

        Rows come last, so that what is done entry by entry runs along memory.
        """
        a = silu(products + self.first_bias.mT)
        for weight, bias in zip(self.blocks, self.block_biases, strict=True):
            a = a + silu(torch.baddbmm(bias.mT, weight.mT, a))
        return torch.baddbmm(self.last_bias.mT, self.last.mT, a)
