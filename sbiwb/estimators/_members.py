"""Members of an ensemble that are trained as one network: each keeps its own best weights.

What suits one problem overfits another, and only held-out simulations tell.  So members may differ
in how they are trained, each stops where it was best, and their weights in the ensemble are those
with the largest held-out density: stacking (Smyth & Wolpert 1999, Machine Learning 36, 59; Yao et
al. 2018, arXiv:1704.02030).  Those that it gives nothing need not be trained to the end.
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import nn

ROUNDS = 100
LEAST = 1e-6
"""Weight of a member that is worth nothing: its logarithm stays finite."""
WORTHLESS = 0.02
"""Weight below which a member is not trained any further, nor kept."""


class Members(nn.Module):
    """Networks of one kind as one module: the first axis of each parameter is split among them.

    Parameters
    ----------
    target : int
        Numbers in an input.
    members : int
    decays : sequence of float
        Of members' weights in each step, in units of the learning rate: two members have the
        first, two the next, and so on.
    """

    def __init__(self, target: int, members: int, decays: Sequence[float]) -> None:
        super().__init__()
        self.target, self.members = target, members
        self.decays = torch.tensor(decays)[torch.arange(members) // 2 % len(decays)]
        self.turns: torch.Tensor
        self.register_buffer("turns", torch.eye(target).repeat(members, 1, 1))

    def keep(self, members: torch.Tensor) -> None:
        """Drop other members than these, a mask (members,)."""
        for module in self.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(_some(parameter, members)))
        self.turns, self.decays = self.turns[members], self.decays[members]
        self.members = int(members.sum())

    @abstractmethod
    def log_prob(self, t: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """log q of each member at inputs t (n, target) under conditions c (n, k); (members, n)."""

    @abstractmethod
    def sample(self, member: torch.Tensor, asked: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """Draws for rows of the conditions c (m, k).

        Parameters
        ----------
        member, asked : torch.Tensor of int, shape (n,)
            Which member gives each draw, and the row of its condition.
        c : torch.Tensor

        Returns
        -------
        torch.Tensor, shape (n, target)
        """


class Best:
    """The lowest held-out loss of each member so far, and the weights it was reached with.

    Parameters
    ----------
    network : torch.nn.Module
        One with ``parts`` that are `Members`, or any other, which is a single member.
    """

    def __init__(self, network: Any) -> None:
        self.network, self.members = copy.deepcopy(network), int(getattr(network, "members", 1))
        self.losses = torch.full((self.members,), math.inf)
        self.trained = torch.arange(self.members)

    @torch.no_grad()
    def see(self, network: Any, losses: torch.Tensor) -> None:
        """Keep the weights of those members whose loss is lower than ever.

        Parameters
        ----------
        network : torch.nn.Module
            Of those members that are still trained.
        losses : torch.Tensor, shape (trained,)
        """
        better = losses < self.losses[self.trained]
        self.losses[self.trained[better]] = losses[better]
        for (kept, places), (part, rows) in zip(parts(self.network), parts(network), strict=True):
            chosen = better[rows]
            which = self.trained[rows][chosen] - places.start
            for old, new in zip(kept.parameters(), part.parameters(), strict=True):
                if len(chosen):
                    by_member(old, _size(kept))[which] = by_member(new, len(chosen))[chosen]
        if self.members == 1 and better.any():  # what is not trained may change as well
            for kept, now in zip(self.network.buffers(), network.buffers(), strict=True):
                kept.copy_(now)


@torch.no_grad()
def retire(
    best: Best, losses: torch.Tensor, networks: tuple[Any, ...], optimiser: torch.optim.Adam
) -> None:
    """Take members out of training that the others outdo, in place.

    Parameters
    ----------
    best : Best
        Where their weights stay.
    losses : torch.Tensor, shape (trained, n)
        Held-out losses of those still trained.
    networks : tuple of torch.nn.Module
        The one that is trained first, and others of the same parameters.
    optimiser : torch.optim.Adam
        Of the first network's parameters.
    """
    staying = ~(stacked(-losses) < WORTHLESS)  # which keeps all if a loss is not a number
    if staying.all():
        return
    share = len(staying) / float(staying.sum())
    best.trained = best.trained[staying]
    before = [
        (old, staying[rows]) for part, rows in parts(networks[0]) for old in part.parameters()
    ]
    for network in networks:
        network.keep(staying)
    for (old, chosen), new in zip(before, networks[0].parameters(), strict=True):
        state = optimiser.state.pop(old, None)
        if state is None:  # of a kind of which there are none
            continue
        # The loss is a mean over members, so each gradient is a larger share of it from now on.
        for moment, power in (("exp_avg", 1), ("exp_avg_sq", 2)):
            state[moment] = share**power * _some(state[moment], chosen)
        optimiser.state[new] = state
    optimiser.param_groups[0]["params"] = list(networks[0].parameters())


def _some(parameter: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """A parameter of some members alone."""
    each = len(parameter) // max(len(chosen), 1)
    return parameter[chosen.repeat_interleave(each)]


def parts(network: Any) -> list[tuple[Any, slice]]:
    """Each part of a network, and which of its members these are."""
    each = getattr(network, "parts", [network])
    ends = accumulate(_size(part) for part in each)
    return [(part, slice(end - _size(part), end)) for part, end in zip(each, ends, strict=True)]


def _size(part: Any) -> int:
    return int(getattr(part, "members", 1))


@torch.no_grad()
def decay(network: Any, amounts: torch.Tensor) -> None:
    """Shrink the parameters of each member by its part of `amounts` (members,), in place."""
    for part, rows in parts(network):
        if _size(part):
            for parameter in part.parameters():
                by_member(parameter, _size(part)).mul_(1 - amounts[rows, None])


def by_member(parameter: torch.Tensor, members: int) -> torch.Tensor:
    """A view (members, …) of a parameter."""
    return parameter.view(members, -1)


def stacked(log_prob: torch.Tensor) -> torch.Tensor:
    """Weights (members,) of densities with the largest mean log density of all together.

    Parameters
    ----------
    log_prob : torch.Tensor, shape (members, n)
        Log density of each at held-out points.
    """
    log_weights = torch.full((len(log_prob),), -math.log(len(log_prob)), dtype=torch.float64)
    for _ in range(ROUNDS):  # expectation maximisation: the log density is concave in the weights
        shares = torch.softmax(log_prob.double() + log_weights[:, None], 0)
        log_weights = torch.log(shares.mean(1).clamp(min=LEAST))
    return torch.softmax(log_weights, 0)


def ensemble_loss(losses: torch.Tensor) -> float:
    """Mean loss of members whose own are `losses` (members, n), at their best weights."""
    if len(losses) == 1:
        return float(losses.mean())
    log_weights = torch.log(stacked(-losses))[:, None]
    return float(-torch.logsumexp(log_weights - losses, 0).mean())
