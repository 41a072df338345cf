"""The compact binary as a simulator: signal, noise, likelihood, summaries, options, GW150914."""

from __future__ import annotations

import numpy as np
import pytest

from sbiwb.errors import DataError, UsageError
from sbiwb.testing import check_simulator

pytest.importorskip("lalsimulation")
pytest.importorskip("bilby")

from sbiwb.simulators.gw.compact_binary import INJECTION, CompactBinary

SMALL = {"f_max": 128.0, "duration": 2.5}
NARROW = {
    "chirp_mass": [29.0, 32.0],
    "mass_ratio": [0.5, 1.0],
    "ra": [1.9, 2.1],
    "dec": [-1.25, -1.15],
    "t_c": [0.005, 0.015],
}


@pytest.fixture(scope="module")
def binary():
    return CompactBinary(**SMALL)


@pytest.fixture(scope="module")
def event():
    try:
        return CompactBinary("gw150914")
    except (DataError, UsageError) as error:
        pytest.skip(f"the strain is not here: {error}")


def injection(binary, **changes):
    return np.array([[(INJECTION | changes)[name] for name in binary.prior.names]])


def test_shape_and_noise(binary):
    x = binary.simulate(np.repeat(injection(binary), 50, axis=0), np.random.default_rng(0))
    assert x.shape == (50, 2, len(binary.grid), 2)
    noise = x - binary.mean(injection(binary))
    assert noise.std() == pytest.approx(1, abs=5 / np.sqrt(2 * noise.size))


def test_simulations_do_not_depend_on_how_rows_are_divided(binary):
    theta = binary.prior.sample(70, np.random.default_rng(2))
    whole = binary.simulate(theta, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    parts = [binary.simulate(theta[at], rng) for at in (slice(3), slice(3, 44), slice(44, 70))]
    assert np.array_equal(whole, np.concatenate(parts))
    again = np.concatenate([binary.simulate(theta[:1], np.random.default_rng(3)), whole[1:]])
    assert np.array_equal(whole, again)


def test_a_simulation_is_noise_about_the_mean(binary):
    """The same noise about any signal, to rounding."""
    theta = binary.prior.sample(5, np.random.default_rng(2))
    noise = [
        binary.simulate(rows, np.random.default_rng(3)) - binary.mean(rows)
        for rows in (theta, theta[::-1])
    ]
    assert noise[0] == pytest.approx(noise[1], abs=1e-12)
    assert np.abs(binary.mean(theta) - binary.mean(theta[::-1])).max() > 0.1


def test_a_signal_twice_as_far_is_half_as_loud(binary):
    near, far = (binary.snr(injection(binary, luminosity_distance=d))[0] for d in (500, 1000))
    assert near == pytest.approx(2 * far)


def test_half_a_turn_of_phase_changes_nothing_and_a_quarter_the_sign(binary):
    mean = binary.mean(injection(binary, phase=1.0))
    assert binary.mean(injection(binary, phase=1.0 + np.pi)) == pytest.approx(mean)
    assert binary.mean(injection(binary, phase=1.0 + np.pi / 2)) == pytest.approx(-mean)


def test_psi_has_period_pi(binary):
    mean = binary.mean(injection(binary, psi=0.3))
    assert binary.mean(injection(binary, psi=0.3 + np.pi)) == pytest.approx(mean)


def test_the_default_event_is_found_where_it_was_put(binary):
    x = binary.default_observation().x
    there = binary.log_likelihood(injection(binary), x)[0]
    for name, shift in (("chirp_mass", 4.0), ("t_c", 0.01), ("phase", 0.7)):
        moved = injection(binary, **{name: INJECTION[name] + shift})
        assert binary.log_likelihood(moved, x)[0] < there - 10


def test_more_detectors_hear_more():
    two = CompactBinary(detectors=["H1", "L1"], **SMALL)
    three = CompactBinary(detectors=["H1", "L1", "V1"], **SMALL)
    assert three.snr(injection(three)) > two.snr(injection(two))
    assert three.output.shape == (3, len(three.grid), 2)


def test_a_noise_curve_of_ones_own(tmp_path):
    path = tmp_path / "flat_asd.txt"
    path.write_text("1 1e-23\n4000 1e-23\n")
    flat = CompactBinary(psd=str(path), **SMALL)
    assert flat.psd == pytest.approx(np.full((2, len(flat.grid)), 1e-46))


# -- summaries ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reduced():
    return CompactBinary(
        **SMALL, ranges=NARROW, summary="svd", components=32, training=400, basis_seed=3
    )


def test_summaries_keep_the_contract(reduced):
    check_simulator(reduced, n=8)


def test_summaries_lose_the_signal_outside_the_basis_and_nothing_else(reduced):
    whole = CompactBinary(**SMALL, ranges=NARROW)
    theta = whole.prior.sample(64, np.random.default_rng(0))
    x = whole.default_observation().x
    residual = (x - whole.mean(theta)).reshape(64, -1)
    outside = np.sum(residual**2, axis=1) - np.sum((residual @ reduced.basis.vectors) ** 2, axis=1)
    short = reduced.log_likelihood(theta, reduced.basis(x[np.newaxis])[0])
    normal = 0.5 * np.log(2 * np.pi) * (x.size - 32)
    assert whole.log_likelihood(theta, x) == pytest.approx(short - outside / 2 - normal)
    assert reduced.basis.lost < 2e-3
    few = CompactBinary(**SMALL, ranges=NARROW, summary="svd", components=4, training=100)
    assert few.basis.lost > 10 * reduced.basis.lost


def test_summaries_of_the_data_belong_to_the_same_basis(reduced):
    whole = CompactBinary(**SMALL, ranges=NARROW)
    x = whole.default_observation().x
    assert reduced.default_observation().x == pytest.approx(reduced.basis(x[np.newaxis])[0])


@pytest.mark.parametrize(("scale", "right"), [(1.0, True), (1.01, False)])
def test_the_likelihood_knows_the_level_of_the_noise(binary, scale, right):
    """−2 ln L at the truth is χ² with one degree of freedom an entry, plus its constant."""
    theta = np.repeat(injection(binary), 100, axis=0)
    mean = binary.mean(theta)
    x = mean + scale * (binary.simulate(theta, np.random.default_rng(4)) - mean)
    size = mean[0].size
    chi_squared = -2 * binary.log_likelihood(theta, x) - size * np.log(2 * np.pi)
    z = (chi_squared.mean() - size) / np.sqrt(2 * size / len(theta))
    assert (abs(z) < 4) == right


# -- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "gw150941"}, "did you mean 'gw150914'"),
        ({"summary": "pca"}, "unknown summary"),
        ({"psd": "off_source"}, "no strain to estimate"),
        ({"psd": "nothing.txt"}, "unknown noise curve"),
        ({"f_min": 200.0, "f_max": 100.0}, "bad segment or band"),
        ({"duration": 2.0}, "bad segment or band"),
        ({"ranges": {"mass": [1, 2]}}, "mass"),
        ({"trigger": 1.0}, "files of your own"),
        ({"data": {"H1": "nowhere.hdf5"}}, "trigger"),
        ({"data": {"H1": "nowhere.hdf5"}, "trigger": 1.0}, "no strain file"),
        ({"detectors": ["H1", "X1"]}, "unknown detector"),
    ],
)
def test_bad_options_are_one_clear_line(options, message):
    with pytest.raises((UsageError, DataError), match=message) as caught:
        CompactBinary(**options)
    assert "\n" not in str(caught.value)


