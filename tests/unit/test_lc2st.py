"""The local classifier test: where it looks, what it says, and when it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics._classifier import features, tell, values
from sbiwb.diagnostics._neighbours import nearest
from sbiwb.diagnostics.lc2st import check
from sbiwb.errors import DataError, UsageError
from sbiwb.testing.diagnostic import exact_result

SD = np.sqrt(0.5)


def calibration(width=lambda _: 1.0, shift=lambda _: 0.0, n=600, draws=60, d=2, seed=6):
    """Width and shift of the posterior are functions of x."""
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((n, d))
    x = theta + rng.standard_normal((n, d))
    z = rng.standard_normal((draws, n, d))
    return theta, x / 2 + SD * (width(x) * z + shift(x)), x


def at(x, width=1.0, shift=0.0, seed=7):
    z = np.random.default_rng(seed).standard_normal((200, len(x)))
    return np.asarray(x) / 2 + SD * (width * z + shift)


def right(x):
    return x[:, :1] > 0


@pytest.mark.parametrize("with_x", [True, False])
def test_a_posterior_wrong_on_one_side_passes_on_the_other(with_x):
    theta, samples, x = calibration(shift=lambda x: 0.7 * right(x))
    for seen, wrong in (([-1.5, 0.0], False), ([1.5, 0.0], True)):
        given = (x, seen) if with_x else ()
        verdict = sbiwb.lc2st(theta, samples, at(seen, shift=0.7 * wrong), *given, names=["a", "b"])
        assert verdict.outcome is (Outcome.FAIL if wrong else Outcome.PASS)
        assert ("lies below its draws" in verdict.message) is wrong
        assert "150 simulations" in verdict.message or wrong


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"width": lambda _: 0.6}, "scatter too little"),
        ({"width": lambda _: 1.7}, "scatter too much"),
        ({"shift": lambda _: -0.6}, "lies above its draws"),
    ],
)
def test_what_is_wrong_is_told(fault, words):
    theta, samples, x = calibration(**fault)
    seen = np.zeros(2)
    draws = samples[:, np.argmin(np.sum(x**2, axis=1))]
    verdict = sbiwb.lc2st(theta, samples, draws, x, seen)
    assert verdict.outcome is Outcome.FAIL
    assert words in verdict.message
    probability = np.array(verdict.curve["probability"])
    assert np.all(np.diff(probability) >= 0)
    assert np.all((probability >= 0) & (probability <= 1))
    assert probability[-1] - probability[0] > 0.2


def test_correlations_are_told():
    theta, samples, x = calibration()
    rng = np.random.default_rng(1)
    turned = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], size=len(theta))
    verdict = sbiwb.lc2st(x / 2 + SD * turned, samples, at([0.0, 0.0]), x, [0.0, 0.0])
    assert verdict.outcome is Outcome.FAIL
    assert "'theta_0' and 'theta_1' are correlated otherwise" in verdict.message


def test_the_p_value_is_that_of_any_member_of_the_pool():
    rng = np.random.default_rng(1)
    chosen = features(3)
    assert len(chosen) == 9
    assert len(features(9)) == 18
    p = []
    for seed in range(100):
        psi = values(rng.standard_normal((60, 11, 3)), chosen)
        applied = values(rng.standard_normal((1, 50, 3)), chosen)[0]
        p.append(tell(psi, applied, 99, np.random.default_rng(seed)).p_value)
    # Uniform on 1/100 … 1: the mean of 100 is 0.505 ± 0.029.
    assert abs(np.mean(p) - 0.505) < 4 * 0.029
    assert min(p) >= 0.01


def test_neighbours_are_those_alike_in_data_and_in_posterior():
    means = np.array([[0.0], [1.0], [2.0], [3.0], [40.0]])
    assert nearest(means, np.array([2.1]), None, None, 2).tolist() == [2, 3]
    x = np.array([[5.0, 1.0], [5.0, 1.0], [0.0, 1.0], [5.0, 1.0], [5.0, 1.0]])
    near = nearest(means, np.array([2.1]), x, np.array([5.0, 1.0]), 2)
    assert near.tolist() == [1, 3]
    same = nearest(np.ones((4, 1)), np.ones(1), None, None, 2)
    assert same.tolist() == [0, 1]


def test_what_cannot_be_told_and_what_is_refused():
    theta, samples, x = calibration(n=60)
    draws, seen = at([0.0, 0.0]), np.zeros(2)
    assert sbiwb.lc2st(theta[:10], samples[:, :10], draws).outcome is Outcome.UNKNOWN
    assert sbiwb.lc2st(theta, samples[:1], draws).outcome is Outcome.UNKNOWN
    assert sbiwb.lc2st(theta, samples, draws[:5]).outcome is Outcome.UNKNOWN
    assert sbiwb.lc2st(theta, samples, np.zeros((50, 2))).outcome is Outcome.UNKNOWN
    assert sbiwb.lc2st(theta, samples * np.nan, draws).outcome is Outcome.FAIL
    copies = np.broadcast_to(theta, samples.shape)
    assert not sbiwb.lc2st(theta, copies, draws).passed
    with pytest.raises(UsageError, match="both, or neither"):
        sbiwb.lc2st(theta, samples, draws, x)
    with pytest.raises(DataError, match="observed has the wrong shape"):
        sbiwb.lc2st(theta, samples, draws, x, [0.0])
    with pytest.raises(DataError, match="observed has NaN"):
        sbiwb.lc2st(theta, samples, draws, x, seen * np.nan)
    with pytest.raises(DataError, match="draws have the wrong shape"):
        sbiwb.lc2st(theta, samples, draws[:, :1])
    with pytest.raises(DataError, match="draws have NaN"):
        sbiwb.lc2st(theta, samples, draws * np.nan)


def test_check_looks_at_the_observation_of_the_result():
    (verdict,) = check(exact_result(seed=2))
    assert verdict.passed
    assert "50 simulations most like the observation" in verdict.message
