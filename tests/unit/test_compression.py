"""Information kept by summaries: exact on Gaussians, and what networks keep."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import Normal, Parameter, Prior
from sbiwb.core.draws import Draws
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.compression import check, compression
from sbiwb.errors import DataError
from sbiwb.estimators.base import LearnedPosterior
from sbiwb.result import make_result

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


class Known(LearnedPosterior):
    """The exact posterior, of all data or of the first entry alone."""

    def __init__(self, seen):
        self.seen = seen

    def sample(self, n, x, rng):
        share = np.array([1 / 1.09, 1 / 1.09 if self.seen == 2 else 0.0])
        mean, sd = share * x, np.sqrt(1 - share)
        return mean[:, np.newaxis] + sd * rng.normal(size=(len(x), n, 2))

    def log_prob(self, theta, x):
        raise NotImplementedError

    def state(self):
        raise NotImplementedError


def test_a_network_that_neglects_a_part_of_the_data_is_seen():
    prior = Prior((Parameter("a", Normal(0, 1)), Parameter("b", Normal(0, 1))))
    simulator = sbiwb.simulator(noisy, prior, batched=True, log_likelihood=log_likelihood)
    problem = sbiwb.problem(simulator, [0.2, 0.3])
    for seen, outcome in ((2, Outcome.PASS), (1, Outcome.WARN)):
        learned = Known(seen)
        draws = learned.sample(500, problem.observation.x[np.newaxis], np.random.default_rng(2))
        result = make_result(
            problem,
            Draws(draws, independent=True),
            method="known",
            seed=1,
            provenance={"box": [[0.0, 1.0]] * 2},
            learned=learned,
        )
        checked = sbiwb.check(result, predictive=None, information=200)
        (verdict,) = check(checked)
        assert verdict.outcome is outcome
        assert seen == 2 or "'b'" in verdict.message
