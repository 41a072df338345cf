"""The ensemble of mixtures: a normalised density, autoregressive, whose draws follow it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from sbiwb.errors import UsageError
from sbiwb.estimators._components import COMPONENTS, NUMBERS, categories
from sbiwb.estimators._flow import build_flow, from_weights, to_weights, trained
from sbiwb.estimators._mixture import AutoregressiveMixture
from sbiwb.estimators.npe import NPEOptions
from sbiwb.method import parse_method

KINDS = {"separate": (2, 0), "shared": (0, 2), "both": (1, 1)}
kinds = pytest.mark.parametrize("members", KINDS.values(), ids=KINDS)


def mixture(target=2, condition=3, members=(2, 0), seed=0, scale=0.2, angle=None):
    """An untrained one with outputs far from those it starts with; half of it may be turned."""
    torch.manual_seed(seed)
    net = AutoregressiveMixture(target, condition, 8, members)
    with torch.no_grad():
        for part in net.parts:
            part.last += scale * torch.randn_like(part.last)
    if angle is not None:
        c, s = math.cos(angle), math.sin(angle)
        net.turn_half(torch.tensor([[c, -s], [s, c]]))
    return net


@kinds
@torch.no_grad()
def test_before_training_it_is_near_a_standard_normal(members):
    net = AutoregressiveMixture(3, 2, 8, members)
    t = torch.randn(500, 3)
    normal = -0.5 * (t**2).sum(1) - 1.5 * math.log(2 * math.pi)
    difference = net.log_prob(t[None], torch.randn(500, 2))[0] - normal
    assert float(difference.abs().mean()) < 0.3


@kinds
@pytest.mark.parametrize("angle", [None, 0.7])
@torch.no_grad()
def test_the_density_integrates_to_one(angle, members):
    net = mixture(angle=angle, members=members)
    axis = torch.linspace(-25, 25, 1001)
    grid = torch.cartesian_prod(axis, axis)
    density = net.log_prob(grid[:, None], torch.tensor([[0.3, -1.0, 0.5]])).exp()
    assert float(density.sum()) * 0.05**2 == pytest.approx(1.0, abs=1e-3)


@torch.no_grad()
def test_an_entry_depends_on_those_before_it_only():
    """Members are averaged as joint densities, so this holds of each member."""
    net = mixture(target=3, members=(1, 0)).parts[0]
    t, c = torch.randn(10, 3), torch.randn(10, 3)
    before = net.components(t, c)
    t[:, 1] += 1.0
    after = net.components(t, c)
    assert torch.equal(before[:, :2], after[:, :2])
    assert not torch.equal(before[:, 2], after[:, 2])


@torch.no_grad()
def test_shared_layers_give_a_gaussian_of_any_covariance():
    """With like components an entry is a Gaussian, which those before it move by given slopes."""
    net = AutoregressiveMixture(3, 1, 8, (0, 1))
    part, slopes = net.parts[1], torch.tensor([0.8, -0.5, 1.5])
    part.last.zero_()
    part.last_bias[0, 0] = torch.cat([torch.zeros(3 * NUMBERS), slopes])
    (a, b, c), t = slopes, torch.randn(40, 3)
    lower = torch.tensor([[1.0, 0, 0], [-a, 1, 0], [-b, -c, 1]]).inverse()
    exact = torch.distributions.MultivariateNormal(torch.zeros(3), lower @ lower.T)
    told = torch.zeros(40, 1)
    assert torch.allclose(net.log_prob(t[None], told)[0], exact.log_prob(t), atol=1e-4)
    drawn = net.sample(torch.Size([20_000]), told[:1])[:, 0]
    # Five standard errors of a variance of at most 6.
    assert torch.allclose(drawn.T.cov(), exact.covariance_matrix, atol=5 * 6 * (2 / 20_000) ** 0.5)


@kinds
@pytest.mark.parametrize("angle", [None, 0.7])
@torch.no_grad()
def test_draws_follow_the_density(angle, members):
    """Both marginals against the density, summed on a grid; a shifted density is caught."""
    net = mixture(angle=angle, members=members)
    condition = torch.tensor([[0.3, -1.0, 0.5]])
    drawn = net.sample(torch.Size([4000]), condition)[:, 0]
    assert drawn.shape == (4000, 2)
    axis = torch.linspace(-25, 25, 1001)
    grid = torch.cartesian_prod(axis, axis)
    density = net.log_prob(grid[:, None], condition).exp().reshape(1001, 1001).double()
    for entry in range(2):
        cumulative = density.sum(1 - entry).cumsum(0)
        cdf = (cumulative / cumulative[-1]).numpy()

        def at(t, shift, cdf=cdf):
            return np.interp(t, axis.numpy() + 0.025 + shift, cdf)

        values = drawn[:, entry].numpy()
        assert stats.kstest(values, lambda t: at(t, 0.0)).pvalue > 1e-3
        assert stats.kstest(values, lambda t: at(t, 0.3)).pvalue < 1e-6


@pytest.mark.parametrize("kind", [0, 1])
@torch.no_grad()
def test_a_turned_member_is_the_same_density_of_turned_inputs(kind):
    net, turned = mixture(members=(2, 2)), mixture(members=(2, 2), angle=0.7)
    t, c = torch.randn(50, 2), torch.randn(50, 3)
    plain, half = net.parts[kind], turned.parts[kind]
    assert torch.equal(plain.log_prob(t, c)[0], half.log_prob(t, c)[0])
    assert not torch.allclose(plain.log_prob(t, c)[1], half.log_prob(t, c)[1], atol=0.1)
    of_turned_inputs = plain.log_prob(t @ half.turns[1], c)
    assert torch.allclose(of_turned_inputs[1], half.log_prob(t, c)[1], atol=1e-4)


@kinds
@torch.no_grad()
def test_draws_of_many_conditions_are_those_of_each(members):
    net = mixture(members=members)
    conditions = 3 * torch.randn(5, 3)
    together = net.sample(torch.Size([4000]), conditions)
    assert together.shape == (4000, 5, 2)
    for k in range(5):
        alone = net.sample(torch.Size([4000]), conditions[k : k + 1])[:, 0]
        for entry in range(2):
            values = together[:, k, entry].numpy()
            assert stats.ks_2samp(values, alone[:, entry].numpy()).pvalue > 1e-3


def test_categories_have_their_probabilities():
    logits = torch.tensor([[0.0, 1.0, -30.0, 2.0], [200.0, 0.0, 200.0, -200.0]])
    drawn = categories(logits.repeat_interleave(20_000, 0)).reshape(2, -1)
    for row, chosen in zip(torch.softmax(logits.double(), -1), drawn, strict=True):
        share = torch.bincount(chosen, minlength=4) / 20_000
        # Five standard errors of a share.
        assert torch.all((share - row).abs() <= 5 * torch.sqrt(row * (1 - row) / 20_000) + 1e-12)


@torch.no_grad()
def test_members_are_averaged_as_densities():
    net = mixture(members=(1, 2))
    t, c = torch.randn(20, 2), torch.randn(20, 3)
    each = torch.cat([part.log_prob(t, c) for part in net.parts]).exp()
    assert torch.allclose(net.log_prob(t[None], c)[0].exp(), each.mean(0), rtol=1e-5)
    assert torch.allclose(net.loss(t, c), -each.log().mean(0), rtol=1e-4, atol=1e-5)


def test_it_is_rebuilt_from_its_recipe_and_weights():
    recipe = NPEOptions(hidden=8, members=3).recipe("npe", 2, 3)
    assert recipe["flow"] == "mixture"
    net = build_flow(recipe, seed=4)
    again = from_weights(recipe, to_weights(net))
    t, c = torch.randn(1, 5, 2), torch.randn(5, 3)
    assert torch.equal(net.log_prob(t, c), again.log_prob(t, c))


def test_layers_are_shared_up_to_a_number_of_entries():
    assert NPEOptions(members=3).recipe("npe", 64, 2)["members"] == [3, 3]
    assert NPEOptions(members=3).recipe("npe", 65, 2)["members"] == [3, 0]


@torch.no_grad()
def test_members_that_are_worth_nothing_leave():
    """One in four is off by twenty: the others stay, weighed, and it is rebuilt without it."""
    recipe = NPEOptions(hidden=8, members=2).recipe("npe", 1, 1)
    net = build_flow(recipe, seed=4)
    net.parts[0].last_bias.view(2, 3, -1)[1, 1] += 20.0
    t, c = torch.randn(500, 1), torch.zeros(500, 1)
    kept = torch.tensor([0, 2, 3])
    before = net.losses(t, c)[kept]
    net.weigh(t, c)
    assert torch.equal(net.losses(t, c), before)
    assert float(net.weights.sum()) == pytest.approx(1.0)
    assert trained(recipe, net)["members"] == [1, 2]
    again = from_weights(trained(recipe, net), to_weights(net))
    assert torch.equal(net.log_prob(t[None], c), again.log_prob(t[None], c))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transforms": 3}, "bad option transforms .* flow=mixture does not have it"),
        ({"flow": "maf", "members": 3}, "bad option members .* flow=maf does not have it"),
    ],
)
def test_an_option_of_another_flow_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        parse_method("npe", options)


@kinds
@torch.no_grad()
def test_draws_stay_finite_where_nothing_was_learned(members):
    """Widths that grow with the entry before, as they may far out: none is wider than it may be."""
    net = mixture(target=6, condition=1, members=members)
    for part in net.parts:
        outputs = torch.arange(part.last_bias.shape[2])
        whole = outputs < len(outputs) // NUMBERS * NUMBERS
        part.last_bias[:, :, whole & (outputs % NUMBERS >= 2 * COMPONENTS)] = 80.0
    assert torch.isfinite(net.sample(torch.Size([2000]), torch.zeros(1, 1))).all()
    t = torch.randn(1, 50, 6)
    assert torch.isfinite(net.log_prob(t, torch.zeros(50, 1))).all()
