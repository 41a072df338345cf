"""Identifiability: what is told by name, what is not, and when nothing can be said."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import LogUniform, Normal, Parameter, Prior, Uniform
from sbiwb.core.draws import Draws
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics._coordinates import coordinates
from sbiwb.diagnostics._fisher import linear_information, scores
from sbiwb.diagnostics.identifiability import check, identifiability
from sbiwb.errors import DataError, UsageError
from sbiwb.result import make_result
from sbiwb.rng import stream

SCALES = np.exp(np.random.default_rng(1).uniform(-2, 2, size=(1000, 4)))
LINES = np.random.default_rng(2).normal(size=(1000, 3))


def known_by(*gradients, at):
    """Information of data that tell functions with these gradients of ln θ, at θ."""
    rows = np.array(gradients, dtype=float) / np.asarray(at)
    return 1e4 * rows.T @ rows


@pytest.mark.parametrize(
    ("gradients", "told", "free"),
    [
        ([(1, 0, 1, 0), (0, 1, 1, 0), (0, 0, 0, 1)], "√(a c), √(b c) and d", "(a/s, b/s, c s)"),
        ([(1, -1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)], "√(a/b), c and d", "(a s, b s)"),
        ([(2, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)], "a^2 b, c and d", "(a/s^0.5, b s)"),
        ([(0.6, 0.4, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)], "a^1.5 b, c and d", "(a/s^0.67, b s)"),
        ([(1, 0.13, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)], "a b^0.13, c and d", "(a/s^0.13, b s)"),
        ([(1, 1, 0, 0), (0, 0, 1, 1)], "√(a b) and √(c d)", "(c/s, d s) and (a/s, b s)"),
        ([(1, 1, 1, 1)], "a b c d", "(a/s, d s), (a/s, c s) and (a/s, b s)"),
    ],
)
def test_products_of_powers_are_named(gradients, told, free):
    at = [1.0, 2.0, 0.5, 3.0]
    verdict = identifiability(known_by(*gradients, at=at), at, SCALES, names="abcd")
    assert verdict.outcome is Outcome.WARN
    assert verdict.message.startswith(f"rank-deficient: the data tell {told}, but not")
    assert f": {free} gives the same data" in verdict.message


def test_sums_are_named_where_parameters_are_no_scales():
    rows = np.array([[1.0, -0.5, 0.0], [0.0, 0.0, 1.0]])
    verdict = identifiability(1e4 * rows.T @ rows, np.zeros(3), LINES, names=["u", "v", "w"])
    assert "the data tell u − 0.5 v and w, but not u and v each" in verdict.message
    assert "(u + 0.5 t, v + t) gives the same data" in verdict.message


def test_combinations_of_too_many_parameters_are_counted():
    draws = np.random.default_rng(7).normal(size=(500, 12))
    axes, _ = np.linalg.qr(np.random.default_rng(8).normal(size=(12, 12)))
    known = 1e4 * axes[:, :10] @ axes[:, :10].T
    verdict = identifiability(known, np.zeros(12), draws)
    assert verdict.outcome is Outcome.WARN
    assert "the data tell 10 of 12 combinations of the parameters, and nothing" in verdict.message
    assert len(verdict.message) < 200


def test_many_parameters_have_a_basis_too():
    draws = np.random.default_rng(6).normal(size=(500, 50))
    names = [f"p{k}" for k in range(50)]
    # Of the first four only their sum is told: three directions, of 19,600 possible bases.
    rows = np.vstack([np.repeat([1.0, 0.0], [4, 46]), np.eye(50)[4:]])
    verdict = identifiability(1e6 * rows.T @ rows, np.zeros(50), draws, names=names)
    assert verdict.outcome is Outcome.WARN
    assert "p0 + p1 + p2 + p3" in verdict.message or "+ p0" in verdict.message
    assert "not p0, p1, p2 and p3" in verdict.message


def test_where_nothing_can_be_simulated_nothing_is_said():
    def fn(theta, rng):
        return np.full(theta.shape, np.nan)

    prior = Prior((Parameter("u", Normal(0, 1)),))
    simulator = sbiwb.simulator(
        fn,
        prior,
        batched=True,
        output=sbiwb.Output((1,)),
        log_likelihood=lambda theta, x: 0.0 * np.sum(x, axis=1) * len(theta),
    )
    information = sbiwb.fisher_information(simulator, [0.0])
    verdict = identifiability(information, [0.0], prior.sample(500, stream(1, "prior")))
    assert verdict.outcome is Outcome.UNKNOWN


def test_one_parameter_may_be_unknown_or_all():
    some = identifiability(np.diag([1e4, 1e4, 0.0]), np.zeros(3), LINES, names="uvw")
    assert "the data tell u and v, but not w: there the posterior is the prior" in some.message
    none = identifiability(np.zeros((3, 3)), np.zeros(3), LINES)
    assert none.outcome is Outcome.WARN
    assert "the data tell none of the parameters" in none.message


def test_hardly_known_is_said_as_a_share_and_is_no_rank():
    verdict = identifiability(np.diag([1e4, 1e4, 0.5]), np.zeros(3), LINES, names="uvw")
    assert verdict.outcome is Outcome.WARN
    assert "rank" not in verdict.message
    assert "narrow the prior by 18% at most" in verdict.message  # 1 − 1/√1.5
    assert verdict.statistic == pytest.approx(1 / np.sqrt(1 + 0.5 * LINES[:, 2].var()))


def test_what_is_known_passes_and_units_do_not_matter():
    matrix = np.diag([50.0, 30.0, 20.0])
    plain = identifiability(matrix, np.zeros(3), LINES)
    units = np.array([1e-9, 1.0, 1e12])
    other = identifiability(matrix / np.outer(units, units), np.zeros(3), LINES * units)
    assert plain.passed
    assert other.curve["width"] == pytest.approx(plain.curve["width"])


def test_a_tumour_seen_once_tells_two_ratios_and_not_three_rates():
    # Of D, ρ and T one image tells √(D T) and √(ρ T): Lipková et al. 2019, arXiv:1807.00499.
    for parameters in ("rates", "ratios"):
        tumour = sbiwb.problem("tumour.fisher_kolmogorov", parameters=parameters)
        at, names = tumour.simulator.truth(), tumour.prior.names
        prior = tumour.prior.sample(1000, stream(1, "prior"))
        information = sbiwb.fisher_information(tumour.simulator, at, data=40)
        verdict = identifiability(information, at, prior, names=names)
        if parameters == "rates":
            assert verdict.outcome is Outcome.WARN
            told = "rank-deficient: the data tell √(D T), √(rho T), x and y, but not D, rho and T"
            assert verdict.message.startswith(told)
            assert verdict.statistic == pytest.approx(1.0, abs=1e-6)
        else:
            assert verdict.passed
            assert verdict.statistic < 0.1


def test_information_of_a_gaussian_is_that_of_its_formula():
    gaussian = sbiwb.problem("cosmology.bao", data="desi_dr2", model="lcdm").simulator
    at, data = np.array([0.3, 101.0]), 2000
    found = sbiwb.fisher_information(gaussian, at, data=data)
    steps = 1e-4 * at
    ends = at + np.array([[1], [-1]]) * np.stack([np.diag(steps)] * 2).transpose(1, 0, 2)
    up, down = (gaussian.mean(np.ascontiguousarray(side)) for side in ends.transpose(1, 0, 2))
    slope = (up - down) / (2 * steps[:, np.newaxis])
    noise = gaussian.simulate(np.repeat(at[np.newaxis], 100_000, 0), stream(1, "noise"))
    expected = slope @ np.linalg.solve(np.cov(noise, rowvar=False), slope.T)
    # Entries of a Wishart matrix: a relative error of √(2/data) on the diagonal; four of them.
    assert np.diag(found) == pytest.approx(np.diag(expected), rel=4 * np.sqrt(2 / data))
    correlation = [m[0, 1] / np.sqrt(m[0, 0] * m[1, 1]) for m in (found, expected)]
    assert correlation[0] == pytest.approx(correlation[1], abs=4 / np.sqrt(data))


def test_scores_do_not_depend_on_how_well_directions_are_known():
    # Six decades between the widths of two directions that no parameter follows.
    axes, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(2, 2)))
    precision = axes @ np.diag([1e8, 1e-4]) @ axes.T
    frame = coordinates(LINES[:, :2], ("u", "v"))
    data = np.random.default_rng(4).normal(size=(50, 2)) @ np.diag([1e-4, 1e2]) @ axes.T

    def log_likelihood(theta, x):
        return -0.5 * np.einsum("ij,jk,ik->i", x - theta, precision, x - theta)

    found = scores(log_likelihood, lambda t: np.ones(len(t), bool), np.zeros(2), data, frame)
    values = np.linalg.eigvalsh(found.T @ found / len(data))
    exact = data @ precision * frame.scale
    # Relative to the better known direction, rounding of log p, of some 1e2, is 1e-14.
    assert values == pytest.approx(np.linalg.eigvalsh(exact.T @ exact / len(data)), rel=1e-3)


def test_simulations_alone_show_what_is_known_but_not_what_is_not():
    rng = np.random.default_rng(5)
    theta = rng.normal(size=(1000, 2))
    frame = coordinates(theta, ("u", "v"))
    linear = theta + 0.5 * rng.normal(size=theta.shape)
    found = linear_information(frame.forward(theta), linear)
    # Exact: 1/0.25 in each; errors of 1,000 leave-one-out squares, five of them.
    assert np.diag(found) == pytest.approx(frame.scale**2 / 0.25, rel=5 * np.sqrt(2 / 1000) * 1.25)
    squared = np.stack([theta[:, 0], theta[:, 1] ** 2], axis=1)
    blind = np.linalg.eigvalsh(linear_information(frame.forward(theta), squared))
    assert blind[0] < 0.1  # v shows in x, not in a linear prediction


def result_of(fn, prior, log_likelihood=None):
    """Prior draws as the answer to a problem: what is judged is the problem."""
    simulator = sbiwb.simulator(fn, prior, batched=True, log_likelihood=log_likelihood)
    x = simulator.simulate(prior.sample(1, stream(1, "x")), stream(1, "noise"))[0]
    draws = Draws(prior.sample(500, stream(1, "draws"))[np.newaxis], independent=True)
    provenance = {"box": [[0.0, 1.0]] * prior.dim}
    return make_result(
        sbiwb.problem(simulator, x), draws, method="prior", seed=1, provenance=provenance
    )


def test_results_are_judged_by_their_simulations_where_no_likelihood_is_known():
    def fn(theta, rng):
        return np.stack([theta[:, 0], theta[:, 1] ** 2], 1) + 0.1 * rng.normal(size=theta.shape)

    prior = Prior((Parameter("u", Normal(0, 1)), Parameter("v", Normal(0, 1))))
    (verdict,) = check(sbiwb.check(result_of(fn, prior), predictive=None))
    assert verdict.outcome is Outcome.UNKNOWN  # not a warning: the data do tell |v|
    assert "nothing beyond u" in verdict.message


def test_results_are_judged_by_the_likelihood_where_it_is_known():
    scale = LogUniform(0.01, 100.0)
    prior = Prior((Parameter("u", scale), Parameter("v", scale)))

    def mean(theta):
        return np.log(theta.prod(axis=1, keepdims=True)) * np.ones(3)

    def fn(theta, rng):
        return mean(theta) + 0.1 * rng.normal(size=(len(theta), 3))

    def log_likelihood(theta, x):
        return -0.5 * np.sum((x - mean(theta)) ** 2, axis=1) / 0.01

    result = result_of(fn, prior, log_likelihood)
    checked = sbiwb.check(result, predictive=None)
    (verdict,) = [v for v in checked.verdicts if v.name == "identifiability"]
    assert verdict.outcome is Outcome.WARN
    assert "rank-deficient: the data tell √(u v), but not u and v each" in verdict.message
    unasked = sbiwb.check(result, predictive=None, information=None)
    assert "information" not in unasked.tree.children


def test_likelihoods_with_an_edge_cannot_be_told():
    moons = sbiwb.problem("benchmark.two_moons")
    at = moons.prior.sample(1, stream(1, "at"))[0]
    information = sbiwb.fisher_information(moons.simulator, at)
    prior = moons.prior.sample(500, stream(1, "prior"))
    verdict = identifiability(information, at, prior)
    assert verdict.outcome is Outcome.UNKNOWN
    assert "vanishes" in verdict.message


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"prior": LINES[:50]}, Outcome.UNKNOWN),
        ({"prior": np.zeros((500, 3))}, Outcome.UNKNOWN),
        ({"prior": np.full((500, 3), np.nan)}, Outcome.UNKNOWN),
        ({"information": np.full((3, 3), np.nan)}, Outcome.UNKNOWN),
        ({"prior": np.abs(LINES) + 1e-3, "at": -np.ones(3)}, Outcome.UNKNOWN),
    ],
)
def test_degenerate_input_is_no_pass(changes, outcome):
    given = {"information": 1e4 * np.eye(3), "at": np.zeros(3), "prior": LINES, **changes}
    assert identifiability(**given).outcome is outcome


@pytest.mark.parametrize(
    "changes",
    [
        {"information": np.eye(2)},
        {"prior": LINES[:, :2]},
        {"names": ["u"]},
        {"at": ["a", "b", "c"]},
    ],
)
def test_wrong_shapes_are_refused(changes):
    given = {"information": 1e4 * np.eye(3), "at": np.zeros(3), "prior": LINES, **changes}
    with pytest.raises(DataError):
        identifiability(**given)


def test_a_point_outside_or_too_few_data_are_refused():
    box = Prior((Parameter("u", Uniform(0, 1)),))
    simulator = sbiwb.simulator(
        lambda t, rng: t + rng.normal(size=t.shape),
        box,
        batched=True,
        log_likelihood=lambda t, x: -0.5 * np.sum((x - t) ** 2, axis=1),
    )
    with pytest.raises(UsageError, match="inside the prior"):
        sbiwb.fisher_information(simulator, [2.0])
    with pytest.raises(UsageError, match="too few data"):
        sbiwb.fisher_information(simulator, [0.5], data=1)
    with pytest.raises(UsageError, match="no exact likelihood"):
        sbiwb.fisher_information(sbiwb.simulator(lambda t: t, box), [0.5])
