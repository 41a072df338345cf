"""Members that are trained as one network: each has its own decay and its own best weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import optimize, special

from sbiwb.estimators._members import Best, decay, retire, stacked
from sbiwb.estimators._mixture import AutoregressiveMixture
from sbiwb.estimators._separate_layers import DECAYS
from sbiwb.estimators.npe import NPEOptions
from sbiwb.estimators.training import fit
from sbiwb.progress import Progress


def test_stacking_is_the_best_mixture():
    """Against a general optimiser; equal weights do worse."""
    rng = np.random.default_rng(1)
    log_prob = rng.normal([[0.0], [-0.5], [-4.0]], 1.0, (3, 400))

    def loss(weights):
        return -special.logsumexp(log_prob, axis=0, b=weights[:, None]).mean()

    found = stacked(torch.tensor(log_prob)).numpy()
    best = optimize.minimize(
        lambda logits: loss(special.softmax(logits)), np.zeros(3), method="Nelder-Mead"
    )
    assert found.sum() == pytest.approx(1.0)
    assert loss(found) <= best.fun + 1e-4
    assert loss(np.full(3, 1 / 3)) > loss(found) + 0.05


def test_a_member_that_is_never_right_gets_nothing():
    log_prob = torch.stack([torch.zeros(100), torch.full((100,), -1e4)])
    assert torch.allclose(stacked(log_prob), torch.tensor([1.0, 0.0]).double(), atol=1e-5)


KINDS = {"separate": (2, 0), "shared": (0, 2), "one of each": (1, 1)}
kinds = pytest.mark.parametrize("sizes", KINDS.values(), ids=KINDS)


def by_member(network):
    """A copy of all parameters of each member, of whichever kind."""
    return [
        torch.cat([p.detach().view(part.members, -1)[k] for p in part.parameters()])
        for part in network.parts
        for k in range(part.members)
    ]


@kinds
def test_each_member_keeps_its_own_best(sizes):
    network = AutoregressiveMixture(2, 1, 4, sizes)
    best = Best(network)
    seen = []
    for losses in ([3.0, 1.0], [2.0, math.nan], [2.5, 0.5]):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 1.0
        seen.append(by_member(network))
        best.see(network, torch.tensor(losses))
    assert best.losses.tolist() == [2.0, 0.5]
    first, second = by_member(best.network)
    assert torch.equal(first, seen[1][0])
    assert torch.equal(second, seen[2][1])


def adam(network):
    """An optimiser with moments, after a step that moved nothing."""
    torch.manual_seed(4)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.0)
    inputs, told = torch.randn(50, network.input_shape[0]), torch.randn(50, 1)
    network.loss(inputs, told).mean().backward()
    optimiser.step()
    return optimiser


@pytest.mark.parametrize("stay", [[0, 3], [0, 1], [2, 3]])
def test_who_stays_is_trained_on_as_before(stay):
    """One of each kind, or all of a kind."""
    torch.manual_seed(3)
    network, whole = (AutoregressiveMixture(2, 1, 4, (2, 2)) for _ in range(2))
    whole.load_state_dict(network.state_dict())
    best, optimiser = Best(network), adam(network)
    # Each of two is right for other pairs, and far below what the others reach.
    losses = torch.full((4, 60), 9.0)
    losses[stay[0]], losses[stay[1]] = torch.linspace(0, 3, 60), torch.linspace(3, 0, 60)
    retire(best, losses, (network,), optimiser)
    assert network.members == 2
    assert best.trained.tolist() == stay
    assert network.weight_decay.tolist() == whole.weight_decay[stay].tolist()
    inputs, told = torch.randn(50, 2), torch.randn(50, 1)
    assert torch.allclose(network.losses(inputs, told), whole.losses(inputs, told)[stay])
    # A step of theirs is the one that they would have made among the four.
    steps = []
    for each, rate in ((network, optimiser), (whole, adam(whole))):
        rate.param_groups[0]["lr"] = 0.1
        rate.zero_grad()
        each.loss(inputs, told).mean().backward()
        rate.step()
        steps.append(each.losses(inputs, told))
    assert torch.allclose(steps[0], steps[1][stay], atol=1e-3)
    best.see(network, torch.tensor([1.0, 2.0]))
    assert best.losses[stay].tolist() == [1.0, 2.0]
    assert torch.isinf(best.losses).sum() == 2
    assert torch.allclose(best.network.losses(inputs, told)[stay], network.losses(inputs, told))


def test_nobody_retires_whose_worth_is_not_known():
    network = AutoregressiveMixture(2, 1, 4, (1, 1))
    retire(Best(network), torch.full((2, 10), math.nan), (network,), adam(network))
    assert network.members == 2


@kinds
def test_decay_is_each_members_own(sizes):
    network = AutoregressiveMixture(2, 1, 4, sizes)
    before = by_member(network)
    decay(network, torch.tensor([0.0, 0.5]))
    after = by_member(network)
    assert torch.equal(after[0], before[0])
    assert torch.equal(after[1], 0.5 * before[1])


@pytest.mark.parametrize(("sharp", "winner"), [(False, 1), (True, 0)])
def test_decay_is_for_smooth_problems_alone(sharp, winner):
    """A broad wave in one of twenty numbers, or a narrow one with little noise."""
    torch.manual_seed(1)
    condition = torch.randn(5000, 2 if sharp else 20)
    wave = torch.sin((4 if sharp else 1) * condition[:, :1])
    target = wave + (0.05 if sharp else 0.3) * torch.randn(5000, 1)
    network = AutoregressiveMixture(1, condition.shape[1], 32, (4, 0))
    assert network.weight_decay.tolist() == pytest.approx([DECAYS[0]] * 2 + [DECAYS[1]] * 2)
    fit(network, target, condition, NPEOptions(), 1, Progress())
    weak, strong = network.weights[:2].sum(), network.weights[2:].sum()
    assert float((weak, strong)[winner]) > 0.6


@torch.no_grad()
def test_weights_hold_for_density_and_draws():
    torch.manual_seed(2)
    network = AutoregressiveMixture(1, 1, 4, (2, 0))
    network.parts[0].last_bias.view(2, 3, -1)[:, 1] += torch.tensor([-20.0, 20.0])[:, None]
    network.weights.copy_(torch.tensor([0.2, 0.8]))
    points, told = torch.tensor([[[-20.0]], [[20.0]]]), torch.zeros(1, 1)
    low, high = network.log_prob(points, told)[:, 0].exp().tolist()
    each = network.parts[0].log_prob(points[:, 0], told.expand(2, 1)).exp()
    assert low == pytest.approx(0.2 * float(each[0, 0]), rel=1e-4)
    assert high == pytest.approx(0.8 * float(each[1, 1]), rel=1e-4)
    drawn = network.sample(torch.Size([20_000]), told)[:, 0, 0]
    # Five standard errors of a share.
    assert float((drawn > 0).float().mean()) == pytest.approx(0.8, abs=5 * 0.4 / math.sqrt(20_000))
