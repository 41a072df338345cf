"""Images of tumours: their probabilities, their likelihood, their summaries, and the problem."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("numba")
pytest.importorskip("nilearn")

import sbiwb
from sbiwb.errors import UsageError
from sbiwb.rng import stream
from sbiwb.simulators.tumour.fisher_kolmogorov import FisherKolmogorov
from sbiwb.simulators.tumour.images import BLUR, Images, log_inside
from sbiwb.testing import ContractError, check_simulator


def test_the_probability_of_an_outline_is_the_published_one():
    c = np.linspace(0, 1, 1001)
    inside, outside = log_inside(c, 0.6)
    alpha = 0.5 + 0.5 * np.sign(c - 0.6) * (1 - np.exp(-(((c - 0.6) / BLUR) ** 2)))
    assert np.exp(inside) == pytest.approx(alpha, abs=1e-15)
    assert np.exp(inside) + np.exp(outside) == pytest.approx(1.0, abs=1e-15)
    # Far from the threshold both stay finite, where 1 − α is no longer a float64.
    assert np.all(np.isfinite([inside, outside]))
    assert inside[0] == pytest.approx(-((0.6 / BLUR) ** 2) - np.log(2))


def test_the_likelihood_is_that_of_its_voxels():
    tissue = np.ones((2, 3), dtype=bool)
    images = Images(("t1gd", "flair", "pet"), tissue, 0.1)
    rng = stream(0, "cells")
    c, thresholds = rng.random((4, 6)), np.tile([0.6, 0.2], (4, 1))
    mean = images.mean(c, thresholds)
    x = images.draw(mean, rng)
    expected = stats.bernoulli.logpmf(x[:, :2], mean[:, :2]).sum(axis=(1, 2)) + stats.norm.logpdf(
        x[:, 2], c, 0.1
    ).sum(axis=1)
    assert images.log_likelihood(c, thresholds, x) == pytest.approx(expected, rel=1e-9)
    x[0, 0, 0] = 0.5
    assert images.log_likelihood(c, thresholds, x)[0] == -np.inf
    assert np.array_equal(images.cut(images.whole(x)), x)


def test_a_likelihood_of_other_noise_would_be_noticed():
    simulator = FisherKolmogorov(channels=["pet"])
    right = simulator.log_likelihood

    def noisier(theta, x):
        simulator.images.pet_noise = 0.2
        value = right(theta, x)
        simulator.images.pet_noise = 0.1
        return value

    simulator.log_likelihood = noisier
    with pytest.raises(ContractError, match="log_likelihood and simulate disagree"):
        check_simulator(simulator, repeats=500)


OPTIONS = [
    {"output": "summary"},
    {"parameters": "rates", "infer_thresholds": True, "channels": ["flair", "pet"]},
    {"channels": ["pet"], "output": "summary", "slice_mm": 0.0},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_keeps_the_contract(options):
    check_simulator(FisherKolmogorov(**options), repeats=300)


def test_the_whole_brain_keeps_the_contract():
    simulator = FisherKolmogorov(dimensions=3, output="summary")
    assert simulator.costly
    # Priors are narrowed to cheap tumours: steps grow with the squares of both ratios.
    simulator.prior = simulator.prior.restrict([0, 0, 0, 0, 0], [0.2, 0.2, 1, 1, 1])
    x = simulator.simulate(simulator.prior.sample(4, stream(0, "theta")), stream(0, "x"))
    assert x.shape == (4, len(simulator.output.names))
    assert np.all(np.isfinite(x))


def test_summaries_measure_the_outline():
    simulator = FisherKolmogorov(output="summary")
    names = simulator.output.names
    tissue, axes = simulator.anatomy.tissue, simulator.anatomy.axes
    x, y = np.meshgrid(*axes, indexing="ij")
    disc = ((x - 3.0) ** 2 + (y + 2.0) ** 2 < 1.5**2) & tissue
    image = np.zeros((1, 3, int(tissue.sum())))
    image[0, 0] = image[0, 1] = image[0, 2] = disc[tissue]
    value = dict(zip(names, simulator.summarise(image)[0], strict=True))
    area = disc.sum() * 0.16
    assert value["flair size"] == pytest.approx(np.sqrt(area))
    assert value["pet total"] == pytest.approx(area)
    assert value["flair x"] == pytest.approx(x[disc].mean(), abs=0.1)
    assert value["t1gd yy"] == pytest.approx(y[disc].std(), rel=0.1)
    empty = simulator.summarise(np.zeros_like(image))
    assert np.all(np.isfinite(empty))


def test_the_origin_lies_in_the_brain():
    simulator = FisherKolmogorov()
    theta = simulator.prior.sample(3000, stream(1, "theta"))
    anatomy = simulator.anatomy
    node = [
        np.rint((theta[:, 2 + k] - axis[0]) / anatomy.spacing).astype(int)
        for k, axis in enumerate(anatomy.axes)
    ]
    inside = anatomy.tissue[tuple(node)]
    # Half a voxel beyond the last voxel of tissue the density has fallen to one half.
    assert 0.85 < inside.mean() < 1.0
    start = simulator.growth.start(theta[:, 2:])
    assert start.max(axis=(1, 2)).min() > 0.1  # every tumour begins in tissue


def test_rates_and_ratios_are_the_same_tumour():
    ratios, rates = FisherKolmogorov(), FisherKolmogorov(parameters="rates")
    a, b = np.array([ratios.truth()]), np.array([rates.truth()])
    assert rates.ratios(b) == pytest.approx(a[:, :2])
    assert rates.cells(b) == pytest.approx(ratios.cells(a), abs=1e-9)


def test_thresholds_move_the_outlines():
    simulator = FisherKolmogorov(infer_thresholds=True)
    assert simulator.prior.names[-2:] == ("tau_t1gd", "tau_flair")
    theta = np.array([simulator.truth()] * 2)
    theta[1, -1] = 0.4
    mean = simulator.mean(theta)
    assert np.array_equal(mean[0, [0, 2]], mean[1, [0, 2]])
    assert mean[1, 1].sum() < 0.9 * mean[0, 1].sum()


def test_the_likelihood_is_highest_near_the_truth():
    simulator = FisherKolmogorov()
    x = simulator.default_observation().x
    truth = np.array([simulator.truth()])
    here = simulator.log_likelihood(truth, x)
    for step in np.diag([0.1, 0.2, 0.2, 0.2]):
        # Each step is several of the posterior's standard deviations.
        assert np.all(simulator.log_likelihood(truth + np.array([[1], [-1]]) * step, x) < here - 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": 1}, "bad dimensions; got 1"),
        ({"dimensions": 3, "slice_mm": 20}, "slice_mm applies to dimensions=2"),
        ({"channels": ["flare"]}, "did you mean 'flair'"),
        ({"channels": "flair"}, "bad channels"),
        ({"pet_noise": 0}, "bad pet_noise"),
        ({"output": "summaries"}, "did you mean 'summary'"),
        ({"parameters": "rate"}, "did you mean 'rates'"),
        ({"steps": 200}, "too few steps for mu1 = 4.7 cm"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        FisherKolmogorov(**options)


def test_summaries_offer_no_likelihood():
    problem = sbiwb.problem("tumour.fisher_kolmogorov", output="summary")
    with pytest.raises(UsageError, match="offers no exact likelihood"):
        sbiwb.infer(problem, "exact+emcee")
