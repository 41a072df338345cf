"""The learned ratio: every contrast finds it, and options that mean nothing are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import sbiwb
from sbiwb import Normal, Parameter, Prior, Simulations
from sbiwb.errors import UsageError
from sbiwb.estimators._contrast import LOSSES, Contrast
from sbiwb.estimators.nre import NRE, NREOptions
from sbiwb.method import parse_method
from sbiwb.progress import QUIET
from sbiwb.rng import stream

PRIOR = Prior((Parameter("a", Normal(0.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
NOISE = 0.5


def pairs(n=4000, seed=0):
    rng = stream(seed, "pairs")
    theta = PRIOR.sample(n, rng)
    return Simulations(theta, theta + NOISE * rng.standard_normal((n, 2)), np.zeros(n, np.int8))


def exact_log_ratio(theta, x):
    likelihood = stats.norm(theta, NOISE).logpdf(x)
    return np.sum(likelihood - stats.norm(0, np.hypot(1, NOISE)).logpdf(x), axis=1)


@pytest.mark.parametrize("contrast", LOSSES)
def test_every_contrast_finds_the_ratio(contrast):
    learned = NRE().train(pairs(), PRIOR, NREOptions(contrast=contrast, steps=800), 1, QUIET)
    some = pairs(500, seed=5)
    near = some.theta + NOISE * stream(0, "near").standard_normal(some.theta.shape)

    def error(theta):
        return learned.log_likelihood(theta, some.x) - exact_log_ratio(theta, some.x)

    # Of two parameters at the same datum: a factor that depends on x alone may be open.
    assert np.mean(np.abs(error(some.theta) - error(near))) < 0.4
    if contrast != "nre_b":
        # A balanced classifier is cautious by design; a factor of nine would be 2.2.
        assert abs(np.median(error(some.theta))) < 0.3


def test_losses_are_least_at_the_true_ratio():
    # The expected loss of a classifier is least where it is the ratio: not when that is stretched.
    some = pairs(20_000, seed=2)
    theta, x = torch.tensor(some.theta), torch.tensor(some.x)

    class Stretched(torch.nn.Module):
        factor = 1.0

        def forward(self, theta, x):
            return self.factor * torch.as_tensor(exact_log_ratio(theta.numpy(), x.numpy()))

    for kind in LOSSES:
        network = Contrast(Stretched(), kind, 1 if kind in ("nre_a", "balanced") else 5)
        losses = []
        for network.net.factor in (0.8, 1.0, 1.25):
            losses.append(float(network.loss(x, theta).mean()))
        assert losses[1] < min(losses[0], losses[2]), kind


def test_a_shift_of_the_ratio_is_left_open_by_one_contrast_only():
    some = pairs(20_000, seed=3)
    theta, x = torch.tensor(some.theta), torch.tensor(some.x)

    class Shifted(torch.nn.Module):
        shift = 0.0

        def forward(self, theta, x):
            return self.shift + torch.as_tensor(exact_log_ratio(theta.numpy(), x.numpy()))

    for kind in LOSSES:
        network = Contrast(Shifted(), kind, 1 if kind in ("nre_a", "balanced") else 5)
        losses = []
        for network.net.shift in (-0.5, 0.0, 0.5):
            losses.append(float(network.loss(x, theta).mean()))
        if kind == "nre_b":
            assert losses == pytest.approx([losses[1]] * 3, abs=1e-9)
        else:
            assert losses[1] < min(losses[0], losses[2]), kind


def test_contrasts_of_a_binary_question_are_refused_before_anything_runs():
    with pytest.raises(UsageError, match=r"bad option contrasts .* got 5; expected 1: .*nre_a"):
        parse_method("nre+emcee", {"contrast": "nre_a", "contrasts": 5})
    assert NREOptions(contrast="nre_a").shown == 1
    assert NREOptions(contrast="nre_c", contrasts=4).shown == 4


def test_it_draws_through_any_sampler_without_an_evidence():
    simulator = sbiwb.simulator(
        lambda theta, rng: theta + NOISE * rng.standard_normal(theta.shape),
        PRIOR,
        batched=True,
        output=sbiwb.Output((2,)),
    )
    problem = sbiwb.problem(simulator, [1.0, -0.5])
    for method in ("nre+emcee", "nre+dynesty"):
        result = sbiwb.infer(problem, method, budget=4000, seed=1, progress=QUIET)
        shrink = 1 / (1 + NOISE**2)
        width = np.sqrt(NOISE**2 * shrink)
        error = (result.samples().mean(axis=0) - shrink * np.array([1.0, -0.5])) / width
        assert np.all(np.abs(error) < 0.25)
        assert np.all(np.abs(result.samples().std(axis=0) / width - 1) < 0.15)
        assert result.log_evidence is None
