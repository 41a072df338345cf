"""Rounds: boxes that shrink and heal, proposals that follow the posterior, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import Normal, Parameter, Prior, Simulations, Uniform
from sbiwb.core.verdict import Outcome
from sbiwb.errors import UsageError
from sbiwb.rng import stream
from sbiwb.rounds import Followed, Made, Region

PRIOR = Prior((Parameter("a", Uniform(0.0, 1.0)), Parameter("b", Uniform(0.0, 2.0))))
QUICK = {"steps": 90, "draws": 200, "ensembles": 2, "max_steps": 200, "batch_size": 50}
NOISE = 0.3


def around(region, low, high, *, follow=False, n=1000):
    """The region around draws that are uniform between two corners of the prior."""
    u = stream(0, "draws").uniform(low, high, (n, 2))
    return region.around(PRIOR.from_unit(u), follow=follow)


def simulations_of(theta):
    return Simulations(theta, theta, np.zeros(len(theta), np.int8))


# -- the box ----------------------------------------------------------------------------------


def test_a_box_holds_the_draws_and_a_margin():
    box = np.array(around(Region(PRIOR), [0.4, 0.2], [0.6, 0.3]).prior.box)
    # The extreme of 1,000 uniform draws is within a hundredth of their range of its end, but for
    # a chance of exp(-10).
    assert box[:, 0] == pytest.approx([0.38, 0.19], abs=0.003)
    assert box[:, 1] == pytest.approx([0.62, 0.31], abs=0.003)


def test_a_box_ends_at_the_priors_edge():
    assert around(Region(PRIOR), [0.0, 0.0], [1.0, 1.0]).prior.box == ((0.0, 1.0), (0.0, 1.0))


def test_a_wall_that_draws_pile_up_at_is_moved_out():
    cut = Region(PRIOR.restrict([0.5, 0.0], [0.7, 0.6]))
    box = np.array(around(cut, [0.5, 0.1], [0.6, 0.2]).prior.box)
    assert box[0] == pytest.approx([0.3, 0.61], abs=0.01)  # by as much as it was wide: 0.2
    assert box[1] == pytest.approx([0.09, 0.21], abs=0.01)


def test_a_wall_moves_no_farther_than_the_prior():
    cut = Region(PRIOR.restrict([0.1, 0.1], [0.9, 0.9]))
    assert around(cut, [0.1, 0.1], [0.9, 0.9]).prior.box == ((0.0, 1.0), (0.0, 1.0))


def test_rounds_come_back_from_a_box_that_missed_the_posterior():
    """A first network that is far too sure of itself, played by draws beside the truth."""
    region = around(Region(PRIOR), [0.7, 0.7], [0.75, 0.75])
    truth = np.array([0.3, 0.3])
    for _ in range(10):
        low, high = np.transpose(region.prior.box)
        if np.all((low < truth) & (truth < high)):
            return
        # A posterior far outside a box piles up at the walls that are nearest to it.
        near = np.clip(truth, low, high)
        u = near + 0.001 * (high - low) * np.where(near == low, 1.0, -1.0)
        region = region.around(PRIOR.from_unit(np.tile(u, (100, 1))), follow=False)
    pytest.fail(f"the truth is still outside of {region.prior.box}")


# -- what is simulated ------------------------------------------------------------------------


def test_a_box_that_shrinks_is_sampled_as_it_is():
    region = around(Region(PRIOR), [0.4, 0.4], [0.6, 0.6], follow=True)
    assert region.followed is None
    assert region.proposals(10) == {"round": (region.prior, 10)}


def test_a_box_that_has_settled_is_left_to_the_draws():
    region = around(Region(PRIOR), [0.05, 0.05], [0.95, 0.95], follow=True)
    of_prior, of_draws = region.proposals(10).values()
    assert of_prior == (region.prior, 2)
    assert of_draws[1] == 8
    theta = of_draws[0].sample(50, stream(1, "sample"))
    assert np.all(np.isin(theta[:, 0], region.followed[:, 0]))
    assert around(region, [0.4, 0.4], [0.6, 0.6], follow=True).followed is not None
    assert around(region, [0.4, 0.4], [0.6, 0.6]).followed is None


def test_other_draws_are_another_proposal():
    draws = PRIOR.sample(10, stream(1, "draws"))
    first, again, other = (Followed(PRIOR, d) for d in (draws, draws.copy(), draws[::-1]))
    assert first.key == again.key != other.key
    assert first.names == PRIOR.names
    assert first.dim == 2


def test_what_is_kept_of_earlier_rounds():
    """A posterior learns from draws of its prior only; a likelihood from all in the box."""
    half, left = PRIOR.restrict([0.0, 0.0], [0.5, 1.0]), PRIOR.restrict([0.0, 0.0], [0.25, 1.0])
    made = Made()
    for k, prior in enumerate((PRIOR, half, left)):
        made.add(prior, simulations_of(prior.sample(100, stream(k, "theta"))))
    follow = Followed(half, half.sample(50, stream(3, "theta")))
    made.add(follow, simulations_of(follow.draws))
    every = made.everything.theta
    assert (len(every), made.followed) == (350, 50)
    assert np.array_equal(made.inside(half).theta, every[every[:, 0] <= 0.5])
    from_half = every[:200]  # not the third batch, which is denser on the left, nor the fourth
    assert np.array_equal(made.drawn_from(half).theta, from_half[from_half[:, 0] <= 0.5])


# -- `infer` ----------------------------------------------------------------------------------


def pose():
    prior = Prior((Parameter("a", Uniform(-1.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
    simulator = sbiwb.simulator(
        lambda theta, rng: theta + NOISE * rng.standard_normal(theta.shape), prior, batched=True
    )
    return sbiwb.problem(simulator, [0.2, 0.3])


@pytest.mark.parametrize("method", ["nle+emcee", "nre+emcee"])
def test_following_the_posterior(method):
    result = sbiwb.infer(
        pose(), method, budget=900, rounds=3, seed=1, proposal="posterior", **QUICK
    )
    followed = result.provenance["followed"]
    assert 0 < followed < 600
    assert result.cost.simulator_calls == 900
    # The observation is judged against draws of the prior only.
    assert len(result.tree["training"]["theta"]) <= 900 - followed
    mean, sd = result.samples().mean(axis=0), result.samples().std(axis=0)
    exact = np.array([0.2, 0.3 / (1 + NOISE**2)])
    # 900 simulations and short chains; the first round alone is wrong by more.
    assert np.all(np.abs(mean - exact) < 0.5 * NOISE)
    assert np.all((sd > 0.6 * NOISE) & (sd < 1.5 * NOISE))


def test_a_result_that_followed_is_calibrated_near_its_observation():
    result = sbiwb.infer(
        pose(), "nle+emcee", budget=900, rounds=3, seed=1, proposal="posterior", **QUICK
    )
    checked = sbiwb.check(result, calibration=100, predictive=None)
    theta = checked.tree["calibration"]["theta"].values
    assert theta.std(axis=0) == pytest.approx(result.samples().std(axis=0), rel=0.3)
    told = {v.name: v for v in checked.verdicts}
    assert "near the observation" in told["tarp"].message
    assert told["tarp"].outcome is not Outcome.FAIL
    assert "lc2st" not in told
    assert "sharpness" not in told


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("nle+emcee", {"proposal": "posterior"}, "proposal means nothing to one round"),
        ("nle+emcee", {"proposal": "truncated", "rounds": 1}, "raise rounds="),
        ("nre+emcee", {"proposal": "prior", "rounds": 2}, "bad option proposal of nre"),
        ("npe", {"proposal": "posterior", "rounds": 2}, "unknown option of npe"),
        ("exact+emcee", {"proposal": "posterior"}, "unknown option"),
    ],
)
def test_proposals_that_nothing_would_use_are_refused(method, options, message):
    with pytest.raises(UsageError, match=message):
        sbiwb.infer(pose(), method, **options)