# -- GW150914 -----------------------------------------------------------------------------------


def test_files_of_ones_own_are_the_event(event, tmp_path):
    from sbiwb.simulators.gw.data import event_files

    files = {name: str(path) for name, path in event_files("gw150914").items()}
    own = CompactBinary(files, trigger=1126259462.4)
    assert np.array_equal(own.default_observation().x, event.default_observation().x)
    assert set(own.options["sha256"]) == {"H1", "L1"}
    wrong = own.options["sha256"] | {"L1": "0" * 64}
    with pytest.raises(DataError, match="has changed"):
        CompactBinary(files, trigger=1126259462.4, sha256=wrong)


def test_the_strain_of_the_event_is_white_away_from_the_signal(event):
    power = np.sum(event.default_observation().x ** 2, axis=2)  # (detectors, bins): χ² with 2 dof
    quiet = event.grid.frequencies > 260
    # The median of χ²₂ is 2 ln 2; lines are no part of it.  1.25/√n is the median's relative error.
    median = np.median(power[:, quiet], axis=1) / (2 * np.log(2))
    assert np.all(np.abs(median - 1) < 0.15)


def test_the_event_is_as_loud_as_it_should_be(event):
    """Matched-filter SNR maximised over time, phase and amplitude in each detector."""
    x = event.default_observation().x.view(np.complex128)[..., 0]
    theta = injection(event, chirp_mass=31.0, mass_ratio=0.95, chi_1=0.0, chi_2=0.0)
    template = event.mean(theta)[0].view(np.complex128)[..., 0]
    padded = np.zeros((2, 1 << 15), dtype=complex)
    padded[:, : x.shape[1]] = x * template.conj()
    peak = np.abs(np.fft.ifft(padded) * padded.shape[1]).max(axis=1)
    snr = peak / np.linalg.norm(template, axis=1)
    # 23.7 in the discovery paper (arXiv:1602.03837); an estimate from 28 s of noise is good to 3 %.
    assert np.linalg.norm(snr) == pytest.approx(23.7, rel=0.06)
    assert snr[0] > snr[1]


@pytest.mark.usefixtures("event")
def test_the_figure_of_the_documentation_is_drawn(tmp_path):
    import runpy
    from pathlib import Path

    script = Path(__file__).parents[2] / "docs/examples/gravitational_waves.py"
    runpy.run_path(str(script))["main"](tmp_path / "figure.png", draws=20)
    assert (tmp_path / "figure.png").stat().st_size > 10_000
