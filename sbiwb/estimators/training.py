"""The training loop: one thread, data in memory, cycles of the learning rate, best held-out state.

Stock loops spend most of their time on overhead when networks are small: batches of 50–200, a
data loader per epoch, a constant learning rate and long patience.  Here the batch grows with the
data and the learning rate goes up and down in cycles (Smith & Topin 2019, arXiv:1708.07120), each
as long as all before it, for as long as one gains over the last: the loss at the end of a cycle
tells what more training is worth, that in its middle does not.  The weights are averaged over the
last steps, and those with the lowest held-out loss are kept, of each member of an ensemble (see
`_members`).
Any sbi-compatible estimator can be trained: all that is asked of it is ``loss(input, condition)``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from pydantic import Field

from sbiwb.core.options import Options
from sbiwb.errors import InferenceError
from sbiwb.estimators._denormals import flushed_denormals
from sbiwb.estimators._members import Best, decay, ensemble_loss, retire
from sbiwb.execute.threads import one_thread
from sbiwb.progress import Progress, Task
from sbiwb.rng import integer_seed

MIN_SIMULATIONS = 100
AVERAGING = 0.98
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-4
WARM_UP = 0.2
"""Share of the cycle in which the learning rate rises."""
EPOCHS = 4, 100
CYCLE = 10, 500
"""Epochs and steps of the first cycle at least, and of any other."""
WORTH = 0.02
"""By how much a cycle has to lower the held-out loss for another to begin."""
PATIENCE = 0.25
"""Share of a cycle, in its second half, without a lower held-out loss after which it ends: the
network has begun to learn its simulations by heart."""


class TrainingOptions(Options):
    """Options of the training loop.

    Parameters
    ----------
    batch_size : int, optional
        By default about 1/40 of the simulations, between 32 and 512.
    learning_rate : float, optional
        Peak of the cycle; by default what suits the network and the batch.
    steps : int
        Optimiser steps at most, rounded to between 4 and 100 whole epochs.
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
        Any with ``loss(input, condition) -> (n,)``: sbi's density estimators, for example.  One
        whose loss is random says so by ``random_loss = True``: such a loss falls by little and
        late, nothing is told by one cycle's end, and all steps are spent on a single one.
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
    training = _Training(network, inputs, condition, options, seed)
    epochs = int(np.clip(round(options.steps / training.per_epoch), *EPOCHS))
    lengths = [epochs] if training.random_loss else cycles(epochs, training.per_epoch)
    with one_thread(), flushed_denormals(), progress.task("training", epochs) as task:
        for length in lengths:
            before = training.lowest
            to_its_end = training.cycle(length, task)
            if not to_its_end or training.lowest > before - WORTH:
                break
    return training.finish(network)


def cycles(epochs: int, per_epoch: int) -> list[int]:
    """Lengths of the cycles that epochs of so many steps may be spent on, whose sum they are."""
    lengths: list[int] = []
    least = max(CYCLE[0], math.ceil(CYCLE[1] / per_epoch))
    while (left := epochs - sum(lengths)) > 0:
        length = max(least, sum(lengths))
        lengths.append(length if left - length >= least else left)
    return lengths


class _Training:
    """A copy of a network in training, and the best that was seen of it."""

    def __init__(
        self,
        network: Trainable,
        inputs: torch.Tensor,
        condition: torch.Tensor,
        options: TrainingOptions,
        seed: int,
    ) -> None:
        self.inputs, self.condition = inputs, condition
        self.generator = torch.Generator().manual_seed(integer_seed(seed, "shuffle"))
        order = torch.randperm(len(inputs), generator=self.generator)
        held_out = max(1, int(len(inputs) * options.validation_fraction))
        self.validation, self.rows = order[:held_out], order[held_out:]
        self.batch = min(options.batch_size or batch_rule(len(self.rows)), len(self.rows))
        self.per_epoch = len(self.rows) // self.batch
        self.rate = options.learning_rate or _usual_rate(network, self.batch)
        self.random_loss = bool(getattr(network, "random_loss", False))
        self.trained, self.average = copy.deepcopy(network), copy.deepcopy(network)
        self.optimiser = torch.optim.Adam(self.trained.parameters(), lr=self.rate, fused=True)
        self.best = Best(network)
        self.log, self.lowest, self.best_epoch = TrainingLog([], [], 0), math.inf, 0

    def cycle(self, length: int, task: Task) -> bool:
        """Train for a cycle of so many epochs; whether it went to its end."""
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, self.rate, total_steps=length * self.per_epoch, pct_start=WARM_UP
        )
        begun, half = len(self.log.training), length // 2
        for epoch in range(length):
            total = self._epoch(schedule)
            self.average.eval()
            pairs = self.inputs[self.validation], self.condition[self.validation]
            losses = _losses(self.average, *pairs)
            self._see(total, losses)
            task.advance()
            awaited = begun + epoch - max(self.best_epoch, begun + half)
            if awaited >= PATIENCE * length and not self.random_loss:
                return False
            if len(losses) > 1 and epoch >= half:  # sharp members are not worth much before
                retire(self.best, losses, (self.trained, self.average), self.optimiser)
        return True

    def _epoch(self, schedule: torch.optim.lr_scheduler.OneCycleLR) -> float:
        """Train for an epoch; its mean loss."""
        self.trained.train()
        # The last, smaller batch is dropped; another shuffle drops other rows.
        order = torch.randperm(len(self.rows), generator=self.generator)
        shuffled, total = self.rows[order][: self.per_epoch * self.batch], 0.0
        for chosen in torch.split(shuffled, self.batch):
            self.optimiser.zero_grad(set_to_none=True)
            loss = self.trained.loss(self.inputs[chosen], self.condition[chosen]).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.trained.parameters(), 5.0)
            decay(self.trained, _decays(self.trained) * schedule.get_last_lr()[0])
            self.optimiser.step()
            schedule.step()
            _move_average(self.average, self.trained)
            total += float(loss.detach())
        return total / self.per_epoch

    def _see(self, training_loss: float, losses: torch.Tensor) -> None:
        """Log the losses of an epoch, held-out ones (members, n), and keep the best weights."""
        self.best.see(self.average, losses.mean(1))
        held = ensemble_loss(losses)
        self.log.training.append(training_loss)
        self.log.validation.append(held)
        if held < self.lowest:
            self.lowest, self.best_epoch = held, len(self.log.validation) - 1

    def finish(self, network: Any) -> TrainingLog:
        """Give `network` the best weights."""
        if not torch.isfinite(self.best.losses).all():
            raise InferenceError(
                "training did not converge: the held-out loss was never finite",
                remedy="lower learning_rate=, or look at the simulations for outliers",
            )
        network.load_state_dict(self.best.network.state_dict())
        if hasattr(network, "weigh"):
            with torch.no_grad():
                network.weigh(self.inputs[self.validation], self.condition[self.validation])
        return replace(self.log, best_epoch=self.best_epoch)


def _usual_rate(network: Any, batch: int) -> float:
    return network.learning_rate(batch) if hasattr(network, "learning_rate") else LEARNING_RATE


def _decays(network: Any) -> torch.Tensor:
    """Decay of each member's weights in units of the learning rate; shape (members,)."""
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
