"""An ensemble of autoregressive mixtures: q(t | c) = Π_k q(t_k | t_<k, c), each a Gaussian mixture.

One layer of flexible one-dimensional densities is as general as a stack of simple transforms, and
takes a fraction of the operations (Uria, Murray & Larochelle 2013, arXiv:1306.0186).  The networks
of all entries and members are one batched product, so that an ensemble costs little more than its
arithmetic.
"""

from __future__ import annotations

import math

import torch
from sbi.neural_nets.estimators.base import ConditionalDensityEstimator
from torch import nn
from torch.nn.functional import silu

from sbiwb.estimators._members import stacked

BLOCKS = 2
COMPONENTS = 8
DECAYS = 0.01, 0.7
"""Of members' weights in each step, in units of the learning rate."""
WIDEST = 5.0
"""Log width of a component at most, of inputs whose spread is about one.  A far draw of one entry
takes the networks of the next where nothing was learned, and each could be further off."""
SPREAD = 0.5
"""Means of the components before training lie within ± this: near the standard normal."""


class AutoregressiveMixture(ConditionalDensityEstimator):  # type: ignore[misc]
    """Members that are trained side by side and averaged as densities, by weight.

    Parameters
    ----------
    target, condition : int
        Numbers in an input and in a condition.
    hidden : int
        Width of the layers of each network.
    members : int
        Networks in the ensemble.  They differ in their first weights; two of every four are held
        near zero by strong decay, which smooth densities of many numbers want and sharp ones do
        not bear; and see `turn_half`.  What each is worth is found by `weigh`.
    """

    learning_rate = 1e-2
    rows_at_once = 256  # what lies between the layers then stays in the processor's cache
    net: _Networks

    def __init__(self, target: int, condition: int, hidden: int, members: int) -> None:
        super().__init__(
            _Networks(target, condition, hidden, members),
            torch.Size([target]),
            torch.Size([condition]),
        )

    @property
    def members(self) -> int:
        """Number of networks."""
        return self.net.members

    @property
    def weight_decay(self) -> torch.Tensor:
        """Decay of each member's weights, in units of the learning rate; shape (members,)."""
        return self.net.decays

    def keep(self, members: torch.Tensor) -> None:
        """What is not trained, of some members alone, a mask (members,)."""
        self.net.keep(members)

    def turn_half(self, turn: torch.Tensor) -> None:
        """Let every second member see inputs turned by an orthogonal matrix (target, target).

        Which coordinates suit a density that is written entry by entry is not known beforehand;
        members in either make an ensemble that is nearly as good as the better ones.
        """
        self.net.turns[1::2] = turn

    def log_prob(self, input: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """log q(input | condition) of inputs (s, n, target); shape (s, n)."""
        repeated = condition.expand(len(input), *condition.shape).flatten(0, 1)
        each = self.net.log_prob(input.flatten(0, 1), repeated)
        value = torch.logsumexp(each + torch.log(self.net.weights)[:, None], 0)
        return value.reshape(input.shape[:2])

    def losses(self, input: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """−log q of each member; shape (members, n)."""
        return -self.net.log_prob(input, condition)

    def loss(self, input: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Mean over members of −log q; shape (n,)."""
        return self.losses(input, condition).mean(0)

    def weigh(self, input: torch.Tensor, condition: torch.Tensor) -> None:
        """Weigh the members as held-out pairs ask for."""
        self.net.weights.copy_(stacked(self.net.log_prob(input, condition)))

    def sample(self, sample_shape: torch.Size, condition: torch.Tensor) -> torch.Tensor:
        """Draws of shape (s, n, target)."""
        n = sample_shape.numel()
        return self.net.sample(n, condition).reshape(len(condition), n, -1).transpose(0, 1)


class _Networks(nn.Module):
    """members × target residual networks, as one batch of matrices."""

    def __init__(self, target: int, condition: int, hidden: int, members: int) -> None:
        super().__init__()
        self.target, self.members = target, members
        # The network of entry k sees entries before it, and the condition.
        sees = torch.cat([torch.ones(target, target).tril(-1), torch.ones(target, condition)], 1)
        mask = sees.repeat(members, 1)[..., None]
        self.mask: torch.Tensor
        self.register_buffer("mask", mask)
        self.turns: torch.Tensor
        self.register_buffer("turns", torch.eye(target).repeat(members, 1, 1))
        self.weights: torch.Tensor
        self.register_buffer("weights", torch.full((members,), 1 / members))
        self.decays = torch.tensor(DECAYS)[torch.arange(members) // 2 % 2]
        batch, inputs, outputs = members * target, target + condition, 3 * COMPONENTS
        scale = mask.sum(1, keepdim=True).clamp(min=1).rsqrt()
        self.first = nn.Parameter(scale * torch.randn(batch, inputs, hidden))
        self.first_bias = nn.Parameter(SPREAD * torch.randn(batch, 1, hidden))
        blocks = torch.randn(BLOCKS, batch, hidden, hidden) / math.sqrt(hidden)
        self.blocks = nn.ParameterList(block.clone() for block in blocks)
        self.block_biases = nn.ParameterList(torch.zeros(batch, 1, hidden) for _ in range(BLOCKS))
        self.last = nn.Parameter(0.01 * torch.randn(batch, hidden, outputs))
        means = torch.linspace(-SPREAD, SPREAD, COMPONENTS)
        zeros = torch.zeros(COMPONENTS)
        start = torch.cat([zeros, means, zeros]).expand(batch, 1, outputs)
        self.last_bias = nn.Parameter(start.clone())

    def keep(self, members: torch.Tensor) -> None:
        """Leave out the buffers of other members than these, a mask (members,)."""
        self.mask = self.mask[members.repeat_interleave(self.target)]
        self.turns, self.weights = self.turns[members], self.weights[members]
        self.decays, self.members = self.decays[members], int(members.sum())

    def components(self, t: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """Logits, means and log widths; shape (members, target, 3, components, n).

        Rows come last, so that what is done entry by entry runs along memory.
        """
        batch, inputs, hidden = self.first.shape
        weights = self._turned(self.first * self.mask).mT.reshape(batch * hidden, inputs)
        a = silu((weights @ torch.cat([t, c], 1).T).view(batch, hidden, -1) + self.first_bias.mT)
        for weight, bias in zip(self.blocks, self.block_biases, strict=True):
            a = a + silu(torch.baddbmm(bias.mT, weight.mT, a))
        out = torch.baddbmm(self.last_bias.mT, self.last.mT, a)
        return out.view(self.members, self.target, 3, COMPONENTS, len(t))

    def log_prob(self, t: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """log q of each member; shape (members, n)."""
        logits, means, log_widths = self.components(t, c).unbind(2)
        log_widths = log_widths.clamp(max=WIDEST)
        turned = (self.turns.mT @ t.T)[:, :, None]
        z = (turned - means) * torch.exp(-log_widths)
        each = torch.addcmul(torch.log_softmax(logits, 2) - log_widths, z, z, value=-0.5)
        return torch.logsumexp(each, 2).sum(1) - 0.5 * self.target * math.log(2 * math.pi)

    def _turned(self, weights: torch.Tensor) -> torch.Tensor:
        """First weights (batch, inputs, hidden) for inputs that are not turned yet."""
        seen, told = weights[:, : self.target], weights[:, self.target :]
        each = self.turns.repeat_interleave(self.target, 0)
        return torch.cat([each @ seen, told], 1)

    def sample(self, draws: int, c: torch.Tensor) -> torch.Tensor:
        """Draws for each condition (m, k), by members as they weigh; shape (m draws, target)."""
        n = len(c) * draws
        rows, member = torch.arange(n), torch.multinomial(self.weights, n, replacement=True)
        asked = torch.arange(len(c)).repeat_interleave(draws)
        groups = [torch.nonzero(member == which)[:, 0] for which in range(self.members)]
        conditions = [c[asked[group]] for group in groups]
        t = torch.zeros(n, self.target)
        for k in range(self.target):
            if k == 0:  # it depends on the condition alone
                each = [self._component(which, 0, c[:, :0], c) for which in range(self.members)]
                parameters = torch.stack(each)[member, asked]
            else:
                # Only the network of entry k, and only that of the member, is evaluated.
                parameters = torch.empty(n, 3, COMPONENTS)
                for which, (group, own) in enumerate(zip(groups, conditions, strict=True)):
                    parameters[group] = self._component(which, k, t[group, :k], own)
            logits, means, log_widths = parameters.unbind(1)
            chosen = _categories(logits)
            noise = torch.randn(n)
            widths = torch.exp(log_widths[rows, chosen].clamp(max=WIDEST))
            t[:, k] = means[rows, chosen] + widths * noise
        for group, turn in zip(groups[1::2], self.turns[1::2], strict=True):
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


def _categories(logits: torch.Tensor) -> torch.Tensor:
    """A category for each row of logits (n, components), by inversion: one random number a row."""
    steps = torch.exp(logits - logits.amax(-1, keepdim=True)).cumsum(-1)
    return (steps[:, :-1] < torch.rand(len(logits), 1) * steps[:, -1:]).sum(-1)
