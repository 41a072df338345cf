"""Members of a mixture ensemble whose entries have networks of their own.

The network of entry k sees the condition and the entries before it, and its mixture may depend on
them in any way: what sharp and crescent-shaped densities need.
"""

from __future__ import annotations

import torch
from torch.nn.functional import silu

from sbiwb.estimators._components import COMPONENTS, drawn, log_density, untrained
from sbiwb.estimators._residual_layers import ResidualLayers

DECAYS = 0.01, 0.7
"""Of members' weights in each step, in units of the learning rate."""


class SeparateLayers(ResidualLayers):
    """members × target residual networks.

    Parameters
    ----------
    target, condition : int
        Numbers in an input and in a condition.
    hidden : int
        Width of the layers of each network.
    members : int
    """

    def __init__(self, target: int, condition: int, hidden: int, members: int) -> None:
        # The network of entry k sees entries before it, and the condition.
        before = torch.ones(target, target).tril(-1)
        mask = torch.cat([before, torch.ones(target, condition)], 1)
        scale = mask.sum(1).clamp(min=1).rsqrt().repeat(members)[:, None, None]
        first = scale * torch.randn(members * target, target + condition, hidden)
        super().__init__(target, members, DECAYS, first, untrained())
        self.mask: torch.Tensor
        self.register_buffer("mask", mask)

    def components(self, t: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """Logits, means and log widths; shape (members, target, 3, components, n)."""
        networks, inputs, hidden = self.first.shape
        seen = self.first * self.mask.repeat(self.members, 1)[:, :, None]
        weights = self._turned(seen).mT.reshape(networks * hidden, inputs)
        products = (weights @ torch.cat([t, c], 1).T).view(networks, hidden, -1)
        return self.beyond(products).view(self.members, self.target, 3, COMPONENTS, len(t))

    def log_prob(self, t: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """See `Members.log_prob`."""
        return log_density(self.turns.mT @ t.T, self.components(t, c)).sum(1)

    def _turned(self, weights: torch.Tensor) -> torch.Tensor:
        """First weights (networks, inputs, hidden) for inputs that are not turned yet."""
        seen, told = weights[:, : self.target], weights[:, self.target :]
        each = self.turns.repeat_interleave(self.target, 0)
        return torch.cat([each @ seen, told], 1)

    def sample(self, member: torch.Tensor, asked: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """See `Members.sample`."""
        groups = [torch.nonzero(member == which)[:, 0] for which in range(self.members)]
        conditions = [c[asked[group]] for group in groups]
        t = torch.zeros(len(member), self.target)
        # The first entry depends on the condition alone.
        each = [self._component(which, 0, c[:, :0], c) for which in range(self.members)]
        t[:, 0] = drawn(torch.stack(each)[member, asked])
        for k in range(1, self.target):
            # Only the network of entry k, and only that of the member, is evaluated.
            numbers = torch.empty(len(t), 3, COMPONENTS)
            for which, (group, own) in enumerate(zip(groups, conditions, strict=True)):
                numbers[group] = self._component(which, k, t[group, :k], own)
            t[:, k] = drawn(numbers)
        for group, turn in zip(groups, self.turns, strict=True):
            t[group] = t[group] @ turn.T
        return t

    def _component(self, member: int, k: int, t: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """`components` of one member and entry, of the entries before it (n, k)."""
        which = member * self.target + k
        first = torch.cat([self.first[which, :k], self.first[which, self.target :]])
        a = silu(torch.addmm(self.first_bias[which], torch.cat([t, c], 1), first))
        for weight, bias in zip(self.blocks, self.block_biases, strict=True):
            a = a + silu(torch.addmm(bias[which], a, weight[which]))
        out = torch.addmm(self.last_bias[which], a, self.last[which])
        return out.reshape(len(t), 3, COMPONENTS)
