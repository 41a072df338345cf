"""Dynesty: evidences of hard problems, honest failure, options and batches of proposals."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats
from toy_targets import flat, half, impossible, peak, target, two_peaks, unit_box

from sbiwb.core.distributions import Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.errors import InferenceError, UsageError
from sbiwb.progress import QUIET
from sbiwb.samplers import _nested as nested
from sbiwb.samplers._insertion import insertion_rank_p
from sbiwb.samplers._resampling import kish, systematic
from sbiwb.samplers.dynesty import Dynesty, DynestyOptions

TWO_PI = 2 * np.pi
RNG = np.random.default_rng(0)


def sample(given, seed=0, progress=QUIET, **options):
    return Dynesty().sample(given, DynestyOptions(**{"nlive": 200} | options), seed, progress)


def possible_corner(theta, _):
    return np.where(np.all(theta < 0.05, axis=1), 0.0, -np.inf)


def edge(theta, _):
    return -20 * theta[:, 0] + peak(theta[:, 1:], 0.5, 0.05)


PROBLEMS = {
    "tiny": (lambda theta, _: peak(theta, [0.3, 0.7], 1e-4), np.log(TWO_PI * 1e-8)),
    "half impossible": (half, np.log(0.5 * TWO_PI * 0.05**2)),
    "mostly impossible and flat": (possible_corner, np.log(0.05**2)),
    "flat top": (
        lambda theta, _: np.minimum(peak(theta, 0.5, 0.05), -1.0),
        np.log(TWO_PI * 0.05**2 * 2 * np.exp(-1)),
    ),
    "edge": (edge, np.log((1 - np.exp(-20)) / 20 * 0.05 * np.sqrt(TWO_PI))),
    "two peaks": (two_peaks, np.log(4 * TWO_PI * 0.02**2)),
}


@pytest.mark.parametrize("sampling", ["unif", "rwalk"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_evidences_of_hard_problems(name, sampling):
    function, exact = PROBLEMS[name]
    draws = sample(target(function), sampling=sampling)[0]
    assert abs(draws.log_evidence - exact) < 4 * draws.log_evidence_err
    assert draws.log_evidence_err < 0.6
    assert np.all(np.isfinite(draws.log_prob))


def test_a_posterior_that_is_the_prior():
    draws = sample(target(flat))[0]
    assert draws.log_evidence == pytest.approx(0.0, abs=0.05)
    assert stats.kstest(draws.flat[:, 0], "uniform").pvalue > 1e-3
    assert draws.log_prob == pytest.approx(0.0, abs=0.05)


def test_draws_are_equally_weighted_shuffled_and_not_repeated():
    draws = sample(target(lambda theta, _: peak(theta, 0.5, 0.1)))[0]
    n = len(draws.flat)
    assert draws.theta.shape == (1, n, 2)
    assert draws.normalised
    assert len(np.unique(draws.flat, axis=0)) == n
    assert 0.5 * draws.stats["kish"] < n < draws.stats["kish"]
    assert draws.stats["ess"] == n
    # In the order of dynesty, log-likelihoods would rise along the draws.
    assert abs(stats.spearmanr(np.arange(n), draws.log_prob[0]).statistic) < 5 / np.sqrt(n)


def test_draws_asked_for_are_given():
    draws = sample(target(flat), draws=1234)[0]
    assert draws.theta.shape == (1, 1234, 2)
    assert draws.stats["ess"] == draws.stats["kish"] < 1234


def test_several_posteriors_in_order():
    given = target(lambda theta, x: peak(theta, x, 0.02), x=[[0.3], [0.6]])
    first, second = sample(given)
    assert first.flat.mean(axis=0) == pytest.approx([0.3, 0.3], abs=0.01)
    assert second.flat.mean(axis=0) == pytest.approx([0.6, 0.6], abs=0.01)
    assert first.cost.likelihood_calls != second.cost.likelihood_calls


def test_random_walks_go_through_the_ends_of_periodic_parameters():
    angle = Parameter("phase", Uniform(0.0, TWO_PI), periodic=True)
    prior = Prior((angle, Parameter("b", Uniform(0.0, 1.0))))

    def across(theta, _):
        return 100 * (np.cos(theta[:, 0]) - 1) + peak(theta[:, 1:], 0.5, 0.1)

    exact = np.log(np.i0(100.0)) - 100 + np.log(0.1 * np.sqrt(TWO_PI))
    for sampling in ("unif", "rwalk"):
        draws = sample(target(across, prior), sampling=sampling, nlive=300)[0]
        assert abs(draws.log_evidence - exact) < 4 * draws.log_evidence_err
        phase = draws.flat[:, 0]
        assert np.all((phase >= 0) & (phase <= TWO_PI))
        # Each side of the ends has half of the mass.
        low = np.mean(phase < np.pi)
        assert abs(low - 0.5) < 0.15


def test_dynamic_sampling_goes_on_to_the_effective_draws_asked_for():
    given = target(lambda theta, _: peak(theta, 0.5, 0.1))
    draws = sample(given, dynamic=True, nlive=100, draws=3000)[0]
    assert draws.theta.shape == (1, 3000, 2)
    assert 3000 < draws.stats["kish"] < 6000
    assert abs(draws.log_evidence - np.log(TWO_PI * 0.01)) < 4 * draws.log_evidence_err


def test_impossible_data_end_at_once_with_a_reason():
    began = time.process_time()
    with pytest.raises(InferenceError, match="zero almost everywhere in the prior") as caught:
        sample(target(impossible))
    assert time.process_time() - began < 5
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sampling", ["unif", "rwalk"])
def test_a_run_that_does_not_end_is_given_up(sampling):
    with pytest.raises(InferenceError, match=r"did not end; got .* within max_calls=2000"):
        sample(target(two_peaks), max_calls=2000, sampling=sampling)


def loose(bound, n, rng):
    """Points from ellipsoids that have grown a hundred times too wide."""
    return bound.ctrs[0] + 100 * nested.in_ball(n, bound.ctrs.shape[1], rng)


def test_ellipsoids_that_do_not_fit_are_given_up_for_walks(monkeypatch):
    monkeypatch.setattr(nested, "draw_inside", loose)
    draws = sample(target(two_peaks))[0]
    assert draws.stats["random_walks"] == 1
    assert abs(draws.log_evidence - PROBLEMS["two peaks"][1]) < 4 * draws.log_evidence_err
    walked = sample(target(two_peaks), sampling="rwalk")[0]
    # What the ellipsoids cost before they were given up is counted.
    assert draws.cost.likelihood_calls > walked.cost.likelihood_calls


def test_ellipsoids_that_were_asked_for_and_do_not_fit_are_an_error(monkeypatch):
    monkeypatch.setattr(nested, "draw_inside", loose)
    with pytest.raises(InferenceError, match=r"do not fit the likelihood; got .*sampling=rwalk"):
        sample(target(two_peaks), sampling="unif", max_calls=20_000)


def test_a_failure_of_dynesty_is_a_typed_error(monkeypatch):
    def fail(*_):
        raise RuntimeError("Rejecting invalid\nMultiEllipsoid region")

    monkeypatch.setattr(nested, "draw_inside", fail)
    with pytest.raises(InferenceError, match="Rejecting invalid MultiEllipsoid region"):
        sample(target(two_peaks))


def test_a_likelihood_that_is_no_number_is_an_error_without_noise(capsys):
    def rarely(theta, _):
        return np.where(peak(theta, 0.5, 0.1) > -0.5, np.nan, peak(theta, 0.5, 0.1))

    with pytest.raises(InferenceError, match="broke its contract; got nan"):
        sample(target(rarely))
    assert capsys.readouterr() == ("", "")


def test_batches_are_large():
    sizes = []

    def watched(theta, _):
        sizes.append(len(theta))
        return peak(theta, 0.5, 0.01)

    calls = sample(target(watched))[0].cost.likelihood_calls
    assert calls == sum(sizes)
    assert calls > 20 * len(sizes)


@pytest.mark.parametrize(
    "options",
    [{"dlogz": 0}, {"sampling": "magic"}, {"draws": 0}, {"max_calls": 0}, {"walkers": 5}],
)
def test_nonsense_options_are_refused(options):
    with pytest.raises(ValidationError):
        DynestyOptions(**options)


def test_too_few_live_points_are_refused():
    with pytest.raises(UsageError, match="got 4; expected more than 4 for 2 parameters"):
        sample(target(flat), nlive=4)


def test_more_parameters_take_more_live_points():
    assert DynestyOptions().nlive_for(2) == 500
    assert DynestyOptions().nlive_for(20) == 1000


# -- the parts ----------------------------------------------------------------------------------


class Bound:
    """Two overlapping ellipses, with the attributes of dynesty's bound."""

    class _Ellipse:
        def __init__(self, axes):
            self.axes = axes

    def __init__(self):
        axes = [np.diag([0.3, 0.1]), np.array([[0.1, 0.05], [0.0, 0.2]])]
        self.ells = [self._Ellipse(a) for a in axes]
        self.nells = 2
        self.ctrs = np.array([[0.5, 0.5], [0.6, 0.5]])
        self.ams = np.array([np.linalg.inv(a @ a.T) for a in axes])
        self.logvol_ells = np.log([np.pi * np.linalg.det(a) for a in axes])

    def count(self, x):
        offset = x[:, np.newaxis] - self.ctrs
        return np.sum(np.einsum("kei,eij,kej->ke", offset, self.ams, offset) < 1, axis=1)


