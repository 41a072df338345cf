"""The training loop: one thread, data in memory, one learning-rate cycle, best held-out state.

Stock loops spend most of their time on overhead when networks are small: batches of 50–200, a
data loader per epoch, a constant learning rate and long patience.  Here the batch grows with the
data and the learning rate follows one cycle (Smith & Topin 2019, arXiv:1708.07120), so that the
number of steps is known beforehand; the weights are averaged over the last steps, and those with
the lowest held-out loss are kept, of each member of an ensemble (see `_members`).  Where a
density's stays above its lowest value for a quarter of the cycle, it has begun to learn its
simulations by heart, and training ends.
Any sbi-compatible estimator can be trained: all that is asked of it is ``loss(input, condition)``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from pydantic import Field

from sbiwb.core.options import Options
from sbiwb.errors import InferenceError
from sbiwb.estimators._denormals import flushed_denormals
from sbiwb.estimators._members import Best, decay, ensemble_loss, retire
from sbiwb.execute.threads import one_thread
from sbiwb.progress import Progress
from sbiwb.rng import integer_seed

MIN_SIMULATIONS = 100
AVERAGING = 0.98
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-4
WARM_UP = 0.2
"""Share of the cycle in which the learning rate rises."""
EPOCHS = 10, 100
PATIENCE = 0.25
"""Share of all epochs without a lower held-out loss after which none is awaited, unless the network
says otherwise: one whose loss is random, such as that of pairs drawn anew, falls late and by
little, and is trained to the end."""


class TrainingOptions(Options):
    """Options of the training loop.

    Parameters
    ----------
    batch_size : int, optional
        By default about 1/40 of the simulations, between 32 and 512.
    learning_rate : float, optional
        Peak of the cycle; by default what suits the network.
    steps : int
        Optimiser steps at most, rounded to between 10 and 100 whole epochs.
    validation_fraction : float
        Share of the simulations held out to choose the weights.
    """

    batch_size: int | None = Field(None, ge=2)
    learning_rate: float | None = Field(None, gt=0, le=1)
    steps: int = Field(2000, ge=1)
    validation_fraction: float = Field(0.1, gt=0, lt=1)


class Trainable(Protocol):
    """A `torch.nn.Module` with a loss, such as sbi's density estimators."""

    def loss(self, input: torch.Tensor, condition: torch.Tensor) -> Any:
        """Loss of each row, a tensor of shape (n,)."""

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """As Torch's, like those that follow."""

    def train(self) -> Any: ...
    def eval(self) -> Any: ...
    def state_dict(self) -> dict[str, torch.Tensor]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...


@dataclass(frozen=True)
class TrainingLog:
    """Loss per epoch, and the epoch whose weights were kept."""

    training: list[float]
    validation: list[float]
    best_epoch: int


def check_enough(n: int) -> None:
    """Raise `InferenceError` if n valid simulations are too few to train on."""
    if n < MIN_SIMULATIONS:
        raise InferenceError(
            "too few valid simulations to train a network",
            got=n,
            expected=f"at least {MIN_SIMULATIONS}",
            remedy="raise budget=",
        )


def fit(
    network: Trainable,
    inputs: torch.Tensor,
    condition: torch.Tensor,
    options: TrainingOptions,
    seed: int,
    progress: Progress,
) -> TrainingLog:
    """Fit ``network`` to pairs (input, condition) in place.

    Parameters
    ----------
    network : torch.nn.Module
        Any with ``loss(input, condition) -> (n,)``: sbi's density estimators, for example.
    inputs, condition : torch.Tensor, shape (n, …)
        Scaled float32 data.
    options : TrainingOptions
    seed : int
        Of the split and the shuffling.

    Raises
    ------
    InferenceError
        If the loss becomes NaN and never was finite on held-out data.
    """
    generator = torch.Generator().manual_seed(integer_seed(seed, "shuffle"))
    order = torch.randperm(len(inputs), generator=generator)
    held_out = max(1, int(len(inputs) * options.validation_fraction))
    validation, rows = order[:held_out], order[held_out:]
    batch = options.batch_size or batch_rule(len(rows))
    batch = min(batch, len(rows))
    per_epoch = len(rows) // batch
    epochs = int(np.clip(round(options.steps / per_epoch), *EPOCHS))
    rate = options.learning_rate
    if rate is None:
        rate = float(getattr(network, "learning_rate", LEARNING_RATE))
    patience = float(getattr(network, "patience", PATIENCE)) * epochs
    trained, average = copy.deepcopy(network), copy.deepcopy(network)
    optimiser = torch.optim.Adam(trained.parameters(), lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=epochs * per_epoch, pct_start=WARM_UP
    )
    best, best_loss = Best(network, int(getattr(network, "members", 1))), math.inf
    best_epoch, log = 0, TrainingLog([], [], 0)
    with one_thread(), flushed_denormals(), progress.task("training", epochs) as task:
        for epoch in range(epochs):
            trained.train()
            shuffled = rows[torch.randperm(len(rows), generator=generator)]
            total = 0.0
            # The last, smaller batch is dropped; another shuffle drops other rows.
            for chosen in torch.split(shuffled[: per_epoch * batch], batch):
                optimiser.zero_grad(set_to_none=True)
                loss = trained.loss(inputs[chosen], condition[chosen]).mean()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(trained.parameters(), 5.0)
                decay(trained, _decays(trained) * schedule.get_last_lr()[0])
                optimiser.step()
                schedule.step()
                _move_average(average, trained)
                total += float(loss.detach())
            average.eval()
            losses = _losses(average, inputs[validation], condition[validation])
            best.see(average, losses.mean(1))
            held = ensemble_loss(losses)
            log.training.append(total / per_epoch)
            log.validation.append(held)
            if held < best_loss:
                best_loss, best_epoch = held, epoch
            task.advance()
            if epoch - best_epoch >= patience:
                break
            if len(losses) > 1 and epoch >= WARM_UP * epochs:
                retire(best, losses, (trained, average), optimiser)
    if not torch.isfinite(best.losses).all():
        raise InferenceError(
            "training did not converge: the held-out loss was never finite",
            remedy="lower learning_rate=, or look at the simulations for outliers",
        )
    network.load_state_dict(best.network.state_dict())
    if hasattr(network, "weigh"):
        with torch.no_grad():
            network.weigh(inputs[validation], condition[validation])
    return TrainingLog(log.training, log.validation, best_epoch)


def _decays(network: Any) -> torch.Tensor:
    """Decay of each member's weights, in units of the learning rate; shape (members,)."""
    return getattr(network, "weight_decay", torch.tensor([WEIGHT_DECAY]))


@torch.no_grad()
def _losses(network: Any, inputs: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
    """Loss of each row, of each member where the network has some; shape (members, n)."""
    if hasattr(network, "losses"):
        return torch.as_tensor(network.losses(inputs, condition))
    return torch.as_tensor(network.loss(inputs, condition))[None]


@torch.no_grad()
def _move_average(average: Trainable, network: Trainable) -> None:
    """Move averaged weights towards the current ones: the mean of the last ~50 steps."""
    pairs = zip(average.parameters(), network.parameters(), strict=True)
    old, new = map(list, zip(*pairs, strict=True))
    torch._foreach_lerp_(old, new, 1 - AVERAGING)


def batch_rule(n: int) -> int:
    """Batch size for n training rows: about 1/40 of them, between 32 and 512."""
    return int(np.clip(2 ** round(math.log2(max(n / 40, 1))), 32, 512))
