"""Readings of a cell: noise, discrepancy and the end of the test, against integrals and counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from sbiwb.errors import UsageError
from sbiwb.rng import stream
from sbiwb.simulators.battery.noise import Noise, read_noise

TIMES = np.array([0.0, 10.0, 30.0])
VOLTAGE = np.array([[2.53, 2.51, 2.49]])
PROCESS = np.array([[0.02, 0.03, 25.0]])  # sigma, amplitude, length
CUTOFF = 2.5


def with_process(cutoff=CUTOFF):
    return Noise(TIMES, cutoff, (0.001, 0.1), (0.001, 0.1), (1.0, 100.0))


def outcome(*running):
    """x of a test that ran for the given readings and then ended."""
    y, mask = np.full(3, CUTOFF), np.zeros(3)
    y[: len(running)], mask[: len(running)] = running, 1
    return np.stack([y, mask])


def density(noise, *running):
    return float(np.exp(noise.log_likelihood(VOLTAGE, PROCESS, outcome(*running)))[0])


def matern(times, sigma, amplitude, length):
    apart = np.sqrt(3) * np.abs(np.subtract.outer(times, times)) / length
    return amplitude**2 * (1 + apart) * np.exp(-apart) + sigma**2 * np.eye(len(times))


def test_without_cutoff_it_is_the_multivariate_normal_density():
    noise = with_process(cutoff=None)
    x = np.array([2.50, 2.55, 2.47])
    expected = stats.multivariate_normal(VOLTAGE[0], matern(TIMES, *PROCESS[0])).logpdf(x)
    assert noise.log_likelihood(VOLTAGE, PROCESS, x) == pytest.approx([expected], rel=1e-6)


def test_with_known_noise_it_is_a_product_of_normals():
    noise = Noise(TIMES, None, 0.02)
    x = np.array([2.50, 2.55, 2.47])
    expected = stats.norm(VOLTAGE[0], 0.02).logpdf(x).sum()
    value = noise.log_likelihood(VOLTAGE, np.empty((1, 0)), x)
    assert value == pytest.approx([expected], rel=1e-12)


@pytest.mark.parametrize("ended", [0, 1, 2, 3])
def test_every_outcome_has_the_probability_with_which_it_is_drawn(ended):
    noise = with_process()
    n = 40_000
    x = noise.draw(np.repeat(VOLTAGE, n, axis=0), np.repeat(PROCESS, n, axis=0), stream(1, "draw"))
    share = np.mean(x[:, 1].sum(axis=1) == ended)
    top = CUTOFF + 0.3  # nothing above: eight standard deviations
    if ended == 0:
        probability = density(noise)
    elif ended == 1:
        probability = integrate.quad(lambda a: density(noise, a), CUTOFF, top)[0]
    elif ended == 2:
        probability = integrate.dblquad(
            lambda b, a: density(noise, a, b), CUTOFF, top, CUTOFF, top, epsabs=1e-5
        )[0]
    else:
        inside = stats.multivariate_normal(VOLTAGE[0], matern(TIMES, *PROCESS[0]))
        # P(all above c), by symmetry about the mean.
        probability = inside.cdf(2 * VOLTAGE[0] - CUTOFF, rng=np.random.default_rng(0))
        assert noise.log_likelihood(VOLTAGE, PROCESS, outcome(2.6, 2.55, 2.51)) == pytest.approx(
            inside.logpdf([2.6, 2.55, 2.51]), rel=1e-6
        )
    error = np.sqrt(probability * (1 - probability) / n)
    assert abs(share - probability) < 4 * error + 1e-4
    if ended == 0:
        return
    # The planted fault: were the readings independent, all shares but the first would differ.
    other = stats.norm(VOLTAGE[0], np.hypot(*PROCESS[0, :2])).sf(CUTOFF)
    independent = [
        1 - other[0],
        other[0] * (1 - other[1]),
        other[0] * other[1] * (1 - other[2]),
        np.prod(other),
    ][ended]
    assert abs(share - independent) > 4 * error


def test_readings_after_the_end_tell_nothing():
    noise = with_process()
    lower = VOLTAGE - [[0.0, 0.0, 0.3]]
    x = outcome(2.52)
    assert noise.log_likelihood(lower, PROCESS, x) == noise.log_likelihood(VOLTAGE, PROCESS, x)
    ran = outcome(2.52, 2.51, 2.505)
    assert noise.log_likelihood(lower, PROCESS, ran) < noise.log_likelihood(VOLTAGE, PROCESS, ran)


@pytest.mark.parametrize(
    "x",
    [
        [[2.6, 2.5, 2.6], [1, 0, 1]],  # running again after the end
        [[2.6, 2.4, 2.5], [1, 1, 0]],  # running below the cut-off
        [[2.6, 2.6, 2.5], [1, 0, 0]],  # not held at the cut-off after the end
        [[2.6, 2.5, 2.5], [0.5, 0, 0]],
    ],
)
def test_what_no_test_gives_is_impossible(x):
    assert with_process().log_likelihood(VOLTAGE, PROCESS, np.array(x, float)) == [-np.inf]


def test_rows_do_not_depend_on_each_other_and_failed_ones_are_nan():
    noise = with_process()
    rng = stream(2, "rows")
    voltage = VOLTAGE + 0.02 * rng.standard_normal((6, 3))
    voltage[4] = np.nan
    nuisance = PROCESS * rng.uniform(0.5, 2, (6, 3))
    x = noise.draw(voltage, nuisance, rng)
    assert np.isnan(x[4]).all()
    assert np.isfinite(np.delete(x, 4, axis=0)).all()
    together = noise.log_likelihood(voltage, nuisance, np.nan_to_num(x, nan=CUTOFF))
    alone = [
        noise.log_likelihood(voltage[k : k + 1], nuisance[k : k + 1], x[k])[0]
        for k in (0, 1, 2, 3, 5)
    ]
    assert np.delete(together, 4) == pytest.approx(alone, rel=1e-12)
    assert np.isnan(together[4])


def test_a_tiny_noise_beside_a_long_process_keeps_its_covariance_positive():
    times = np.linspace(0, 3600, 200)
    noise = Noise(times, None, (1e-7, 1.0), (1e-3, 1.0), (10.0, 1e5))
    value = noise.log_likelihood(
        np.zeros((1, 200)), np.array([[1e-7, 1.0, 1e5]]), np.zeros((1, 200))
    )
    assert np.isfinite(value).all()


@pytest.mark.parametrize(
    ("noise", "discrepancy", "words"),
    [
        (0.0, None, "bad noise"),
        ([0.1, 0.01], None, "bad noise"),
        ("3 mV", None, "bad noise"),
        (0.003, "gp", "bad discrepancy"),
        (0.003, {"amplitude": [0.01, 0.1], "lenght": [1, 2]}, "did you mean 'length'"),
        (0.003, {"amplitude": [0.01, 0.1]}, "bad length of the discrepancy"),
        (0.003, {"amplitude": 0.1, "length": [1, 2]}, "expected a range"),
    ],
)
def test_bad_options_are_named(noise, discrepancy, words):
    with pytest.raises(UsageError, match=words):
        read_noise(TIMES, None, noise, discrepancy)
