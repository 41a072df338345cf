"""Members of a mixture ensemble whose entries share all layers but the last.

The network sees the condition alone.  It gives each entry a mixture, and by how much the entries
before it move that mixture, in proportion: a Gaussian of any covariance, whose independent parts
need not be Gaussian.  Entries that are functions of the same features of the condition are learned
from fewer simulations so, and in a fraction of the time, than each by a network of its own.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import silu

from sbiwb.estimators._components import (
    COMPONENTS,
    NUMBERS,
    SPREAD,
    drawn,
    log_density,
    untrained,
)
from sbiwb.estimators._members import Members

BLOCKS = 2
DECAYS = 0.01, 0.1
"""Of members' weights in each step, in units of the learning rate."""


class SharedLayers(Members):
    """Residual networks, one for each member, as one batch of matrices.

    Parameters
    ----------
    target, condition : int
        Numbers in an input and in a condition.
    hidden : int
        Width of the layers.
    members : int
    """

    def __init__(self, target: int, condition: int, hidden: int, members: int) -> None:
        super().__init__(target, members, DECAYS)
        self.later, self.earlier = torch.tril_indices(target, target, -1)
        scale = 1 / math.sqrt(max(condition, 1))
        self.first = nn.Parameter(scale * torch.randn(members, condition, hidden))
        self.first_bias = nn.Parameter(SPREAD * torch.randn(members, 1, hidden))
        blocks = torch.randn(BLOCKS, members, hidden, hidden) / math.sqrt(hidden)
        self.blocks = nn.ParameterList(block.clone() for block in blocks)
        self.block_biases = nn.ParameterList(torch.zeros(members, 1, hidden) for _ in range(BLOCKS))
        start = torch.cat([untrained().repeat(target), torch.zeros(len(self.later))])
        self.last = nn.Parameter(0.01 * torch.randn(members, hidden, len(start)))
        self.last_bias = nn.Parameter(start.repeat(members, 1, 1))

    def log_prob(self, t: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """See `Members.log_prob`."""
        numbers, slopes = self._given(c)
        turned = self.turns.mT @ t.T
        moved = slopes * turned[:, self.earlier]
        own = turned - torch.zeros_like(turned).index_add(1, self.later, moved)
        return log_density(own, numbers).sum(1)

    def sample(self, member: torch.Tensor, asked: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """See `Members.sample`."""
        numbers, slopes = (given.movedim(-1, 1) for given in self._given(c))
        t = torch.empty(len(member), self.target)
        for k in range(self.target):
            own = slopes[:, :, self.later == k][member, asked]
            t[:, k] = drawn(numbers[:, :, k][member, asked]) + (own * t[:, :k]).sum(1)
        for which, turn in enumerate(self.turns):
            t[member == which] = t[member == which] @ turn.T
        return t

    def _given(self, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What conditions (n, k) say.

        Returns
        -------
        numbers : torch.Tensor, shape (members, target, 3, components, n)
            Of each entry's mixture.
        slopes : torch.Tensor, shape (members, pairs, n)
            By how much an earlier entry moves a later one.
        """
        a = silu(self.first.mT @ c.T + self.first_bias.mT)
        for weight, bias in zip(self.blocks, self.block_biases, strict=True):
            a = a + silu(torch.baddbmm(bias.mT, weight.mT, a))
        out = torch.baddbmm(self.last_bias.mT, self.last.mT, a)
        numbers = out[:, : self.target * NUMBERS]
        slopes = out[:, self.target * NUMBERS :]
        return numbers.view(self.members, self.target, 3, COMPONENTS, len(c)), slopes
