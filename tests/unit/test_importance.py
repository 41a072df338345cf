"""Importance sampling: exact where proposals are good, refused where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from toy_targets import flat, impossible, peak, target

import sbiwb
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.importance import importance
from sbiwb.errors import InferenceError, UsageError
from sbiwb.method import needs_exact, parse_method
from sbiwb.progress import QUIET
from sbiwb.samplers.base import Target
from sbiwb.samplers.importance import Importance, ImportanceOptions, _smoothed

WIDTH = 0.05
EXACT = np.log(2 * np.pi * WIDTH**2)


class Around:
    """Proposals from a normal around a place in the unit square."""

    def __init__(self, centre, width):
        self.normal = stats.norm(centre, width)

    def sample(self, n, x, rng):
        return self.normal.rvs((len(x), n, 2), random_state=rng)

    def log_prob(self, theta, x):  # noqa: ARG002
        return self.normal.logpdf(theta).sum(axis=1)


def sample(given, proposal=None, seed=0, **options):
    whole = Target(given.prior, given.likelihood, given.x, proposal)
    return Importance().sample(whole, ImportanceOptions(**options), seed, QUIET)[0]


def bell():
    return target(lambda theta, _: peak(theta, 0.5, WIDTH))


@pytest.mark.parametrize("proposal", [None, Around(0.5, 0.06), Around(0.52, 0.05)])
def test_moments_and_evidence_are_exact_whatever_the_proposal(proposal):
    draws = sample(bell(), proposal)
    n = draws.stats["ess"]
    assert n > 100
    assert np.all(np.abs(draws.flat.mean(axis=0) - 0.5) < 5 * WIDTH / np.sqrt(n))
    assert np.all(np.abs(draws.flat.std(axis=0) / WIDTH - 1) < 5 / np.sqrt(2 * n))
    assert abs(draws.log_evidence - EXACT) < 4 * draws.log_evidence_err
    assert draws.log_evidence_err < 0.05
    assert draws.log_prob[0] == pytest.approx(
        stats.norm(0.5, WIDTH).logpdf(draws.flat).sum(axis=1), abs=5 * draws.log_evidence_err
    )
    assert len(np.unique(draws.flat, axis=0)) == len(draws.flat)


def test_a_forgotten_proposal_density_is_caught(monkeypatch):
    monkeypatch.setattr(Around, "log_prob", lambda _, theta, __: np.zeros(len(theta)))
    draws = sample(bell(), Around(0.52, 0.05))
    bias = np.abs(draws.flat.mean(axis=0) - 0.5)
    assert np.all(bias > 5 * WIDTH / np.sqrt(draws.stats["ess"]))


def test_evidence_errors_are_the_scatter_of_repeats():
    runs = [sample(bell(), Around(0.52, 0.05), seed, proposals=500) for seed in range(200)]
    z = np.array([(r.log_evidence - EXACT) / r.log_evidence_err for r in runs])
    # 200 repeats give the standard deviation of z to 5 %.
    assert 0.8 < z.std() < 1.2
    assert abs(z.mean()) < 0.4


def test_proposals_that_miss_the_posterior_are_refused():
    with pytest.raises(
        InferenceError, match=r"cannot correct these draws; got Pareto k = .*budget"
    ):
        sample(bell(), Around(0.1, 0.01))


def test_tails_that_are_too_light_are_made_up_for():
    """A network half as wide as the posterior: its draws alone would have no finite variance."""
    draws = sample(bell(), Around(0.5, 0.5 * WIDTH))
    assert draws.stats["pareto_k"] < 0.5
    error = WIDTH / np.sqrt(draws.stats["ess"])
    assert np.all(np.abs(draws.flat.mean(axis=0) - 0.5) < 5 * error)
    assert draws.flat.std(axis=0) == pytest.approx(WIDTH, rel=5 / np.sqrt(draws.stats["ess"]))


def test_a_prior_that_is_the_posterior_weighs_all_alike():
    draws = sample(target(flat), proposals=1000)
    assert draws.theta.shape[1] >= 999  # a rounding error may cost one
    assert draws.log_evidence == pytest.approx(0, abs=1e-12)
    assert draws.stats["pareto_k"] == 0


def test_impossible_data_end_with_a_reason():
    with pytest.raises(InferenceError, match="zero almost everywhere in the proposal; got 0 of"):
        sample(target(impossible))


def test_smoothing_changes_the_largest_weights_only():
    log_weights = 1.2 * np.random.default_rng(0).standard_normal(10_000)
    log_weights[::7] = -np.inf
    smoothed, pareto_k = _smoothed(log_weights)
    same = np.isclose(smoothed, log_weights, atol=1e-9) | np.isneginf(log_weights)
    assert np.all(log_weights[~same] > np.quantile(log_weights, 0.96))
    assert smoothed.max() <= log_weights.max() + 1e-9
    assert 0 < pareto_k < 0.5


def test_only_what_corrects_may_follow_a_learned_posterior():
    method = parse_method("npe+importance", {"proposals": 500, "steps": 100})
    assert method.sampler_options.proposals == 500
    with pytest.raises(UsageError, match=r"takes no sampler; got 'npe\+emcee'.*'npe\+importance'"):
        parse_method("npe+emcee", {})
    with pytest.raises(UsageError, match=r"unknown option of npe\+importance; got .draws."):
        parse_method("npe+importance", {"draws": 10})
    asks = {
        name: needs_exact(name) for name in ("npe", "npe+importance", "nle+emcee", "exact+emcee")
    }
    assert asks == {"npe": False, "npe+importance": True, "nle+emcee": False, "exact+emcee": True}


def test_a_network_is_corrected_to_the_exact_posterior(tmp_path):
    problem = sbiwb.problem("cosmology.bao", model="lcdm")
    options = {"budget": 2000, "rounds": 2, "steps": 300, "seed": 3}
    result = sbiwb.infer(problem, "npe+importance", progress=QUIET, **options)
    exact = sbiwb.infer(problem, "exact+emcee", seed=1, progress=QUIET)
    n = result.provenance["stats"]["ess"]
    shift = (result.samples().mean(axis=0) - exact.samples().mean(axis=0)) / exact.samples().std(0)
    assert np.all(np.abs(shift) < 5 / np.sqrt(min(n, 1000)))
    assert result.cost.simulator_calls == 2000
    assert result.cost.likelihood_calls == ImportanceOptions().proposals
    # Nested sampling finds -7.61 ± 0.16; the box of the truncated rounds is accounted for.
    assert abs(result.log_evidence + 7.61) < 0.5
    assert "importance" in {v.name for v in result.verdicts}
    result.save(tmp_path / "r.nc")
    checked = sbiwb.check(sbiwb.load(tmp_path / "r.nc"), calibration=100, predictive=20)
    assert "calibration" not in checked.tree.children


def test_a_simulator_without_likelihood_is_refused_before_it_runs():
    def never(theta):
        raise AssertionError("it was run")

    prior = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(0, 1))])
    simulator = sbiwb.simulator(never, prior, output=sbiwb.Output((1,)))
    with pytest.raises(UsageError, match="offers no exact likelihood"):
        sbiwb.infer(sbiwb.problem(simulator, [0.5]), "npe+importance", progress=QUIET)


@pytest.mark.parametrize(
    ("k", "outcome"),
    [(0.1, Outcome.PASS), (0.6, Outcome.WARN), (0.8, Outcome.FAIL), (np.nan, Outcome.FAIL)],
)
def test_the_tail_of_the_weights_is_judged(k, outcome):
    assert importance(k, 100).outcome is outcome
