"""The parts of emcee's sampler: grouped moves, autocorrelation, coordinates, layout of draws."""

from __future__ import annotations

import emcee
import numpy as np
import pytest
from scipy import stats

from sbiwb.core.distributions import LogNormal, LogUniform, Normal, Sine, Uniform
from sbiwb.core.prior import LinearConstraint, Parameter, Prior
from sbiwb.samplers._autocorrelation import integrated_time
from sbiwb.samplers._chains import Chains
from sbiwb.samplers._coordinates import Coordinates
from sbiwb.samplers._moves import Difference, GroupedMove, Stretch, mixture

RNG = np.random.default_rng(0)


def distance_to_own_plane(move, ensembles, walkers):
    """Largest distance of walkers to the plane that their ensemble starts in: c = k (a + 10).

    Moves along differences of walkers of one ensemble cannot leave its plane.
    """
    label = np.repeat(np.arange(ensembles), walkers).astype(float)
    a, b = RNG.standard_normal((2, len(label)))
    coords = np.column_stack([a, b, label * (a + 10), label])
    sampler = emcee.EnsembleSampler(
        *coords.shape,
        lambda p: -0.5 * np.sum(p[:, :2] ** 2, axis=1),
        moves=move,
        vectorize=True,
    )
    sampler.random_state = np.random.RandomState(1).get_state()
    sampler.run_mcmc(coords, 50, skip_initial_state_check=True)
    chain = sampler.get_chain()
    assert np.all(sampler.acceptance_fraction > 0)
    assert np.array_equal(chain[..., 3], np.broadcast_to(label, chain.shape[:2]))
    return np.abs(chain[..., 2] - label * (chain[..., 0] + 10)).max()


@pytest.mark.parametrize("walkers", [6, 8, 32])
@pytest.mark.parametrize("ensembles", [1, 2, 5])
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_walkers_meet_walkers_of_their_own_ensemble_only(kind, ensembles, walkers):
    move = mixture(walkers, 2)[kind][0]
    # Rounding errors grow, since the density does not confine walkers across the plane.
    assert distance_to_own_plane(move, ensembles, walkers) < 1e-4


@pytest.mark.parametrize("kind", [Stretch, Difference])
def test_walkers_that_meet_strangers_are_caught(kind):
    class Mixing(kind):
        def propose_from(self, moving, others, random):
            return super().propose_from(moving, np.roll(others, 1, axis=0), random)

    assert distance_to_own_plane(Mixing(8), 3, 8) > 0.1


class Logged(GroupedMove):
    """Remembers which walkers move given which."""

    def __init__(self, walkers):
        super().__init__(walkers)
        self.log = []

    def propose_from(self, moving, others, random):
        self.log.append((moving[..., 0].copy(), others[..., 0].copy()))
        return moving, 0 * random.random_sample(moving.shape[:2])