def test_points_are_uniform_in_a_union_of_ellipsoids():
    bound = Bound()
    points = nested.draw_inside(bound, 40_000, np.random.default_rng(1))
    assert np.all(bound.count(points) >= 1)
    reference = np.random.default_rng(2).random((400_000, 2))
    reference = reference[bound.count(reference) > 0]
    shares = [np.mean(bound.count(p) == 2) for p in (points, reference)]
    error = np.sqrt(shares[1] * (1 - shares[1]) * (1 / len(points) + 1 / len(reference)))
    assert abs(shares[0] - shares[1]) < 5 * error
    for k in range(2):
        assert stats.ks_2samp(points[:, k], reference[:, k]).pvalue > 1e-4


@pytest.mark.parametrize("dim", [1, 3, 10])
def test_points_are_uniform_in_a_ball(dim):
    radius = np.linalg.norm(nested.in_ball(20_000, dim, RNG), axis=1)
    assert stats.kstest(radius**dim, "uniform").pvalue > 1e-4


def test_insertion_ranks_catch_a_bound_that_cuts_corners(monkeypatch):
    given = target(lambda theta, _: peak(theta, 0.5, 0.05))
    fair = [sample(given, seed)[0].stats["insertion_rank_p"] for seed in range(3)]
    assert min(fair) > 1e-3
    draw = nested.draw_inside

    def shrunken(bound, n, rng):
        centre = bound.ctrs.mean(axis=0)
        return centre + 0.5 * (draw(bound, n, rng) - centre)

    monkeypatch.setattr(nested, "draw_inside", shrunken)
    assert sample(given)[0].stats["insertion_rank_p"] < 1e-6


