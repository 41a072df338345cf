"""The binary without its phase: frame of two detectors, summaries, exact likelihood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

from sbiwb.config import find_recipe, read_recipe
from sbiwb.errors import DataError, UsageError
from sbiwb.testing import check_simulator

pytest.importorskip("lalsimulation")
pytest.importorskip("bilby")

from sbiwb.simulators.gw.compact_binary import INJECTION, CompactBinary
from sbiwb.simulators.gw.detectors import Network
from sbiwb.simulators.gw.network_frame import NetworkFrame, network_prior
from sbiwb.simulators.gw.phase_free import PhaseFree
from sbiwb.simulators.gw.phase_marginal import PhaseMarginal

TRIGGER = 1126259462.4
REFERENCE = Path(__file__).parents[1] / "references/gw150914.nc"
SMALL = {"f_max": 128.0, "duration": 2.5}
RANGES = {"chirp_mass": [28.0, 33.0], "t_H1": [0.015, 0.03], "luminosity_distance": [500.0, 1500.0]}


@pytest.fixture(scope="module")
def free():
    return PhaseFree(**SMALL, ranges=RANGES, components=12, training=300)


@pytest.fixture(scope="module")
def theta(free):
    return free.prior.sample(6, np.random.default_rng(0))


# -- frame --------------------------------------------------------------------------------------


def test_the_frame_goes_back_and_forth():
    frame = NetworkFrame(Network(["H1", "L1"], TRIGGER))
    rng = np.random.default_rng(0)
    where = rng.uniform(-0.1, 0.1, 50), np.arccos(rng.uniform(-1, 1, 50)), rng.uniform(0, 6.28, 50)
    back = frame.from_equatorial(*frame.to_equatorial(*where))
    for there, here in zip(where, back, strict=True):
        assert here == pytest.approx(there, abs=1e-9)


def test_arrival_is_at_the_first_detector_and_the_zenith_is_the_delay():
    network = Network(["H1", "L1"], TRIGGER)
    arrival, zenith, azimuth = np.full(3, 0.02), np.array([0.0, 1.2, np.pi]), np.array([0, 2.0, 1])
    time, ra, dec = NetworkFrame(network).to_equatorial(arrival, zenith, azimuth)
    _, delay = network(ra, dec, np.zeros(3), time)
    # 10.01 ms of light between them; the Earth turns a little in 20 ms.
    assert time + delay[:, 0] == pytest.approx(arrival, abs=1e-7)
    assert delay[:, 1] - delay[:, 0] == pytest.approx(0.010013 * np.cos(zenith), abs=1e-6)


def test_an_isotropic_frame_is_an_isotropic_sky():
    frame = NetworkFrame(Network(["L1", "V1"], TRIGGER))
    theta = network_prior("L1", {}).sample(4000, np.random.default_rng(3))
    _, ra, dec = frame.to_equatorial(*theta[:, 7:].T)
    assert stats.kstest(ra / (2 * np.pi), "uniform").pvalue > 1e-3
    assert stats.kstest((np.sin(dec) + 1) / 2, "uniform").pvalue > 1e-3
    assert stats.kstest((dec + np.pi / 2) / np.pi, "uniform").pvalue < 1e-3  # a planted fault


def test_a_part_of_a_circle_is_not_periodic():
    prior = network_prior("H1", {"azimuth": [1.0, 2.0], "zenith": [2.0, 2.5]})
    assert [p.name for p in prior.parameters if p.periodic] == ["psi"]
    assert prior.names[7:] == ("t_H1", "zenith", "azimuth")


# -- simulator ----------------------------------------------------------------------------------


def test_the_contract(free):
    check_simulator(free, n=8)


def test_the_likelihood_is_the_average_over_phase_of_that_of_the_components(free, theta):
    """p(x) = |c₁| ∫dα p(c), where the phase of c₁ is α and all phases of the signal are alike."""
    x = free.simulate(theta, np.random.default_rng(1))
    number = (x.shape[1] + 1) // 2
    turns = np.exp(2j * np.pi * np.arange(4096) / 4096)
    for row, data, value in zip(theta, x, free.log_likelihood(theta, x), strict=True):
        c = data[:number] + 1j * np.concatenate([[0.0], data[number:]])
        signal = free.components(row[np.newaxis])[0]
        square = np.sum(np.abs(c - turns[:, np.newaxis] * signal) ** 2, axis=1)
        mean = logsumexp(-square / 2) - np.log(4096) - number * np.log(2 * np.pi)
        assert value == pytest.approx(mean + np.log(2 * np.pi * c[0].real))


def test_it_falls_short_of_the_whole_likelihood_by_what_is_outside_the_bases():
    """The same difference for all parameters near the truth, averaged over phase."""
    free = PhaseFree(**SMALL, ranges=RANGES, components=40, training=300)
    whole = CompactBinary(**SMALL)
    x, short = whole.default_observation().x, free.default_observation().x
    frame = [np.array([INJECTION[name]]) for name in ("t_c", "ra", "dec")]
    row = [INJECTION[name] for name in free.prior.names[:6]] + [INJECTION["psi"]]
    row += [float(v[0]) for v in free.frame.from_equatorial(*frame)]
    near = np.tile(row, (4, 1))
    near[1, 0], near[2, 4], near[3, 8] = 30.5, 1100.0, near[0, 8] + 0.03
    difference = []
    for one, value in zip(near, free.log_likelihood(near, short), strict=True):
        phases = 2 * np.pi * np.arange(512) / 512
        turned = free.binary_parameters(np.tile(one, (512, 1)), phases)
        difference.append(value - logsumexp(whole.log_likelihood(turned, x)))
    assert np.ptp(difference) < 0.02


def test_density_integrates_to_one():
    """Over one detector's component and another's: three numbers, importance-sampled."""
    free = PhaseFree(**SMALL, ranges=RANGES, components=1, training=20)
    row = free.prior.sample(1, np.random.default_rng(5))
    rng = np.random.default_rng(6)
    centre = free.simulate(np.repeat(row, 4000, axis=0), rng)
    spread = stats.multivariate_normal(centre.mean(axis=0), 3 * np.cov(centre.T))
    x = spread.rvs(40_000, random_state=rng)
    with np.errstate(under="ignore"):
        value = np.exp(free.log_likelihood(np.repeat(row, len(x), axis=0), x) - spread.logpdf(x))
    assert abs(value.mean() - 1) < 5 * value.std() / np.sqrt(len(x))


def test_a_quarter_turn_of_polarisation_changes_nothing(free, theta):
    turned = theta.copy()
    turned[:, 6] += np.pi / 2
    x = free.default_observation().x
    assert free.log_likelihood(turned, x) == pytest.approx(free.log_likelihood(theta, x))


def test_simulations_do_not_depend_on_how_rows_are_divided(free):
    theta = free.prior.sample(70, np.random.default_rng(2))
    whole = free.simulate(theta, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    parts = [free.simulate(theta[at], rng) for at in (slice(3), slice(3, 44), slice(44, 70))]
    assert np.array_equal(whole, np.concatenate(parts))


def test_fewer_components_lose_more(free):
    few = PhaseFree(**SMALL, ranges=RANGES, components=4, training=300)
    assert np.all(few.lost > 10 * free.lost)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detectors": ["H1"]}, "two detectors"),
        ({"ranges": {"t_L1": [0, 1]}}, "t_L1"),
        ({"ranges": {"zenith": 1.0}}, "bad range of zenith"),
        ({"components": 0}, "bad number of components"),
        ({"data": "gw150941"}, "did you mean 'gw150914'"),
    ],
)
def test_bad_options_are_one_clear_line(options, message):
    with pytest.raises(UsageError, match=message) as caught:
        PhaseFree(**SMALL, **options)
    assert "\n" not in str(caught.value)


# -- GW150914 -----------------------------------------------------------------------------------


def test_the_recipe_asks_for_the_posterior_of_the_reference():
    """Its likelihood and the whole strain's differ by a constant on the reference's draws."""
    whole = whole_event()
    recipe = read_recipe(find_recipe("gw150914"))
    posed = recipe.problems["gw150914"]
    free = PhaseFree(**posed.options)
    reference = xr.load_dataset(REFERENCE, engine="h5netcdf").isel(draw=slice(20))
    draws = {name: reference[name].values.ravel().astype(float) for name in reference.data_vars}
    where = free.frame.from_equatorial(draws["t_c"], draws["ra"], draws["dec"])
    psi = draws["psi"] % (np.pi / 2)
    theta = np.column_stack([*(draws[name] for name in free.prior.names[:6]), psi, *where])
    assert np.all(np.isfinite(free.prior.log_prob(theta)))
    short = free.log_likelihood(theta, free.default_observation().x)
    data = whole.default_observation().x
    exact = np.stack([draws[name] for name in whole.prior.names], axis=1)
    marginal = PhaseMarginal(whole, data, exact[0])
    difference = short - marginal.log_likelihood(marginal.coordinates(exact))
    # What the bases lose and relative binning neglects, in nats.
    assert np.std(difference) < 0.2
    moved = free.log_likelihood(theta + np.eye(10)[0] * 0.5, free.default_observation().x)
    assert np.std(moved - short + difference) > 0.2  # a planted fault: half a solar mass


def whole_event():
    try:
        return CompactBinary("gw150914")
    except (DataError, UsageError) as error:
        pytest.skip(f"the strain is not here: {error}")
