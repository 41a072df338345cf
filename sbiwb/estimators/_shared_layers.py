"""Members of a mixture ensemble whose entries share all layers but the last.

The network sees the condition alone.  It gives each entry a mixture, and by how much the entries
before it move that mixture, in proportion: a Gaussian of any covariance, whose independent parts
need not be Gaussian.  Entries that are functions of the same features of the condition are learned
from fewer simulations so, and in a fraction of the time, than each by a network of its own.
"""

from __future__ import annotations

import math

import torch

from sbiwb.estimators._components import COMPONENTS, NUMBERS, drawn, log_density, untrained
from sbiwb.estimators._residual_layers import ResidualLayers

DECAYS = 0.01, 0.1
"""Of members' weights in each step, in units of the learning rate."""


class SharedLayers(ResidualLayers):
    """Residual networks, one for each member.

    Parameters
    ----------
    target, condition : int
        Numbers in an input and in a condition.
    hidden : int
        Width of the layers.
    members : int
    """

    def __init__(self, target: int, condition: int, hidden: int, members: int) -> None:
        scale = 1 / math.sqrt(max(condition, 1))
        first = scale * torch.randn(members, condition, hidden)
        later, earlier = torch.tril_indices(target, target, -1)
        outputs = torch.cat([untrained().repeat(target), torch.zeros(len(later))])
        super().__init__(target, members, DECAYS, first, outputs)
        self.later, self.earlier = later, earlier

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
        out = self.beyond(self.first.mT @ c.T)
        numbers = out[:, : self.target * NUMBERS]
        slopes = out[:, self.target * NUMBERS :]
        return numbers.view(self.members, self.target, 3, COMPONENTS, len(c)), slopes
