"""Relative binning, and the likelihood with phase integrated out in a network's own coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from sbiwb.errors import UsageError

pytest.importorskip("lalsimulation")
pytest.importorskip("bilby")

from sbiwb.simulators.gw.compact_binary import INJECTION, CompactBinary
from sbiwb.simulators.gw.phase_marginal import PhaseMarginal
from sbiwb.simulators.gw.relative_binning import RelativeBinning, bin_edges

NOISE = 1e15  # Mpc; no signal is left


@pytest.fixture(scope="module")
def binary():
    return CompactBinary()


@pytest.fixture(scope="module")
def marginal(binary):
    reference = np.array([INJECTION[name] for name in binary.prior.names])
    return PhaseMarginal(binary, binary.default_observation().x, reference)


def near(marginal, n, seed=0):
    """Coordinates as far from the injection as a posterior reaches."""
    rng = np.random.default_rng(seed)
    injected = np.array([INJECTION[name] for name in marginal.binary.prior.names])
    scale = np.array([0.5, 0.05, 0.1, 0.1, 100.0, 0.1, 0.2, 3e-4, 0.01, 0.1])
    y = marginal.coordinates(injected[np.newaxis]) + scale * rng.normal(size=(n, 10))
    y[:, 1] = np.minimum(y[:, 1], 1.0)
    return y


def test_bins_start_and_end_with_the_band():
    frequencies = np.arange(80, 1600) / 4
    for bins in (1, 10, 200):
        edges = bin_edges(frequencies, bins)
        assert edges[[0, -1]].tolist() == [0, len(frequencies) - 1]
        assert 2 <= len(edges) <= bins + 1
        assert np.all(np.diff(edges) > 0)


def test_products_of_a_ratio_linear_in_bins_are_exact():
    rng = np.random.default_rng(0)
    frequencies = np.arange(80, 400) / 4
    reference = rng.normal(size=(2, 320)) + 1j * rng.normal(size=(2, 320))
    data = rng.normal(size=(2, 320)) + 1j * rng.normal(size=(2, 320))
    binned = RelativeBinning(frequencies, reference, data, 12)
    at_edges = rng.normal(size=(3, 2, len(binned.edges), 2)).view(np.complex128)[..., 0]
    ratio = np.empty((3, 2, 320), dtype=np.complex128)
    for index in np.ndindex(3, 2):
        ratio[index] = np.interp(frequencies, binned.edges, at_edges[index])
    signal = ratio * reference
    with_data, with_itself = binned.products(at_edges)
    assert with_data == pytest.approx(np.sum(data.conj() * signal, axis=(1, 2)))
    assert with_itself == pytest.approx(np.sum(np.abs(signal) ** 2, axis=(1, 2)))


def test_it_is_the_average_of_the_exact_likelihood_over_phase(binary, marginal):
    y = near(marginal, 5)
    x = binary.default_observation().x
    phases = 2 * np.pi * np.arange(1024) / 1024  # the likelihood is 0.1 rad wide
    for row, value in zip(y, marginal.log_likelihood(y), strict=True):
        theta = marginal.theta(np.repeat(row[np.newaxis], 1025, axis=0), np.r_[phases, 0.0])
        theta[-1, 4] = NOISE
        exact = binary.log_likelihood(theta, x)
        # What relative binning loses, a hundred below the maximum for the worst of these.
        assert value == pytest.approx(logsumexp(exact[:-1]) - np.log(1024) - exact[-1], abs=2e-2)


def test_it_is_zero_where_the_prior_of_the_time_is(marginal):
    y = near(marginal, 2)
    y[1, 7] = marginal.prior.parameters[7].distribution.high
    assert np.isfinite(marginal.log_likelihood(y)).tolist() == [True, False]


def test_coordinates_have_the_prior_of_the_parameters(binary, marginal):
    theta = marginal.theta(marginal.prior.sample(4000, np.random.default_rng(1)))
    inside = np.abs(theta[:, 8]) < 0.1
    for name in ("luminosity_distance", "t_c", "ra", "dec"):
        k = binary.prior.names.index(name)
        # A position of the source other than isotropic would show in one of the last three.
        values = binary.prior.to_unit(np.where(inside[:, np.newaxis], theta, theta[inside][0]))
        assert stats.kstest(values[inside, k], "uniform").pvalue > 1e-3
    # The range of the time is wider by what is left out, up to its Monte Carlo error.
    assert inside.mean() == pytest.approx(np.exp(marginal.log_time_share), abs=4 * 0.4 / 63)


def test_coordinates_go_back_and_forth(marginal):
    y = near(marginal, 20)
    y[:, 6] %= np.pi / 2
    assert marginal.coordinates(marginal.theta(y)) == pytest.approx(y, abs=1e-9)


def test_arrival_is_at_the_first_detector(marginal):
    y = near(marginal, 4)
    time, _ = marginal.binary.signal.response(marginal.theta(y))
    assert time[:, 0] - marginal.binary.signal.after == pytest.approx(y[:, 7], abs=1e-6)
    # On the line between them, the delay is all of their distance, 10.01 ms.
    y[:, 8] = 1.0
    time, _ = marginal.binary.signal.response(marginal.theta(y))
    assert time[:, 1] - time[:, 0] == pytest.approx(np.full(4, 0.01001), abs=1e-5)


def test_phases_are_drawn_from_their_conditional_density(binary, marginal):
    """Ranks of drawn phases in the exact likelihood on a fine grid are uniform."""
    row = near(marginal, 1)
    theta, log_weight, snr = marginal.draw(np.repeat(row, 400, axis=0), np.random.default_rng(2))
    assert np.abs(log_weight).max() < 5e-3
    assert snr == pytest.approx(binary.snr(theta))
    # Both halves of polarisation, which are the same signal.
    assert abs(np.mean(theta[:, 6] > np.pi / 2) - 0.5) < 4 * 0.025
    grid = np.linspace(0, 2 * np.pi, 1025)
    at = np.repeat(theta[theta[:, 6] < np.pi / 2][:1], 1025, axis=0)
    at[:, 7] = grid
    density = binary.log_likelihood(at, binary.default_observation().x)
    cumulative = np.cumsum(np.exp(density - density.max()))
    phase = theta[theta[:, 6] < np.pi / 2, 7]
    ranks = np.interp(phase, grid + grid[1] / 2, cumulative / cumulative[-1])
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3
    shifted = np.interp(phase + 0.03, grid + grid[1] / 2, cumulative / cumulative[-1])
    assert stats.kstest(shifted, "uniform").pvalue < 1e-3  # a planted fault


@pytest.mark.parametrize(
    "options",
    [{"detectors": ["H1"]}, {"ranges": {"ra": [1.0, 2.0]}}, {"ranges": {"dec": [0.0, 1.0]}}],
)
def test_binaries_that_do_not_suit_are_refused(options, marginal):
    binary = CompactBinary(f_max=64.0, **options)
    with pytest.raises(UsageError, match="two detectors"):
        PhaseMarginal(binary, binary.default_observation().x, np.zeros(11))
