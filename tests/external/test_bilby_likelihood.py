"""GW150914 against bilby: its own waveform, antenna patterns, delays and likelihood."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from sbiwb.errors import DataError, UsageError

pytest.importorskip("lalsimulation")
pytest.importorskip("bilby")

from sbiwb.simulators.gw.compact_binary import CompactBinary

POINTS = 6
TRIGGER = 1126259462.4
# The bright end of the posterior, where ln L is some hundreds above that of noise.
BRIGHT = {
    "chirp_mass": (28, 34),
    "luminosity_distance": (300, 600),
    "theta_jn": (2.2, 3.0),
    "t_c": (0.0, 0.03),
}


def measured(**options):
    try:
        return CompactBinary("gw150914", **options)
    except (DataError, UsageError) as error:
        pytest.skip(f"the strain is not here: {error}")


@pytest.fixture(scope="module")
def bilby():
    with warnings.catch_warnings():
        # Its dependencies' own deprecations, and SWIG's about redirected output.
        warnings.simplefilter("ignore")
        import bilby

        bilby.core.utils.setup_logger(log_level="ERROR")
        yield bilby


def bilby_log_likelihood_ratio(bilby, binary, theta):
    """ln L − ln L(noise) of bilby's GravitationalWaveTransient for rows of theta."""
    grid, trigger = binary.grid, TRIGGER
    start = trigger - binary.signal.after
    rate = 2048.0
    bins = int(rate / 2 * grid.duration) + 1
    detectors = bilby.gw.detector.InterferometerList(binary.options["detectors"])
    for k, detector in enumerate(detectors):
        strain, psd = np.zeros(bins, dtype=complex), np.full(bins, np.inf)
        strain[grid.first : grid.stop] = binary._spectrum[k]
        psd[grid.first : grid.stop] = binary.psd[k]
        detector.minimum_frequency, detector.maximum_frequency = grid.f_min, grid.f_max
        detector.set_strain_data_from_frequency_domain_strain(
            strain, sampling_frequency=rate, duration=grid.duration, start_time=start
        )
        detector.power_spectral_density = bilby.gw.detector.PowerSpectralDensity(
            frequency_array=np.arange(bins) / grid.duration, psd_array=psd
        )
    generator = bilby.gw.WaveformGenerator(
        duration=grid.duration,
        sampling_frequency=rate,
        start_time=start,
        frequency_domain_source_model=bilby.gw.source.lal_binary_black_hole,
        waveform_arguments={
            "waveform_approximant": "IMRPhenomD",
            "reference_frequency": binary.options["f_ref"],
            "minimum_frequency": grid.f_min,
        },
        parameter_conversion=bilby.gw.conversion.convert_to_lal_binary_black_hole_parameters,
    )
    likelihood = bilby.gw.likelihood.GravitationalWaveTransient(detectors, generator)
    values = []
    for row in theta:
        parameters = dict(zip(binary.prior.names, row.tolist(), strict=True))
        parameters["geocent_time"] = trigger + parameters.pop("t_c")
        values.append(likelihood.log_likelihood_ratio(parameters))
    return np.array(values)


def points(binary):
    """Draws of the prior, with times that are GPS times in float64: their step is 0.2 μs."""
    theta = binary.prior.sample(POINTS, np.random.default_rng(3))
    column = binary.prior.names.index("t_c")
    theta[:, column] = (TRIGGER + theta[:, column]) - TRIGGER
    return theta


def log_likelihood_ratio(binary, theta):
    x = binary.default_observation().x
    noise = -0.5 * np.sum(x**2) - 0.5 * x.size * np.log(2 * np.pi)
    return binary.log_likelihood(theta, x) - noise


@pytest.mark.filterwarnings("ignore::DeprecationWarning:bilby", "ignore::UserWarning:lal")
@pytest.mark.parametrize("ranges", [{}, BRIGHT], ids=["prior", "bright"])
def test_log_likelihood_at_random_points_of_gw150914(bilby, ranges):
    binary = measured(ranges=ranges)
    theta = points(binary)
    ours = log_likelihood_ratio(binary, theta)
    theirs = bilby_log_likelihood_ratio(bilby, binary, theta)
    assert ours == pytest.approx(theirs, abs=1e-3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:bilby", "ignore::UserWarning:lal")
def test_a_microsecond_at_one_detector_would_be_noticed(bilby):
    binary = measured(ranges=BRIGHT)
    theta = points(binary)
    theirs = bilby_log_likelihood_ratio(bilby, binary, theta)
    binary.signal.network.places[0] += 300.0  # metres, a light travel time of a microsecond
    assert np.abs(log_likelihood_ratio(binary, theta) - theirs).max() > 1e-2
