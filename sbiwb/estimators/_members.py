"""Members of an ensemble that are trained as one network: each keeps its own best weights.

What suits one problem overfits another, and only held-out simulations tell.  So members may differ
in how they are trained, each stops where it was best, and their weights in the ensemble are those
with the largest held-out density: stacking (Smyth & Wolpert 1999, Machine Learning 36, 59; Yao et
al. 2018, arXiv:1704.02030).  Those that it gives nothing need not be trained to the end.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn

ROUNDS = 100
LEAST = 1e-6
"""Weight of a member that is worth nothing: its logarithm stays finite."""
WORTHLESS = 0.01
"""Weight below which a member is not trained any further."""


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
        self.trained = torch.arange(members)

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
        for old, new in zip(self.network.parameters(), network.parameters(), strict=True):
            seen = by_member(new, len(self.trained))
            by_member(old, self.members)[self.trained[better]] = seen[better]
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
    members, share = len(staying), len(staying) / float(staying.sum())
    best.trained = best.trained[staying]
    before = list(networks[0].parameters())
    for network in networks:
        for module in network.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(_some(parameter, members, staying)))
        network.keep(staying)
    for old, new in zip(before, networks[0].parameters(), strict=True):
        state = optimiser.state.pop(old)
        # The loss is a mean over members, so each gradient is a larger share of it from now on.
        for moment, power in (("exp_avg", 1), ("exp_avg_sq", 2)):
            state[moment] = share**power * _some(state[moment], members, staying)
        optimiser.state[new] = state
    optimiser.param_groups[0]["params"] = list(networks[0].parameters())


def _some(parameter: torch.Tensor, members: int, chosen: torch.Tensor) -> torch.Tensor:
    """A parameter of some members alone."""
    return by_member(parameter, members)[chosen].reshape(-1, *parameter.shape[1:])


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
