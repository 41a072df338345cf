"""Entries that have nothing to do with the parameters are left out, and no others."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import Normal, Parameter, Prior, registry
from sbiwb.estimators._entries import FEWEST, LEVEL, connected_entries
from sbiwb.rng import stream

N = 5000
RNG = stream(0, "entries")
THETA = RNG.standard_normal((N, 2))
A, NOISE, OTHER, THIRD = RNG.standard_normal((4, N))
TURN = np.tanh(THETA[:, 0])

CASES = {
    "one that tells, and one that does not": ([THETA[:, 0] + A, NOISE], [True, False]),
    "the noise of another": ([THETA[:, 0] + A, A, OTHER], [True, True, False]),
    "a chain of dependence": (
        [THETA[:, 0] + A, A + NOISE, NOISE + OTHER, THIRD],
        [True, True, True, False],
    ),
    "a scale": ([np.exp(THETA[:, 0]) * A, NOISE], [True, False]),
    "a square": ([THETA[:, 0] ** 2 + 0.3 * A, NOISE], [True, False]),
    "a correlation": (
        [A, TURN * A + np.sqrt(1 - TURN**2) * NOISE, OTHER],
        [True, True, False],
    ),
    "the scale of another's noise": (
        [THETA[:, 0] + np.exp(A) * NOISE, A, OTHER],
        [True, True, False],
    ),
    "one that never varies": ([THETA[:, 0] + A, np.ones(N), NOISE], [True, False, False]),
    "a wild one": (
        [THETA[:, 0] + A, np.tan(np.pi * (RNG.random(N) - 0.5))],
        [True, False],
    ),
    "counts": (
        [RNG.poisson(np.exp(THETA[:, 0])), RNG.poisson(2.0, N)],
        [True, False],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_connected_is_kept(case):
    columns, expected = CASES[case]
    x = np.stack(columns, axis=1).astype(float)
    assert connected_entries(THETA, x, 1).tolist() == expected


SHAPE = np.sin(np.linspace(0, 30, 200))


@pytest.mark.parametrize("signal", [0.05, 0.0])
def test_many_entries_that_tell_a_little_each(signal):
    """One sample tells nothing that is seen; 200 narrow the posterior by a tenth."""
    series = signal * THETA[:, :1] * SHAPE + RNG.standard_normal((N, 200))
    beside = np.concatenate([THETA[:, 1:] + 0.1 * RNG.standard_normal((N, 1)), series], axis=1)
    kept = connected_entries(THETA, beside, 1)
    assert kept[0]
    if signal:
        assert kept.all()
    else:
        assert not kept[1:].any()


@pytest.mark.parametrize(("n", "seed"), [(1000, 3), (5000, 3), (10_000, 2)])
def test_distractors_are_told_from_slcp(n, seed):
    """All hang together: with the last seed a chance of 1 % for a false link kept every one."""
    simulator = registry.build_simulator("benchmark.slcp_distractors")
    made = sbiwb.simulate(simulator, simulator.prior, n, seed=seed)
    plain = registry.build_simulator("benchmark.slcp")
    kept = connected_entries(made.theta, made.x, seed)
    assert kept.sum() == plain.output.shape[0]
    # Distractors do not know the first two parameters, of which all of SLCP's data are a mean.
    known = np.abs(np.corrcoef(made.theta[:, :2].T, made.x.T)[:2, 2:]).max(axis=0)
    assert set(np.flatnonzero(kept)) == set(np.argsort(known)[-8:])


def test_where_nothing_tells_nothing_is_left_out():
    assert connected_entries(THETA, RNG.standard_normal((N, 4)), 1).all()


def test_few_simulations_leave_nothing_out():
    x = np.stack([THETA[:, 0], NOISE], axis=1)
    assert connected_entries(THETA[: FEWEST - 1], x[: FEWEST - 1], 1).all()
    assert not connected_entries(THETA[:FEWEST], x[:FEWEST], 1)[1]


def test_false_alarms_are_as_rare_as_they_should_be():
    """One keeps what might go, and costs little: but a threshold should mean something."""
    kept = 0
    for k in range(200):
        rng = stream(k, "null")
        theta = rng.standard_normal((1000, 2))
        x = np.concatenate([theta, rng.standard_normal((1000, 6))], axis=1)
        kept += bool(connected_entries(theta, x, k)[2:].any())
    # Three kinds of links and three of ties to θ: 0.1 in 200 repeats, and 12 at a level of 1 %.
    # What the joint test adds lets three pass.
    assert 200 * 6 * LEVEL < 0.5
    assert kept <= 3


# -- estimators -------------------------------------------------------------------------------

PRIOR = Prior([Parameter("a", Normal(0.0, 1.0))])


def pose(useless=20):
    def simulate(theta, rng):
        noise = rng.standard_normal((len(theta), useless + 1))
        noise[:, :1] = theta + 0.5 * noise[:, :1]
        return noise

    simulator = sbiwb.simulator(simulate, PRIOR, batched=True)
    return sbiwb.problem(simulator, np.r_[0.8, np.zeros(useless)])


SHORT = {"budget": 1500, "seed": 1, "steps": 200}


@pytest.mark.parametrize("method", ["npe", "nle+emcee", "nre+emcee"])
def test_no_network_sees_what_is_useless(method):
    result = sbiwb.infer(pose(), method, draws=2000, **SHORT)
    assert result.learned.scale.kept.tolist() == [0]
    mean, sd = result.samples()[:, 0].mean(), result.samples()[:, 0].std()
    # Exact: 0.8 / 1.25 and √0.2; 1,500 simulations know the mean's slope to 0.03.
    assert mean == pytest.approx(0.64, abs=0.12)
    assert sd == pytest.approx(np.sqrt(0.2), rel=0.15)


def test_an_evidence_is_that_of_all_data():
    whole = sbiwb.infer(pose(2), "nle+dynesty", nlive=100, **SHORT)
    assert whole.learned.normalised
    assert whole.learned.scale.kept.tolist() == [0, 1, 2]
    exact = -0.5 * (0.64 / 1.25 + np.log(2 * np.pi * 1.25)) - np.log(2 * np.pi)
    assert whole.log_evidence == pytest.approx(exact, abs=0.5)
    part = sbiwb.infer(pose(2), "nle+dynesty", nlive=100, entries="connected", **SHORT)
    assert not part.learned.normalised
    assert part.log_evidence is None


def test_what_was_left_out_is_known_after_loading(tmp_path):
    result = sbiwb.infer(pose(2), "nle+emcee", draws=100, **SHORT)
    loaded = sbiwb.load(result.save(tmp_path / "result.nc"), problem=pose(2))
    assert not loaded.learned.normalised
    assert loaded.provenance["network"]["left_out"] == 2
