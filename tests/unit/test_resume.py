"""Samplers that were stopped go on where they were, whichever sampler it is."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

import sbiwb
from sbiwb import Normal, Parameter, Prior, Uniform, registry
from sbiwb.errors import BusyError, StoreError
from sbiwb.store.answers import Answers

PRIOR = Prior((Parameter("a", Uniform(-1.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
NOISE = 0.3
SHORT = {
    "emcee": {"draws": 200, "ensembles": 2, "max_steps": 200},
    "slice": {"draws": 200, "ensembles": 2, "max_steps": 200},
    "dynesty": {"nlive": 50, "draws": 200},
    "nuts": {"draws": 100, "chains": 2, "warmup": 30, "max_steps": 60},
    "importance": {"proposals": 500},
}


class Asked:
    """A log-likelihood that counts what it is asked, and may be stopped in the middle."""

    def __init__(self):
        self.rows, self.stop_at = 0, np.inf

    def __call__(self, theta, x):
        if self.rows >= self.stop_at:
            raise KeyboardInterrupt
        self.rows += len(theta)
        return -0.5 * np.sum(((x - theta) / NOISE) ** 2, axis=1)


def pose(asked):
    def simulate(theta, rng):
        return theta + NOISE * rng.standard_normal(theta.shape)

    simulator = sbiwb.simulator(simulate, PRIOR, batched=True, name="resumed", log_likelihood=asked)
    return sbiwb.problem(simulator, [0.2, 0.3])


def run(asked, sampler, **options):
    corrects = registry.sampler(sampler).corrects
    learning = {"budget": 3000, "steps": 300} if corrects else {}
    method = f"npe+{sampler}" if corrects else f"exact+{sampler}"
    given = SHORT.get(sampler, {})
    return sbiwb.infer(pose(asked), method, seed=3, **learning, **given, **options)


@pytest.mark.parametrize("sampler", registry.names("samplers"))
def test_a_sampler_that_was_stopped_goes_on(sampler, tmp_path):
    asked = Asked()
    whole = run(asked, sampler)
    total, asked.rows = asked.rows, 0
    asked.stop_at = total // 2
    if sampler == "importance":  # one call is all it makes: it begins anew
        asked.stop_at = 0
    with pytest.raises(KeyboardInterrupt):
        run(asked, sampler, store=tmp_path)
    done, asked.rows, asked.stop_at = asked.rows, 0, np.inf
    resumed = run(asked, sampler, store=tmp_path)
    assert asked.rows == total - done
    assert np.array_equal(resumed.samples(), whole.samples())
    assert resumed.cost.likelihood_calls == whole.cost.likelihood_calls
    assert resumed.log_evidence == whole.log_evidence
    assert not list(tmp_path.rglob("*.answers"))  # a checkpoint, not a cache


def test_another_seed_is_another_sampling(tmp_path):
    asked = Asked()
    asked.stop_at = 500
    with pytest.raises(KeyboardInterrupt):
        run(asked, "emcee", store=tmp_path)
    asked.stop_at = np.inf
    asked.rows = 0
    method = "exact+emcee"
    sbiwb.infer(pose(asked), method, seed=2, store=tmp_path, **SHORT["emcee"])
    other = asked.rows
    asked.rows = 0
    sbiwb.infer(pose(asked), method, seed=2, **SHORT["emcee"])
    assert other == asked.rows


def test_evaluations_that_failed_are_counted_again(tmp_path):
    def sometimes(theta, x):
        stopped.rows += len(theta)
        if stopped.rows > stopped.stop_at:
            raise KeyboardInterrupt
        return np.where(theta[:, 0] > 0.5, np.nan, -0.5 * np.sum((x - theta) ** 2, axis=1))

    stopped = Asked()
    problem = pose(sometimes)
    simulator = problem.simulator
    simulator.reasons = dict.fromkeys(range(10000), "too large")
    options = {"seed": 1, **SHORT["emcee"]}
    whole = sbiwb.infer(problem, "exact+emcee", **options)
    total, stopped.rows = stopped.rows, 0
    stopped.stop_at = total // 2
    with pytest.raises(KeyboardInterrupt):
        sbiwb.infer(problem, "exact+emcee", store=tmp_path, **options)
    stopped.rows, stopped.stop_at = 0, np.inf
    resumed = sbiwb.infer(problem, "exact+emcee", store=tmp_path, **options)
    assert stopped.rows < total
    lost = [r.provenance["likelihood_failures"] for r in (whole, resumed)]
    assert lost[0] == lost[1]


# -- the file ---------------------------------------------------------------------------------


class Stopped(Exception):
    """What ends a context before its time."""


def fill(path, values):
    with suppress(Stopped), Answers(path) as answers:
        for k, value in enumerate(values):
            answers.ask(b"%d" % k, lambda value=value: np.array(value))
        raise Stopped


VALUES = [[1.0, 2.0], [-np.inf], [], [np.nan, 3.0]]


def never():
    pytest.fail("what is in the file is not computed again")


def replay(path, n):
    with Answers(path) as answers:
        return [answers.ask(b"%d" % k, never) for k in range(n)]


def test_answers_come_back_bit_by_bit(tmp_path):
    fill(tmp_path / "a.answers", VALUES)
    for kept, value in zip(replay(tmp_path / "a.answers", 4), VALUES, strict=True):
        assert np.array_equal(kept, value, equal_nan=True)


@pytest.mark.parametrize("cut", [1, 5, 9, 30])
def test_a_torn_end_is_computed_again(tmp_path, cut):
    path = tmp_path / "a.answers"
    fill(path, VALUES)
    path.write_bytes(path.read_bytes()[:-cut])
    with Answers(path) as answers:
        for k in range(2 if cut > 28 else 3):
            answers.ask(b"%d" % k, never)
        again = answers.ask(b"3", lambda: np.array([4.0]))
    assert again.tolist() == [4.0]


def test_a_flipped_bit_ends_what_is_believed(tmp_path):
    path = tmp_path / "a.answers"
    fill(path, VALUES)
    data = bytearray(path.read_bytes())
    data[24] ^= 1  # within the first answer
    path.write_bytes(bytes(data))
    with Answers(path) as answers:
        assert answers.ask(b"0", lambda: np.array([7.0])).tolist() == [7.0]
        assert answers.replayed == 0


def test_other_questions_are_not_answered_from_the_file(tmp_path):
    path = tmp_path / "a.answers"
    fill(path, VALUES)
    with suppress(Stopped), Answers(path) as answers:
        answers.ask(b"0", never)
        assert answers.ask(b"other", lambda: np.array([5.0])).tolist() == [5.0]
        assert answers.ask(b"1", lambda: np.array([6.0])).tolist() == [6.0]
        raise Stopped
    with Answers(path) as answers:
        kept = [answers.ask(q, never).tolist() for q in (b"0", b"other", b"1")]
    assert kept == [[1.0, 2.0], [5.0], [6.0]]


def test_two_processes_do_not_share_a_file(tmp_path):
    path = tmp_path / "a.answers"
    with Answers(path), pytest.raises(BusyError, match="same posterior"), Answers(path):
        pass


def test_a_disk_that_refuses(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot use"), Answers(tmp_path / "file" / "a.answers"):
        pass
