"""The massive binary in LISA: signal, noise level, likelihood, grid and options."""

from __future__ import annotations

import numpy as np
import pytest

from sbiwb.errors import UsageError

pytest.importorskip("lisabeta")

from sbiwb.simulators.lisa.massive_binary import INJECTION, MassiveBinary


@pytest.fixture(scope="module")
def binary():
    return MassiveBinary()


def injection(binary, **changes):
    return np.array([[(INJECTION | changes)[name] for name in binary.prior.names]])


@pytest.mark.parametrize(("scale", "right"), [(1.0, True), (1.02, False)])
def test_the_likelihood_knows_the_level_of_the_noise(binary, scale, right):
    """−2 ln L at the truth is χ² with one degree of freedom an entry, plus its constant."""
    theta = np.repeat(injection(binary), 100, axis=0)
    mean = binary.mean(theta)
    x = mean + scale * (binary.simulate(theta, np.random.default_rng(4)) - mean)
    size = mean[0].size
    chi_squared = -2 * binary.log_likelihood(theta, x) - size * np.log(2 * np.pi)
    z = (chi_squared.mean() - size) / np.sqrt(2 * size / len(theta))
    assert (abs(z) < 4) == right


def test_a_signal_twice_as_far_is_half_as_loud(binary):
    near, far = (binary.snr(injection(binary, luminosity_distance=d))[0] for d in (2e4, 4e4))
    assert near == pytest.approx(2 * far)


def test_masses_may_be_given_either_way_round():
    from lisabeta.tools import pytools

    from sbiwb.simulators.lisa.response import source

    given = pytools.complete_mass_params(source(injection(MassiveBinary())[0]))
    assert given["m1"] > given["m2"]
    assert given["Mchirp"] == pytest.approx(INJECTION["chirp_mass"])


def test_the_coarse_grid_has_the_loudness_of_a_fine_one(binary):
    fine = MassiveBinary(frequencies=2048)
    theta = binary.prior.sample(20, np.random.default_rng(0))
    assert binary.snr(theta) == pytest.approx(fine.snr(theta), rel=2e-3)
    coarse = MassiveBinary(frequencies=16)
    assert not np.allclose(coarse.snr(theta), fine.snr(theta), rtol=2e-3)


def test_the_coarse_grid_has_the_curvature_of_a_fine_one(binary):
    """ln L of neighbours a few nats below the truth is the same to a twentieth of a nat."""
    fine = MassiveBinary(frequencies=2048)
    truth = injection(binary)
    for name, shift in (("chirp_mass", 30.0), ("t_c", 0.5), ("ecliptic_longitude", 0.01)):
        moved = injection(binary, **{name: INJECTION[name] + shift})
        below = [
            0.5 * np.sum((each.mean(moved) - each.mean(truth)) ** 2) for each in (binary, fine)
        ]
        assert below[0] == pytest.approx(below[1], rel=0.02, abs=0.05)


def test_the_third_channel_hears_little():
    three = MassiveBinary(3)
    power = np.sum(three.mean(injection(three)) ** 2, axis=(0, 2, 3))
    assert power[2] < 0.02 * power[:2].sum()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 4}, "2 or 3"),
        ({"f_min": 1e-6}, "bad band"),
        ({"frequencies": 1}, "bad band"),
        ({"ranges": {"mass": [1, 2]}}, "parameter in ranges"),
        ({"ranges": {"psi": [1]}}, "bad range of psi"),
    ],
)
def test_bad_options_are_one_clear_line(options, message):
    with pytest.raises(UsageError, match=message) as caught:
        MassiveBinary(**options)
    assert "\n" not in str(caught.value)


def test_ranges_narrow_the_prior():
    prior = MassiveBinary(ranges={"psi": [0.0, 1.0]}).prior
    assert not prior.parameters[prior.names.index("psi")].periodic
    assert prior.parameters[prior.names.index("phase")].periodic
