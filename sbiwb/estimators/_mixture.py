"""An ensemble of autoregressive mixtures: q(t | c) = Π_k q(t_k | t_<k, c), each a Gaussian mixture.

One layer of flexible one-dimensional densities is as general as a stack of simple transforms, and
takes a fraction of the operations (Uria, Murray & Larochelle 2013, arXiv:1306.0186).  The networks
of all members of a kind are one batched product, so that an ensemble costs little more than its
arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sbi.neural_nets.estimators.base import ConditionalDensityEstimator
from torch import nn

from sbiwb.estimators._members import WORTHLESS, Members, parts, stacked
from sbiwb.estimators._separate_layers import SeparateLayers
from sbiwb.estimators._shared_layers import SharedLayers

WIDER = 2
LEAST_BATCH, RISING = 32, 1 / 3
"""The learning rate rises with the batch to this power, between none and a square root."""


class AutoregressiveMixture(ConditionalDensityEstimator):  # type: ignore[misc]
    """Members of two kinds that are trained side by side and averaged as densities, by weight.

    Parameters
    ----------
    target, condition : int
        Numbers in an input and in a condition.
    hidden : int
        Width of the layers of a network for one entry; those that are shared are wider.
    members : sequence of int, of length 2
        Networks with `SeparateLayers` and with `SharedLayers`.  Those of a kind differ in their
        first weights; in how strongly decay holds them near zero, which smooth densities of many
        numbers want and sharp ones do not bear; and see `turn_half`.  What each is worth is found
        by `weigh`.
    """

    rows_at_once = 256  # what lies between the layers then stays in the processor's cache

    def __init__(self, target: int, condition: int, hidden: int, members: Sequence[int]) -> None:
        separate, shared = members
        kinds = [
            SeparateLayers(target, condition, hidden, separate),
            SharedLayers(target, condition, WIDER * hidden, shared),
        ]
        super().__init__(nn.ModuleList(kinds), torch.Size([target]), torch.Size([condition]))
        self.weights: torch.Tensor
        self.register_buffer("weights", torch.full((self.members,), 1 / self.members))

    @staticmethod
    def learning_rate(batch: int) -> float:
        """Peak of the learning rate for batches of so many rows: larger ones bear more."""
        return float(1e-2 * (batch / LEAST_BATCH) ** RISING)

    @property
    def parts(self) -> list[Members]:
        """Members of each kind, of which there may be none."""
        return list(self.net)

    @property
    def members(self) -> int:
        """Number of networks."""
        return sum(part.members for part in self.parts)

    @property
    def weight_decay(self) -> torch.Tensor:
        """Decay of each member's weights, in units of the learning rate; shape (members,)."""
        return torch.cat([part.decays for part in self.parts])

    def keep(self, members: torch.Tensor) -> None:
        """Drop other members than these, a mask (members,)."""
        for part, rows in parts(self):
            part.keep(members[rows])
        self.weights = self.weights[members]

    def turn_half(self, turn: torch.Tensor) -> None:
        """Let every second member see inputs turned by an orthogonal matrix (target, target).

        Which coordinates suit a density that is written entry by entry is not known beforehand;
        members in either make an ensemble that is nearly as good as the better ones.
        """
        for part in self.parts:
            part.turns[1::2] = turn

    def log_prob(self, input: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """log q(input | condition) of inputs (s, n, target); shape (s, n)."""
        repeated = condition.expand(len(input), *condition.shape).flatten(0, 1)
        each = -self.losses(input.flatten(0, 1), repeated)
        value = torch.logsumexp(each + torch.log(self.weights)[:, None], 0)
        return value.reshape(input.shape[:2])

    def losses(self, input: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """−log q of each member; shape (members, n)."""
        some = [part for part in self.parts if part.members]
        return -torch.cat([part.log_prob(input, condition) for part in some])

    def loss(self, input: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Mean over members of −log q; shape (n,)."""
        return self.losses(input, condition).mean(0)

    def weigh(self, input: torch.Tensor, condition: torch.Tensor) -> None:
        """Weigh the members as held-out pairs ask for, and drop those that are worth nothing."""
        log_prob = -self.losses(input, condition)
        worthy = ~(stacked(log_prob) < WORTHLESS)
        self.keep(worthy)
        self.weights.copy_(stacked(log_prob[worthy]))

    def sample(self, sample_shape: torch.Size, condition: torch.Tensor) -> torch.Tensor:
        """Draws of shape (s, n, target)."""
        n, m = sample_shape.numel(), len(condition)
        member = torch.multinomial(self.weights, n * m, replacement=True)
        asked = torch.arange(m).repeat_interleave(n)
        draws = condition.new_empty(n * m, *self.input_shape)
        for part, rows in parts(self):
            own = (member >= rows.start) & (member < rows.stop)
            if own.any():
                draws[own] = part.sample(member[own] - rows.start, asked[own], condition)
        return draws.reshape(m, n, -1).transpose(0, 1)