@pytest.mark.parametrize(("ensembles", "walkers"), [(1, 6), (3, 6), (4, 32)])
def test_every_walker_moves_once_a_step_given_the_other_half(ensembles, walkers):
    number = np.arange(ensembles * walkers, dtype=float)
    move = Logged(walkers)
    coords = np.column_stack([number, np.repeat(np.arange(ensembles), walkers)])
    sampler = emcee.EnsembleSampler(
        *coords.shape, lambda p: np.zeros(len(p)), moves=move, vectorize=True
    )
    sampler.run_mcmc(coords, 1, skip_initial_state_check=True)
    (first, second), (third, fourth) = move.log
    assert np.array_equal(np.sort(np.hstack([first, third]).ravel()), number)
    for moving, others in move.log:
        assert np.all(moving // walkers == np.arange(ensembles)[:, np.newaxis])
        assert np.all(others // walkers == np.arange(ensembles)[:, np.newaxis])
        assert not set(moving.ravel()) & set(others.ravel())
    assert np.array_equal(first, fourth)
    assert np.array_equal(second, third)


def test_shares_of_the_mixture_sum_to_one():
    assert sum(share for _, share in mixture(8, 2)) == pytest.approx(1)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_autocorrelation_time_of_a_known_process(rho):
    # An AR(1) process has τ = (1 + ρ) / (1 − ρ); 64 series of 4,000 steps give it to 3 %.
    noise = np.sqrt(1 - rho**2) * RNG.standard_normal((4000, 64, 1))
    chain = np.empty_like(noise)
    chain[0] = RNG.standard_normal((64, 1))
    for step in range(1, len(chain)):
        chain[step] = rho * chain[step - 1] + noise[step]
    tau = integrated_time(chain)[0]
    assert tau == pytest.approx((1 + rho) / (1 - rho), rel=0.1)
    assert tau == pytest.approx(emcee.autocorr.integrated_time(chain, quiet=True)[0], rel=0.05)


def test_autocorrelation_does_not_overlook_walkers_stuck_in_two_places():
    chain = RNG.standard_normal((500, 32, 1))
    chain[:, :16] += 5
    assert integrated_time(chain)[0] > 100
    assert emcee.autocorr.integrated_time(chain, quiet=True)[0] < 2


def test_autocorrelation_time_of_what_never_moves_is_infinite():
    chain = np.stack([np.full((100, 8), 0.1), RNG.standard_normal((100, 8))], axis=-1)
    tau = integrated_time(chain)
    assert np.isinf(tau[0])
    assert 1 <= tau[1] < 2


PRIORS = [
    Prior((Parameter("u", Uniform(-3, 1)), Parameter("n", Normal(5, 2)))),
    Prior((Parameter("l", LogUniform(1e-3, 1)), Parameter("s", Sine()))),
    Prior((Parameter("g", LogNormal(0, 1)),)),
    Prior(
        (Parameter("a", Uniform(-3, 1)), Parameter("b", Uniform(-3, 2))),
        LinearConstraint(("a", "b"), (1.0, 1.0), 0.0),
    ),
    Prior((Parameter("n", Normal(0, 1)), Parameter("m", Normal(0, 1)))).restrict(
        [0.1, 0.0], [0.6, 0.5]
    ),
]


@pytest.mark.parametrize("prior", PRIORS)
def test_coordinates_carry_the_prior(prior):
    coordinates = Coordinates(prior)
    u = RNG.random((4000, prior.dim))
    y = coordinates.from_unit(u)
    assert coordinates.theta(y) == pytest.approx(prior.from_unit(u), rel=1e-9, abs=1e-9)
    # log p(y) − log p(θ) is the log of |dθ/dy|, here by central differences.
    step = 1e-6
    inside = np.all((u > 0.01) & (u < 0.99), axis=1)
    y, theta = y[inside], coordinates.theta(y[inside])
    jacobian = np.stack(
        [
            (coordinates.theta(y + step * axis) - coordinates.theta(y - step * axis)) / (2 * step)
            for axis in np.eye(prior.dim)
        ],
        axis=-1,
    )
    log_det = np.linalg.slogdet(jacobian)[1]
    difference = coordinates.log_prior(y) - prior.log_prob(theta)
    # A step across a bend of the constraint's map spoils a handful of differences.
    assert np.mean(np.abs(difference - log_det) < 1e-4) > 0.999


def test_coordinates_know_the_walls_of_bounded_parameters_only():
    coordinates = Coordinates(PRIORS[0])
    y = np.array([[0.5, 9.0], [-0.1, 0.0], [1.1, 0.0], [0.0, -9.0]])
    assert np.isfinite(coordinates.log_prior(y)).tolist() == [True, False, False, True]
    assert coordinates.log_prior(y)[0] == pytest.approx(stats.norm.logpdf(9.0))


def test_a_box_closes_the_ends_that_it_cuts():
    assert Coordinates(PRIORS[4]).open.tolist() == [False, True]


def test_draws_are_ordered_by_half_then_walker_then_time():
    steps, ensembles, walkers = 10, 2, 4
    step, walker = np.meshgrid(np.arange(steps), np.arange(walkers), indexing="ij")
    label = np.stack([step, walker], axis=-1)[:, np.newaxis, np.newaxis].astype(float)
    y = np.repeat(label, ensembles, axis=2)
    chains = Chains(np.array([0]), y, y[..., 0], np.zeros(1))
    # The first fifth is burn-in: steps 2 to 9 stay, in halves 2–5 and 6–9.
    kept, log_prob = chains.draws(0, 32)
    assert kept.shape == (2, 32, 2)
    expected = [
        [s, w] for half in (range(2, 6), range(6, 10)) for w in range(walkers) for s in half
    ]
    assert kept[0].tolist() == kept[1].tolist() == expected
    assert np.array_equal(log_prob, kept[..., 0])
    # Fewer draws are evenly spread over the same order.
    assert chains.draws(0, 8)[0][0].tolist() == expected[::4]
