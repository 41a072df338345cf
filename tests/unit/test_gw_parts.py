"""Parts of the gravitational-wave simulator: antennas, waveform grid, noise, strain, priors."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy import integrate, stats

from sbiwb.errors import DataError, UsageError

lal = pytest.importorskip("lal")
lalsimulation = pytest.importorskip("lalsimulation")
pytest.importorskip("bilby")

from sbiwb.simulators.gw.basis import svd_basis  # noqa: E402
from sbiwb.simulators.gw.detectors import DETECTORS, Network  # noqa: E402
from sbiwb.simulators.gw.noise import DESIGN, curve_psd, welch_psd  # noqa: E402
from sbiwb.simulators.gw.priors import PARAMETERS, AlignedSpin, binary_prior  # noqa: E402
from sbiwb.simulators.gw.strain import Segment, Strain, read_strain  # noqa: E402
from sbiwb.simulators.gw.waveform import Grid, component_masses, phenom_d  # noqa: E402
from sbiwb.simulators.gw.white_noise import fill_white  # noqa: E402

TRIGGER = 1126259462.4
SKY = np.array([[0.3, 0.7, 1.1], [4.0, -1.2, 0.2], [2.1, 0.0, 3.0]])


# -- detectors ----------------------------------------------------------------------------------


def test_antenna_patterns_and_delays_are_those_of_lal():
    time = 0.05
    network = Network(list(DETECTORS), TRIGGER)
    pattern, delay = network(*SKY.T, np.full(len(SKY), time))
    gps = lal.LIGOTimeGPS(TRIGGER + time)
    sidereal = lal.GreenwichMeanSiderealTime(gps)
    for k, name in enumerate(DETECTORS):
        detector = lal.cached_detector_by_prefix[name]
        for i, (ra, dec, psi) in enumerate(SKY):
            plus, cross = lal.ComputeDetAMResponse(detector.response, ra, dec, psi, sidereal)
            # LAL's response tensors are single precision, and so are its sums.
            assert pattern[i, k] == pytest.approx(plus + 1j * cross, abs=1e-6)
            expected = lal.TimeDelayFromEarthCenter(detector.location, ra, dec, gps)
            assert delay[i, k] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("names", [[], "H1", ["H1", "H1"], ["H1", "L2"]])
def test_bad_detectors_are_refused(names):
    with pytest.raises(UsageError, match="detector"):
        Network(names, TRIGGER)


# -- waveform -----------------------------------------------------------------------------------


def test_the_waveform_is_that_of_lalsimulation_for_every_inclination():
    grid = Grid(4.0, 20.0, 300.0)
    row = np.array([[28.0, 0.7, 0.4, -0.3]])
    m1, m2 = component_masses(28.0, 0.7)
    iota, phase, distance = 0.9, 0.6, 500.0
    plus, cross = lalsimulation.SimInspiralChooseFDWaveform(
        m1 * lal.MSUN_SI, m2 * lal.MSUN_SI, 0, 0, 0.4, 0, 0, -0.3, distance * 1e6 * lal.PC_SI,
        iota, phase, 0, 0, 0, 0.25, 20.0, 512.0, 20.0, None, lalsimulation.IMRPhenomD,
    )  # fmt: skip
    ours = phenom_d(row, grid, 20.0)[0] / distance * np.exp(2j * phase)
    band = slice(grid.first, grid.stop)
    scale = np.abs(plus.data.data).max()
    pairs = ((plus, (1 + np.cos(iota) ** 2) / 2), (cross, -1j * np.cos(iota)))
    for theirs, factor in pairs:
        assert np.abs(factor * ours - theirs.data.data[band]).max() < 1e-10 * scale
    assert np.abs(ours[-1]) > 0  # lalsimulation leaves out the last frequency it is asked for


def test_corners_of_the_prior_have_waveforms():
    corners = np.array(
        [[m, q, a, b] for m in (25, 40) for q in (0.125, 1) for a in (-0.99, 0.99)
         for b in (-0.99, 0.99)]
    )  # fmt: skip
    assert np.all(np.isfinite(phenom_d(corners, Grid(4.0, 20.0, 400.0), 20.0)))


def test_component_masses_invert_the_chirp_mass():
    m1, m2 = component_masses(30.0, 0.6)
    assert (m1 * m2) ** 0.6 / (m1 + m2) ** 0.2 == pytest.approx(30.0)
    assert m2 / m1 == pytest.approx(0.6)


def test_a_grid_holds_both_ends():
    grid = Grid(4.0, 20.1, 30.0)
    assert grid.frequencies[[0, -1]].tolist() == [20.25, 30.0]
    assert len(grid) == len(grid.frequencies) == 40


# -- noise --------------------------------------------------------------------------------------


def white(rows=100, columns=20_000, seed=0):
    out = np.empty((rows, columns), dtype=np.complex128)
    fill_white(out, np.random.default_rng(seed))
    return out


def normality(values):
    """p-value of a standard normal by Kolmogorov and Smirnov, and z-scores of two moments."""
    n = values.size
    fourth = (np.mean(values**4) - 3) / np.sqrt(96 / n)
    return stats.kstest(values, "norm").pvalue, (np.mean(values**2) - 1) / np.sqrt(2 / n), fourth


def test_white_noise_is_standard_normal_in_both_parts():
    noise = white()
    for part in (noise.real.ravel(), noise.imag.ravel()):
        p_value, second, fourth = normality(part)
        assert p_value > 1e-4
        assert max(abs(second), abs(fourth)) < 4.5
        # Beyond 4 σ: 127 of 2 million are expected.
        assert abs(np.sum(np.abs(part) > 4) - 126.7) < 4.5 * np.sqrt(126.7)
    # Uncorrelated with each other, with the next number, and in their squares.
    whole = noise.ravel()
    pairs = [
        (whole.real, whole.imag),
        (whole.real[1:], whole.real[:-1]),
        (*(np.abs(noise[:2]) ** 2),),
    ]
    for a, b in pairs:
        assert abs(np.corrcoef(a, b)[0, 1]) * np.sqrt(len(a)) < 4.5
    assert normality(1.01 * noise.real.ravel())[1] > 4.5  # a planted fault


def test_white_noise_does_not_depend_on_how_rows_are_divided():
    whole, rng = np.empty((7, 33), dtype=np.complex128), np.random.default_rng(1)
    for rows in (slice(2), slice(2, 7)):
        fill_white(whole[rows], rng)
    assert np.array_equal(whole, white(7, 33, seed=1))
    assert not np.array_equal(whole[0], whole[1])


def test_design_curves_are_the_files():
    at = np.array([50.0, 100.0, 300.0])
    assert np.all(curve_psd(DESIGN["V1"], at) > curve_psd(DESIGN["H1"], at))
    # Advanced LIGO's design reaches 4e-24/√Hz.
    assert np.sqrt(curve_psd(DESIGN["H1"], at)[1]) == pytest.approx(4e-24, rel=0.2)
    amplitude = np.sqrt(curve_psd("aLIGO_ZERO_DET_high_P_asd.txt", at))
    assert amplitude**2 == pytest.approx(curve_psd("aLIGO_ZERO_DET_high_P_psd.txt", at), rel=0.01)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("10 1e-46\n20 x\n", "cannot read the noise curve"),
        ("10 1e-46 3\n20 1e-46 3\n", "two columns"),
        ("20 1e-46\n10 1e-46\n", "rising frequency"),
        ("10 0\n2000 1e-46\n", "positive density"),
        ("60 1e-46\n2000 1e-46\n", "does not cover the band"),
    ],
)
def test_bad_noise_curves_are_refused(tmp_path, content, message):
    path = tmp_path / "own_psd.txt"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        curve_psd(str(path), np.array([50.0, 100.0]))


def test_an_unknown_noise_curve_is_named():
    with pytest.raises(UsageError, match="aLIGO_O4_high_asd"):
        curve_psd("aLIGO_O4_high_asd", np.array([50.0]))


def inverse_of_welch(scale=1.0):
    """Mean of S/P over frequencies and its standard error, for white noise with S = 2/rate."""
    rate, rng = 256.0, np.random.default_rng(5)
    at = np.arange(20.0, 100.0, 1.0)  # every second bin: neighbours are correlated by the window
    ratios = []
    for _ in range(60):
        pieces = [rng.standard_normal(int(8 * rate)), rng.standard_normal(int(6 * rate))]
        ratios.append(2 / rate / (scale * welch_psd(pieces, rate, at)))
    ratios = np.array(ratios)
    return ratios.mean(), ratios.std() / np.sqrt(ratios.size)


def test_the_inverse_of_an_estimated_psd_is_unbiased():
    mean, error = inverse_of_welch()
    assert abs(mean - 1) < 5 * error + 0.005
    # Without the correction by (n − 1)/n for the 12 windows, it would be 10 % too large.
    mean, error = inverse_of_welch(scale=1 - 1.06 / 12)
    assert mean - 1 > 5 * error + 0.005


def test_too_little_strain_for_an_estimate_is_refused():
    with pytest.raises(DataError, match="too little strain"):
        welch_psd([np.zeros(1000)], 256.0, np.array([50.0]))


# -- strain -------------------------------------------------------------------------------------


def strain(seconds=16, rate=512.0, bad=()):
    values = np.random.default_rng(2).standard_normal(int(seconds * rate))
    values[list(bad)] = np.nan
    return Strain(values, TRIGGER - 8.0, rate)


GRID = Grid(4.0, 20.0, 200.0)


def inverse_power(segment):
    return np.mean(1 / segment.off_source_psd())


def test_a_segment_is_cut_about_the_trigger():
    segment = Segment(strain(), TRIGGER, GRID)
    assert segment.start == pytest.approx(TRIGGER - 2.0)
    # White noise of variance 1 has S = 2/rate; the window takes 1/16 of the power.
    power = np.abs(segment.spectrum()) ** 2 / (2 / 512 * 4 / 2)
    assert power.mean() == pytest.approx(15 / 16, abs=5 / np.sqrt(power.size))
    assert inverse_power(segment) == pytest.approx(512 / 2, rel=0.1)


def test_the_event_is_not_in_the_estimate_of_the_noise():
    loud = strain()
    segment = Segment(loud, TRIGGER, GRID)
    loud.values[segment.slice] += 100 * np.sin(np.arange(2048))
    assert inverse_power(segment) == pytest.approx(512 / 2, rel=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Segment(strain(), TRIGGER + 7, GRID), "does not hold the segment"),
        (lambda: Segment(strain(rate=256.0), TRIGGER, GRID), "Nyquist"),
        (lambda: Segment(strain(bad=[4000]), TRIGGER, GRID), "gaps in the segment"),
        (lambda: Segment(strain(bad=[9]), TRIGGER, GRID).off_source_psd(), "gaps outside"),
    ],
)
def test_strain_that_cannot_be_used_is_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_strain_is_read_from_the_open_format(tmp_path):
    path = tmp_path / "H-H1.hdf5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("strain/Strain", data=np.arange(4.0))
        data.attrs["Xstart"], data.attrs["Xspacing"] = 1126259446, 1 / 4096
    read = read_strain(path)
    assert (read.start, read.rate, read.values.tolist()) == (1126259446, 4096, [0, 1, 2, 3])
    path.write_text("no HDF5")
    with pytest.raises(DataError, match="HDF5 file of GWOSC"):
        read_strain(path)


# -- priors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", [(-0.99, 0.99), (-0.2, 0.6), (0.1, 0.5)])
def test_an_aligned_spin_is_the_projection_of_an_isotropic_one(ends):
    spin = AlignedSpin(0.99, *ends)
    rng = np.random.default_rng(1)
    projected = 0.99 * rng.random(200_000) * rng.uniform(-1, 1, 200_000)
    projected = projected[(projected > ends[0]) & (projected < ends[1])]
    assert stats.kstest(projected, spin.cdf).pvalue > 1e-3
    assert stats.kstest(projected + 0.01, spin.cdf).pvalue < 1e-6  # a planted fault
    u = np.linspace(0, 1, 101)
    assert spin.cdf(spin.ppf(u)) == pytest.approx(u, abs=1e-9)
    assert spin.ppf(np.array([0.0, 1.0])) == pytest.approx(ends, abs=1e-7)
    a, b = spin.ppf(np.array([0.6, 0.9]))
    area, _ = integrate.quad(lambda x: np.exp(spin.log_pdf(np.array(x))), a, b)
    assert area == pytest.approx(0.3, abs=1e-7)


@pytest.mark.parametrize("bad", [(1.5, -1.5, 1.5), (0.9, 0.5, 0.1), (0.9, -0.95, 0.0)])
def test_impossible_spins_are_refused(bad):
    with pytest.raises(UsageError, match="aligned spin"):
        AlignedSpin(*bad)


def test_ranges_narrow_the_prior():
    prior = binary_prior({"ra": [1.0, 2.0], "chi_1": [0.0, 0.5], "psi": [0.0, np.pi]})
    found = {parameter.name: parameter for parameter in prior.parameters}
    assert found["ra"].distribution.support == (1.0, 2.0)
    assert not found["ra"].periodic
    assert found["psi"].periodic
    assert found["chi_1"].distribution.most == 0.99
    assert prior.names == tuple(parameter.name for parameter in PARAMETERS)
    for bad, message in (({"mass": [1, 2]}, "mass"), ({"ra": [1]}, "bad range of ra")):
        with pytest.raises(UsageError, match=message):
            binary_prior(bad)


# -- reduced basis ------------------------------------------------------------------------------


def test_a_basis_spans_what_signals_have_in_common():
    prior = binary_prior({})
    fixed = np.random.default_rng(0).standard_normal((3, 40))

    def mean(theta):
        return (theta[:, :3] @ fixed).reshape(len(theta), 2, 20)

    basis = svd_basis(mean, prior, 3, training=30, seed=1)
    assert basis.vectors.T @ basis.vectors == pytest.approx(np.eye(3), abs=1e-12)
    assert abs(basis.lost) < 1e-12
    assert 1e-6 < svd_basis(mean, prior, 2, training=30, seed=1).lost < 1
    for components in (0, 31):
        with pytest.raises(UsageError, match="bad number of components"):
            svd_basis(mean, prior, components, training=30, seed=1)
