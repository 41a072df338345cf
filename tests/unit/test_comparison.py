"""Comparison: grouping, tables, agreement and evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricated_results import gaussian_draws, toy_problem, toy_result
from scipy import stats

import sbiwb
from sbiwb.comparison.agreement import Distance
from sbiwb.comparison.evidence import best_log_likelihood, kass_raftery
from sbiwb.core.constraint import LinearConstraint
from sbiwb.core.distributions import LogNormal, Normal, Sine, Uniform
from sbiwb.core.draws import Draws
from sbiwb.core.prior import Parameter
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.errors import UsageError
from sbiwb.result import make_result


def one_parameter(distribution):
    return toy_problem([Parameter("a", distribution)])


# -- grouping ---------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [[], {}, {"lcdm": []}])
def test_nothing_to_compare_is_an_error(nothing):
    with pytest.raises(UsageError, match="no results"):
        sbiwb.compare(nothing)


def test_what_is_no_result_is_an_error():
    with pytest.raises(UsageError, match=r"compare\(\[result\]\)"):
        sbiwb.compare(toy_result())
    with pytest.raises(UsageError, match="not a result"):
        sbiwb.compare([toy_result(), 3])


def test_a_sequence_is_sorted_by_problem():
    problems = [toy_problem(model=m, data="x") for m in ("lcdm", "wcdm")]
    results = [toy_result(m, problem=p) for m in ("npe", "exact+emcee") for p in problems]
    comparison = sbiwb.compare(results)
    assert [g.label for g in comparison.groups] == ["lcdm", "wcdm"]
    assert all(g.methods == ("npe", "exact+emcee") for g in comparison.groups)
    assert comparison.title == "Posterior of lcdm, wcdm"


def test_labels_tell_groups_apart():
    several = [
        toy_problem(name="one", model="m", data="d"),
        toy_problem(name="two", model="m", data="d"),
        toy_problem(name="two", model="n", data="e"),
    ]
    labels = [g.label for g in sbiwb.compare([toy_result(problem=p) for p in several]).groups]
    assert labels == ["one", "two model=m data=d", "two model=n data=e"]
    twice = [toy_problem(observation=0.0), toy_problem(observation=1.0)]
    labels = [g.label for g in sbiwb.compare([toy_result(problem=p) for p in twice]).groups]
    assert labels == ["toy, three", "toy, three, no. 2"]


def test_a_mapping_names_the_problems():
    comparison = sbiwb.compare({"first": [toy_result()], "second": [toy_result()]}, title="Both")
    assert [g.label for g in comparison.groups] == ["first", "second"]
    assert comparison.title == "Both"


def test_repeated_methods_are_told_apart():
    results = [toy_result("npe", seed=1), toy_result("npe", seed=2), toy_result("npe", seed=2)]
    group = sbiwb.compare(results).groups[0]
    assert group.methods == ("npe (seed 1)", "npe (seed 2)", "npe (seed 2), no. 2")


def test_differences_within_a_problem_are_said():
    other_prior = toy_problem([Parameter("a", Uniform(-5, 5)), Parameter("b", Uniform(-10, 10))])
    notes = sbiwb.compare([toy_result(), toy_result("npe", problem=other_prior)]).groups[0].notes
    assert notes == ("npe and exact+emcee had different priors for a.",)
    other_data = toy_result("npe", problem=toy_problem(observation=1.0))
    notes = sbiwb.compare({"x": [toy_result(), other_data]}).groups[0].notes
    assert notes == ("npe and exact+emcee were given different data.",)
    cut = toy_problem(constraint=LinearConstraint(("a", "b"), (1.0, 1.0), 0.0))
    notes = sbiwb.compare([toy_result(), toy_result("npe", problem=cut)]).groups[0].notes
    assert notes == ("npe and exact+emcee had different priors for a, b.",)


def test_labels_of_parameters_are_no_difference():
    relabelled = toy_problem(
        [Parameter("a", Uniform(-10, 10), "m", "A"), Parameter("b", Uniform(-10, 10))]
    )
    results = [toy_result(), toy_result("npe", problem=relabelled)]
    assert sbiwb.compare(results).groups[0].notes == ()


def test_parameters_are_matched_by_name():
    swapped = toy_problem([Parameter("b", Uniform(-10, 10)), Parameter("c", Uniform(-10, 10))])
    comparison = sbiwb.compare(
        {
            "x": [
                toy_result(theta=gaussian_draws(1, mean=(0.0, 5.0))),
                toy_result("npe", gaussian_draws(2, mean=(5.0, 0.0)), problem=swapped),
            ]
        }
    )
    group = comparison.groups[0]
    assert group.names == ("a", "b", "c")
    assert "npe does not have a." in group.notes
    assert "exact+emcee does not have c." in group.notes
    pair = comparison.pairs["x"][0]
    assert pair.shift_name == "b"
    assert pair.outcome is Outcome.PASS


def test_nothing_in_common_cannot_be_judged():
    other = toy_problem([Parameter("z", Uniform(-10, 10))])
    results = [
        toy_result(),
        toy_result("npe", gaussian_draws(1, mean=(0,), sd=(1,)), problem=other),
    ]
    pair = sbiwb.compare({"x": results}).pairs["x"][0]
    assert pair.outcome is Outcome.UNKNOWN
    assert np.isnan(pair.c2st)


@pytest.mark.parametrize(
    ("distribution", "support"),
    [
        (Uniform(0.1, 0.9), (0.1, 0.9)),
        (Normal(0, 1), (-np.inf, np.inf)),
        (LogNormal(0, 1), (0, np.inf)),
        (Sine(), (0, np.pi)),
    ],
)
def test_bounds_come_from_the_description(distribution, support):
    theta = np.full((100, 1), 0.5)
    group = sbiwb.compare([toy_result("npe", theta, problem=one_parameter(distribution))]).groups[0]
    assert group.quantity("a").support == support


def test_the_reference_is_exact_and_does_not_fail():
    failing = Verdict("rhat", Outcome.FAIL, "chains disagree")
    results = [
        toy_result("npe"),
        toy_result("exact+emcee", verdicts=(failing,)),
        toy_result("exact+dynesty"),
    ]
    assert sbiwb.compare(results).groups[0].reference == "exact+dynesty"
    assert sbiwb.compare(results[:2]).groups[0].reference == "npe"


# -- tables -----------------------------------------------------------------------------------


def test_the_table_matches_the_closed_form():
    n = 20_000
    theta = gaussian_draws(3, n, mean=(1.0, -2.0), sd=(0.5, 3.0))
    table = sbiwb.compare([toy_result(theta=theta)]).table
    row = table.loc[("toy", "exact+emcee", "b")]
    z = np.array([row[q] for q in ("q025", "q16", "median", "q84", "q975")])
    exact = stats.norm(-2.0, 3.0).ppf([0.025, 0.16, 0.5, 0.84, 0.975])
    # A quantile's standard error is √(q(1−q)/n) over the density: at most 2.7 sd/√n here.
    assert z == pytest.approx(exact, abs=4 * 2.7 * 3.0 / np.sqrt(n))
    assert row["mean"] == pytest.approx(-2.0, abs=4 * 3.0 / np.sqrt(n))
    assert row["mcse"] == pytest.approx(3.0 / np.sqrt(n), rel=0.03)


def test_all_tables_name_problem_and_method():
    results = [
        toy_result(m, problem=toy_problem(model=k), log_evidence=-1.0, log_evidence_err=0.1)
        for m in ("exact+emcee", "npe")
        for k in ("one", "two")
    ]
    comparison = sbiwb.compare(results)
    assert comparison.table.index.names == ["problem", "method", "parameter"]
    assert len(comparison.table) == 8
    assert len(comparison.cost) == 4
    assert set(comparison.cost["simulator_calls"]) == {1000}
    assert len(comparison.evidence) == 4
    assert len(comparison.distances) == 2
    assert set(comparison.verdicts["check"]) == {"agreement"}
    assert comparison.provenance["two"]["npe"]["seed"] == 0


# -- agreement --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mean", "sd", "outcome"),
    [
        ((0.0, 0.0), (1.0, 1.0), Outcome.PASS),
        ((0.0, 0.4), (1.0, 1.0), Outcome.WARN),
        ((0.0, 1.0), (1.0, 1.0), Outcome.FAIL),
        ((0.0, 0.0), (1.0, 0.75), Outcome.WARN),
        ((0.0, 0.0), (0.5, 1.0), Outcome.FAIL),
    ],
    ids=["same", "shifted a little", "shifted", "narrow", "too narrow"],
)
def test_planted_differences_are_judged(mean, sd, outcome):
    results = [toy_result(), toy_result("npe", gaussian_draws(7, mean=mean, sd=sd))]
    comparison = sbiwb.compare(results)
    pair = comparison.pairs["toy"][0]
    assert pair.outcome is outcome
    assert (pair.first, pair.second) == ("exact+emcee", "npe")
    verdict = comparison.judgements["toy"]["npe"][-1]
    assert (verdict.name, verdict.outcome) == ("agreement", outcome)
    assert comparison.judgements["toy"]["exact+emcee"] == ()


def test_distances_name_the_parameter_that_differs():
    results = [toy_result(), toy_result("npe", gaussian_draws(8, mean=(0, 0.8), sd=(0.6, 1)))]
    pair = sbiwb.compare(results).pairs["toy"][0]
    assert (pair.shift_name, pair.width_name) == ("b", "a")
    # Standard error of a difference of means over σ, 2,000 draws each: 0.032.
    assert pair.shift == pytest.approx(0.8, abs=4 * 0.032)
    assert pair.shift_error == pytest.approx(0.032, rel=0.1)
    assert pair.width == pytest.approx(0.6, rel=0.08)


def test_too_few_draws_cannot_be_judged():
    few = gaussian_draws(9, 40)
    pair = sbiwb.compare([toy_result(), toy_result("npe", few)]).pairs["toy"][0]
    assert np.isnan(pair.c2st)
    assert pair.outcome is Outcome.UNKNOWN


def test_a_constant_parameter_is_left_out():
    constant = gaussian_draws(10)
    constant[:, 0] = 3.0
    pair = sbiwb.compare([toy_result(), toy_result("npe", constant)]).pairs["toy"][0]
    assert pair.shift_name == pair.width_name == "b"


def test_a_classifier_alone_can_object():
    alike = Distance("a", "b", c2st=0.9, shift=0.0, shift_error=0.01, width=1.0)
    assert alike.outcome is Outcome.FAIL


# -- evidence ---------------------------------------------------------------------------------


def test_evidence_is_compared_for_the_same_data_and_method():
    values = {"lcdm": -10.0, "wcdm": -12.0}
    results = [
        toy_result("exact+dynesty", problem=toy_problem(model=m), log_evidence=v,
                   log_evidence_err=0.3)
        for m, v in values.items()
    ]  # fmt: skip
    results.append(toy_result("npe", problem=toy_problem(model="lcdm"), log_evidence=-3.0))
    results.append(toy_result("exact+emcee", problem=toy_problem(model="lcdm")))
    elsewhere = toy_problem(model="lcdm", observation=1.0)
    results.append(toy_result("exact+dynesty", problem=elsewhere, log_evidence=0.0))
    table = sbiwb.compare(results).evidence.set_index(["problem", "method"])
    best, worse = (table.loc[(p, "exact+dynesty")] for p in ("lcdm, three", "wcdm"))
    assert best["difference"] == 0
    assert worse["difference"] == -2.0
    assert worse["difference_error"] == pytest.approx(np.hypot(0.3, 0.3))
    assert worse["weight"] == pytest.approx(1 / (1 + np.e**2))
    assert (best["words"], worse["words"]) == ("preferred", "positive")
    alone = table[table["difference"].isna()]
    assert len(alone) == 2
    assert set(alone["words"]) == {""}


def density_result(normalised, evidence=-7.0, likelihood=-3.0, box=((0.0, 1.0), (0.0, 1.0))):
    """A result whose draws have log-likelihood `likelihood` − (0, 1, 2, …)."""
    problem = toy_problem(model="toy")
    theta = problem.prior.from_unit(np.random.default_rng(0).uniform(0.3, 0.7, (50, 2)))
    low, high = np.array(box).T
    prior = problem.prior if normalised else problem.prior.restrict(low, high)
    log_prob = likelihood - np.arange(50.0) + prior.log_prob(theta) - normalised * evidence
    draws = Draws(
        theta[np.newaxis], log_prob[np.newaxis], normalised=normalised, log_evidence=evidence
    )
    return make_result(
        problem, draws, method="exact+dynesty", seed=0, provenance={"box": [list(b) for b in box]}
    )


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("box", [((0.0, 1.0), (0.0, 1.0)), ((0.2, 0.8), (0.1, 0.9))])
def test_the_best_fit_is_had_from_the_density_of_the_draws(normalised, box):
    assert best_log_likelihood(density_result(normalised, box=box)) == pytest.approx(-3.0)
    missed = density_result(normalised, likelihood=-4.0, box=box)
    assert best_log_likelihood(missed) == pytest.approx(-4.0)


def test_the_best_fit_is_unknown_without_density_evidence_or_problem():
    assert np.isnan(best_log_likelihood(toy_result()))
    assert np.isnan(best_log_likelihood(density_result(True, evidence=np.nan)))
    assert np.isnan(best_log_likelihood(replace(density_result(True), problem=None)))


def test_fits_are_compared_with_that_of_the_first_problem():
    results = {
        "first": [density_result(True)],
        "better": [density_result(True, evidence=-9.0, likelihood=-1.0)],
    }
    table = sbiwb.compare(results).evidence.set_index("problem")
    assert table["best"].tolist() == pytest.approx([-3.0, -1.0])
    assert table["chi_squared"].tolist() == pytest.approx([0.0, -4.0])
    assert table["difference"].tolist() == pytest.approx([0.0, -2.0])  # and yet penalised


def test_the_scale_of_kass_and_raftery():
    words = [kass_raftery(x) for x in (0.5, 2.0, 4.0, 6.0)]
    assert words == ["not worth more than a bare mention", "positive", "strong", "very strong"]
