"""Information kept by summaries: exact on Gaussians, and what networks keep."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import Normal, Parameter, Prior
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.compression import check, compression
from sbiwb.errors import DataError

N = 800
RNG = np.random.default_rng(1)
X = RNG.normal(size=(N, 2, 10))  # ten readings of two numbers, with unit noise
SCORES = X.sum(axis=2)


def test_sufficient_summaries_keep_all_and_their_functions_too():
    mean = X.mean(axis=2)
    for summaries in (mean, mean @ np.array([[1.0, 1.0], [1.0, -1.0]]), X.reshape(N, 20)):
        verdict = compression(SCORES, summaries, names=["a", "b"])
        assert verdict.passed
        assert verdict.statistic == pytest.approx(1.0, abs=0.01)


def test_the_loss_is_that_of_the_formula():
    # b is summarised by four readings of ten: information 4, not 10, beside a prior of 1.
    summaries = np.stack([X[:, 0].mean(axis=1), X[:, 1, :4].mean(axis=1)], axis=1)
    verdict = compression(SCORES, summaries, names=["a", "b"])
    assert verdict.outcome is Outcome.WARN
    assert "the posterior of 'b'" in verdict.message
    # The loss of 6 has a relative error of √(2/800); three of them change the ratio by this much.
    assert verdict.statistic == pytest.approx(np.sqrt(11 / 5), abs=3 * 6 * 0.05 / 10 * 1.5)
    assert verdict.curve["width"][0] == pytest.approx(1.0, abs=0.01)


def test_noise_beside_a_summary_is_no_information():
    assert compression(SCORES, RNG.normal(size=(N, 5))).outcome is Outcome.WARN


@pytest.mark.parametrize(
    ("scores", "summaries"),
    [
        (SCORES[:20], SCORES[:20]),
        (np.full((N, 2), np.nan), SCORES),
        (SCORES, np.zeros((N, 3))),
        (np.zeros((N, 2)), SCORES),
        (1e-3 * SCORES, SCORES),
    ],
)
def test_degenerate_input_is_no_pass(scores, summaries):
    assert compression(scores, summaries).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("wrong", [SCORES[:5], SCORES[:, 0], [["a"]] * N])
def test_wrong_input_is_refused(wrong):
    with pytest.raises(DataError):
        compression(SCORES, wrong)


def noisy(theta, rng):
    return theta + 0.3 * rng.normal(size=theta.shape)


def log_likelihood(theta, x):
    return -0.5 * np.sum(((x - theta) / 0.3) ** 2, axis=1)


def test_a_network_that_neglects_a_part_of_the_data_is_seen():
    prior = Prior((Parameter("a", Normal(0, 1)), Parameter("b", Normal(0, 1))))
    simulator = sbiwb.simulator(noisy, prior, batched=True, log_likelihood=log_likelihood)
    problem = sbiwb.problem(simulator, [0.2, 0.3])
    result = sbiwb.infer(problem, "npe", budget=1000, steps=200, draws=300, seed=1)
    checked = sbiwb.check(result, predictive=None, information=200)
    (verdict,) = check(checked)
    assert verdict.passed
    group = checked.tree["information"].to_dataset()
    group["learned"][:, [1, 3]] = 0.0  # what it makes of the data about b
    (verdict,) = check(checked.with_group("information", group))
    assert verdict.outcome is Outcome.WARN
    assert "'b'" in verdict.message
