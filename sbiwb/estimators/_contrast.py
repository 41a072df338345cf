"""Losses that teach a classifier the ratio p(x | θ) / p(x), from pairs that belong together or not.

Parameters that do not belong to a datum are those of the next rows of its batch, which is shuffled
anew in every epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.functional import softplus

BALANCE = 100.0
"""Weight of the balancing condition in `balanced` (λ of Delaunoy et al. 2022)."""

Others = list[torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor, Others], torch.Tensor]


def binary(joint: torch.Tensor, first: torch.Tensor, _others: Others) -> torch.Tensor:
    """Whether a pair belongs together (Hermans et al. 2020, arXiv:1903.04057, algorithm 1)."""
    return softplus(-joint) + softplus(first)


def balanced(joint: torch.Tensor, first: torch.Tensor, others: Others) -> torch.Tensor:
    """`binary`, and both kinds of pairs together get probability one (arXiv:2208.13624)."""
    total = torch.sigmoid(joint).mean() + torch.sigmoid(first).mean()
    return binary(joint, first, others) + BALANCE * (total - 1) ** 2


def one_of_many(joint: torch.Tensor, first: torch.Tensor, others: Others) -> torch.Tensor:
    """Which of several parameters belongs (Durkan et al. 2020, arXiv:2002.03712, equation 7).

    The ratio is learned up to a factor that depends on x.
    """
    return torch.logsumexp(torch.stack([joint, first, *others]), 0) - joint


def one_or_none(joint: torch.Tensor, first: torch.Tensor, others: Others) -> torch.Tensor:
    """Which of several parameters belongs, if any does (Miller et al. 2022, arXiv:2210.06170).

    Their γ, the odds of any against none, is one.
    """
    classes = math.log(len(others) + 1)
    none = torch.full_like(joint, classes)
    of_joint = joint - torch.logsumexp(torch.stack([joint, *others, none]), 0)
    of_none = classes - torch.logsumexp(torch.stack([first, *others, none]), 0)
    return -0.5 * (of_joint + of_none)


LOSSES: dict[str, Loss] = {
    "nre_a": binary,
    "nre_b": one_of_many,
    "nre_c": one_or_none,
    "balanced": balanced,
}


class Contrast(nn.Module):
    """A classifier with a loss of pairs, as the training loop wants it.

    Parameters
    ----------
    net : sbi RatioEstimator
    kind : {"nre_a", "nre_b", "nre_c", "balanced"}
    contrasts : int
        Parameters of other rows that each datum is shown; at least 1.
    """

    random_loss = True

    def __init__(self, net: Any, kind: str, contrasts: int) -> None:
        super().__init__()
        self.net, self.kind, self.contrasts = net, kind, contrasts

    def log_ratio(self, x: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        """log p(x | θ) / p(x), up to what the loss leaves open; shape (n,)."""
        value: torch.Tensor = self.net(theta, x)
        return value

    def loss(self, x: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        """Loss of each row; shape (n,)."""
        n = len(x)
        shown = torch.stack([theta.roll(k, 0) for k in range(self.contrasts + 1)])
        every = self.log_ratio(x.repeat(self.contrasts + 1, 1), shown.flatten(0, 1))
        joint, first, *others = every.reshape(-1, n)
        return LOSSES[self.kind](joint, first, others)
