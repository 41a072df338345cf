"""Mixtures of one-dimensional Gaussians, as the last layers of networks parametrise them."""

from __future__ import annotations

import math

import torch

COMPONENTS = 8
NUMBERS = 3 * COMPONENTS
"""That parametrise a mixture: logits, means and log widths."""
SPREAD = 0.5
"""Means of the components before training lie within ± this: near the standard normal."""
WIDEST = 5.0
"""Log width of a component at most, of inputs whose spread is about one.  A far draw of one entry
takes the networks of the next where nothing was learned, and each could be further off."""


def untrained() -> torch.Tensor:
    """Numbers, shape (NUMBERS,), of a mixture that is nearly a standard normal."""
    means = torch.linspace(-SPREAD, SPREAD, COMPONENTS)
    return torch.cat([torch.zeros(COMPONENTS), means, torch.zeros(COMPONENTS)])


def log_density(t: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Log density of t (members, entries, n), each entry under its own mixture.

    Parameters
    ----------
    t : torch.Tensor
    numbers : torch.Tensor, shape (members, entries, 3, components, n)

    Returns
    -------
    torch.Tensor, shape (members, entries, n)
    """
    logits, means, log_widths = numbers.unbind(2)
    log_widths = log_widths.clamp(max=WIDEST)
    z = (t[:, :, None] - means) * torch.exp(-log_widths)
    each = torch.addcmul(torch.log_softmax(logits, 2) - log_widths, z, z, value=-0.5)
    return torch.logsumexp(each, 2) - 0.5 * math.log(2 * math.pi)


def drawn(numbers: torch.Tensor) -> torch.Tensor:
    """A draw from each of the mixtures (n, 3, components); shape (n,)."""
    logits, means, log_widths = numbers.unbind(1)
    chosen = categories(logits)[:, None]
    widths = torch.exp(log_widths.gather(1, chosen).clamp(max=WIDEST))
    return (means.gather(1, chosen) + widths * torch.randn_like(widths))[:, 0]


def categories(logits: torch.Tensor) -> torch.Tensor:
    """A category for each row of logits (n, components), by inversion: one random number a row."""
    steps = torch.exp(logits - logits.amax(-1, keepdim=True)).cumsum(-1)
    return (steps[:, :-1] < torch.rand(len(logits), 1) * steps[:, -1:]).sum(-1)