def test_insertion_ranks_of_a_run_done_by_hand():
    # Three live points of L = 1, 2, 5; then 1 dies for 3 (rank 1), 2 for 6 (rank 2), 3 for 4
    # (rank 0).
    log_like, born = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), np.array([0, 0, 1, 3, 0, 2])
    expected = stats.kstest(np.array([0.5, 1.5, 2.5]) / 3, "uniform").pvalue
    assert insertion_rank_p(log_like, born, 3) == pytest.approx(expected)
    assert insertion_rank_p(np.round(log_like, -1), born, 3) is None


def test_systematic_resampling_repeats_rows_as_their_weights_ask():
    weights = RNG.random(50)
    weights[[0, 7, 49]] = 0
    with np.errstate(divide="ignore"):
        rows = systematic(np.log(weights) - 800, 400, RNG)
    counts = np.bincount(rows, minlength=50)
    assert np.all(np.abs(counts - 400 * weights / weights.sum()) < 1)
    assert np.all(counts[[0, 7, 49]] == 0)
    assert len(rows) == 400


def test_effective_number_of_weights():
    assert kish(np.zeros(10) - 1000) == pytest.approx(10)
    assert kish(np.array([0.0, -np.inf, -np.inf])) == pytest.approx(1)
    assert kish(np.log([[1.0, 1.0], [3.0, 1.0]])) == pytest.approx([2, 1.6])


def test_ten_parameters_take_random_walks():
    draws = sample(target(lambda theta, _: peak(theta, 0.5, 0.1), unit_box(10)))[0]
    exact = 10 * np.log(0.1 * np.sqrt(TWO_PI))
    assert abs(draws.log_evidence - exact) < 4 * draws.log_evidence_err
