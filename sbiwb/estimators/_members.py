"""Members of an ensemble that are trained as one network: each keeps its own best weights.

What suits one problem overfits another, and only held-out simulations tell.  So members may differ
in how they are trained, each stops where it was best, and their weights in the ensemble are those
with the largest held-out density: stacking (Smyth & Wolpert 1999, Machine Learning 36, 59; Yao et
al. 2018, arXiv:1704.02030).
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch

ROUNDS = 100
LEAST = 1e-6
"""Weight of a member that is worth nothing: its logarithm stays finite."""


class Best:
    """The lowest held-out loss of each member so far, and the weights it was reached with.

    Parameters
    ----------
    network : torch.nn.Module
        The first axis of its parameters is split evenly among the members.
    members : int
    """

    def __init__(self, network: Any, members: int) -> None:
        self.network, self.members = copy.deepcopy(network), members
        self.losses = torch.full((members,), math.inf)

    @torch.no_grad()
    def see(self, network: Any, losses: torch.Tensor) -> None:
        """Keep the weights of those members whose loss (members,) is lower than ever."""
        better = losses < self.losses
        self.losses = torch.where(better, losses, self.losses)
        for old, new in zip(self.network.parameters(), network.parameters(), strict=True):
            by_member(old, self.members)[better] = by_member(new, self.members)[better]
        if better.any():  # what is not trained is whole networks'
            for kept, seen in zip(self.network.buffers(), network.buffers(), strict=True):
                kept.copy_(seen)


@torch.no_grad()
def decay(network: Any, amounts: torch.Tensor) -> None:
    """Shrink the parameters of each member by its part of `amounts` (members,), in place."""
    for parameter in network.parameters():
        by_member(parameter, len(amounts)).mul_(1 - amounts[:, None])


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
