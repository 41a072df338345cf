"""The training loop: the rules for batch and steps, repeatability, and training that fails."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from sbiwb.errors import InferenceError
from sbiwb.estimators._flow import in_chunks
from sbiwb.estimators._mixture import AutoregressiveMixture
from sbiwb.estimators.training import (
    EPOCHS,
    MIN_SIMULATIONS,
    PATIENCE,
    WORTH,
    TrainingOptions,
    batch_rule,
    check_enough,
    cycles,
    fit,
)
from sbiwb.progress import QUIET

WIDTH = 0.1


class Line(torch.nn.Module):
    """Minus the log density of a Gaussian around a line: the smallest thing that has a loss."""

    def __init__(self):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.zeros(1))

    def loss(self, inputs, condition):
        return 0.5 * (((inputs - self.slope * condition) / WIDTH) ** 2).squeeze(1)


class Broken(Line):
    def loss(self, inputs, condition):
        return super().loss(inputs, condition) * math.nan


CONDITION = torch.linspace(-1, 1, 200).unsqueeze(1)
INPUTS = 0.5 * CONDITION


def trained(network=None, *, seed=1, inputs=INPUTS, **options):
    network = network or Line()
    options = TrainingOptions(**{"learning_rate": 0.1, "steps": 200, **options})
    return network, fit(network, inputs, CONDITION, options, seed, QUIET)


def test_it_converges():
    network, log = trained()
    assert network.slope.item() == pytest.approx(0.5, abs=0.03)
    assert log.validation[log.best_epoch] == min(log.validation)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, again, other = (trained(seed=s, steps=40)[0].slope.item() for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_steps_are_rounded_to_whole_epochs_within_bounds():
    # 180 rows in batches of 30 are 6 steps an epoch.
    for steps, epochs in ((1, EPOCHS[0]), (120, 20), (10**6, EPOCHS[1])):
        kind = type("Random", (Line,), {"random_loss": True})  # so that none is left out
        _, log = trained(kind(), steps=steps, batch_size=30)
        assert len(log.training) == len(log.validation) == epochs


def test_a_batch_larger_than_the_data_is_cut():
    _, log = trained(batch_size=5000)
    assert np.isfinite(log.training).all()


def test_the_best_state_is_kept_not_the_last():
    class Doubling(Line):
        """Whose held-out loss rises from the third epoch on."""

        epochs = 0

        def loss(self, inputs, condition):
            if not torch.is_grad_enabled():
                Doubling.epochs += 1
                return super().loss(inputs, condition) + (Doubling.epochs - 3) ** 2
            return super().loss(inputs, condition)

    network, log = trained(Doubling(), steps=200, batch_size=30)
    assert log.best_epoch == 2
    # One cycle of 33 epochs; after its half a quarter of it is waited for a better one.
    assert len(log.training) == 33 // 2 + math.ceil(PATIENCE * 33) + 1
    assert abs(network.slope.item()) < 0.45


@pytest.mark.parametrize("random_loss", [True, False])
def test_a_random_loss_that_does_not_fall_is_trained_to_the_end(random_loss):
    kind = type("Some", (Falling,), {"fall": -1.0, "random_loss": random_loss, "seen": 0})
    _, log = trained(kind(), steps=200, batch_size=30)
    assert (len(log.training) == 33) == random_loss


@pytest.mark.parametrize(
    ("epochs", "per_epoch", "lengths"),
    [
        (4, 35, [4]),
        (14, 35, [14]),
        (29, 35, [29]),
        (30, 35, [15, 15]),
        (57, 35, [15, 15, 27]),
        (100, 60, [10, 10, 20, 40, 20]),
        (100, 6, [100]),
        (100, 1, [100]),
    ],
)
def test_cycles_are_as_long_as_all_before_them(epochs, per_epoch, lengths):
    assert cycles(epochs, per_epoch) == lengths


class Falling(Line):
    """Whose held-out loss falls by so much each epoch."""

    fall, seen = 0.0, 0

    def loss(self, inputs, condition):
        if torch.is_grad_enabled():
            return super().loss(inputs, condition)
        type(self).seen += 1
        return torch.full((len(inputs),), -self.fall * type(self).seen)


@pytest.mark.parametrize(
    ("fall", "random_loss", "epochs"),
    [
        (2 * WORTH / 10, False, 35),  # each cycle gains enough
        (0.5 * WORTH / 10, False, 20),  # the second gains half of what it should
        (0.5 * WORTH / 10, True, 35),
    ],
)
def test_another_cycle_begins_only_if_the_last_gained(fall, random_loss, epochs):
    kind = type("Some", (Falling,), {"fall": fall, "random_loss": random_loss, "seen": 0})
    # 180 rows in batches of 3 are 60 steps an epoch, and cycles of 10, 10 and 15 epochs.
    _, log = trained(kind(), steps=2100, batch_size=3)
    assert len(log.training) == epochs


def test_training_that_never_was_finite_is_an_error():
    with pytest.raises(InferenceError, match=r"did not converge.*lower learning_rate="):
        trained(Broken(), steps=1)


def test_an_infinite_pair_is_an_error_not_a_result():
    with pytest.raises(InferenceError, match="did not converge"):
        trained(inputs=torch.full_like(INPUTS, math.inf), steps=1)


@pytest.mark.parametrize(("n", "batch"), [(1, 32), (100, 32), (4000, 128), (10**6, 512)])
def test_batch_rule(n, batch):
    assert batch_rule(n) == batch


def test_a_network_may_say_which_rate_suits_its_batches():
    rates = [AutoregressiveMixture.learning_rate(batch) for batch in (32, 256)]
    assert rates == pytest.approx([0.01, 0.02])

    class Still(Line):
        @staticmethod
        def learning_rate(batch):
            return 1e-9 * batch

    assert trained(Still(), learning_rate=None)[0].slope.item() == pytest.approx(0.0, abs=1e-3)
    assert trained(Still())[0].slope.item() == pytest.approx(0.5, abs=0.03)  # options say 0.1


def test_enough():
    check_enough(MIN_SIMULATIONS)
    with pytest.raises(InferenceError, match=r"too few.*got 99; expected at least 100.*budget="):
        check_enough(MIN_SIMULATIONS - 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"steps": 0},
        {"validation_fraction": 1.0},
        {"epochs": 10},
    ],
)
def test_bad_options(wrong):
    with pytest.raises(ValidationError):
        TrainingOptions(**wrong)


def test_denormal_numbers_are_zero_while_networks_are_at_work_and_not_after():
    def of_denormals():
        return float(torch.full((64,), 1e-40).mul(1.0).sum())

    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot flush denormal numbers")
    seen = []
    given = torch.zeros(1, 1)
    in_chunks(lambda rows: seen.append(of_denormals()) or rows, given)
    assert seen == [0.0]
    assert of_denormals() > 0
    torch.set_flush_denormal(True)
    try:
        in_chunks(lambda rows: rows, given)
        assert of_denormals() == 0  # as it was before
    finally:
        torch.set_flush_denormal(False)
