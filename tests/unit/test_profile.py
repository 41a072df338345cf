"""Profile likelihoods: their maximisation, and what is said of them beside marginals."""

from __future__ import annotations

import numpy as np
import pytest

import sbiwb
from sbiwb import Normal, Parameter, Prior, Uniform
from sbiwb.checking import applicable
from sbiwb.checking.profiling import Profiler
from sbiwb.core.draws import Draws
from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics._coordinates import coordinates
from sbiwb.diagnostics.profile import check, profile
from sbiwb.errors import DataError, UsageError
from sbiwb.likelihoods.exact import Exact
from sbiwb.result import make_result

GRID = np.linspace(-4, 4, 21)
DRAWS = np.random.default_rng(1).normal(size=20_000)
NOISE = np.array([[1.0, 0.9, 0.2], [0.9, 1.0, 0.4], [0.2, 0.4, 0.5]])


def result_of(prior, log_likelihood, draws, x):
    simulator = sbiwb.simulator(
        lambda theta, rng: theta + rng.normal(size=theta.shape),
        prior,
        batched=True,
        log_likelihood=log_likelihood,
    )
    problem = sbiwb.problem(simulator, x)
    provenance = {"box": [[0.0, 1.0]] * prior.dim}
    made = Draws(draws[np.newaxis], independent=True)
    return make_result(problem, made, method="exact+known", seed=0, provenance=provenance)


def gaussian(theta, x):
    return -0.5 * np.einsum("ij,jk,ik->i", x - theta, np.linalg.inv(NOISE), x - theta)


def test_profile_and_marginal_agree_on_a_gaussian_to_one_per_cent():
    prior = Prior(tuple(Parameter(name, Uniform(-50, 50)) for name in "abc"))
    # 100,000 exact draws: widths are known to 0.22 %, means to 0.0032 standard deviations.
    draws = np.random.default_rng(2).multivariate_normal(np.zeros(3), NOISE, 100_000)
    result = result_of(prior, gaussian, draws, np.zeros(3))
    checked = sbiwb.check(result, predictive=None, information=None, profile=21)
    verdicts = [v for v in checked.verdicts if v.name.startswith("profile")]
    assert [v.name for v in verdicts] == ["profile[a]", "profile[b]", "profile[c]"]
    for k, verdict in enumerate(verdicts):
        assert verdict.passed
        assert verdict.statistic < 0.01
        theta = np.array(verdict.curve["theta"])
        expected = np.exp(-0.5 * theta**2 / NOISE[k, k])
        assert verdict.curve["profile"] == pytest.approx(expected, abs=0.002)
        width = np.sqrt(np.sum(expected * theta**2) / expected.sum())
        assert draws[:, k].std() / width == pytest.approx(1, abs=0.01)
        assert verdict.message.startswith(f"the marginal of '{'abc'[k]}' is 1 times as wide")


def test_a_curved_likelihood_is_maximised_to_its_walls():
    # Rosenbrock's valley: at each a the best b is a², or the wall at 4.
    prior = Prior((Parameter("a", Uniform(-3, 3)), Parameter("b", Uniform(-1, 4))))

    def valley(theta, x):
        a, b = theta.T
        return -0.5 * (a**2 / 4 + 100 * (b - a**2) ** 2)

    rng = np.random.default_rng(3)
    a = np.clip(rng.normal(size=4000) * 0.8, -2, 2)
    draws = np.stack([a, np.clip(a**2 + 0.1 * rng.normal(size=4000), -1, 4)], axis=1)
    result = result_of(prior, valley, draws, np.zeros(2))
    checked = sbiwb.check(result, predictive=None, information=None, profile=15)
    group = checked.tree["profile"].to_dataset()
    theta, found = group["theta"].values[0], group["log_likelihood"].values[0]
    assert theta[[0, -1]] == pytest.approx([-3, 3], abs=0.3)
    best = np.minimum(theta**2, 4.0)
    assert found == pytest.approx(valley(np.stack([theta, best], axis=1), None), abs=1e-3)
    assert group.attrs["likelihood_calls"] < 15 * 2 * 400


def test_the_marginal_keeps_its_height_at_an_end_of_the_prior():
    half = np.linspace(0, 4, 21)
    verdict = profile(half, -0.5 * half**2, np.abs(DRAWS))
    expected = np.exp(-0.5 * half**2)
    # The width of the kernel flattens the peak by a per cent or two.
    assert verdict.curve["marginal"] == pytest.approx(expected, abs=0.05)
    assert verdict.passed


def test_reports_draw_profiles_and_marginals(tmp_path):
    prior = Prior((Parameter("a", Uniform(-50, 50)),))
    result = result_of(prior, lambda t, x: -0.5 * np.sum((x - t) ** 2, axis=1), DRAWS[:, None], [0])
    checked = sbiwb.check(result, predictive=None, information=None, profile=15)
    drawn = sbiwb.compare([checked]).save(tmp_path / "with.html").read_text()
    plain = sbiwb.compare([result]).save(tmp_path / "without.html").read_text()
    assert 'id="profiles"' in drawn
    assert "Profile likelihood of a" in drawn
    assert 'id="profiles"' not in plain


def test_a_prior_that_pulls_is_seen():
    prior = Prior((Parameter("a", Normal(3.0, 1.0)),))
    draws = 1.5 + np.sqrt(0.5) * np.random.default_rng(4).normal(size=(4000, 1))
    result = result_of(prior, lambda t, x: -0.5 * np.sum((x - t) ** 2, axis=1), draws, [0.0])
    checked = sbiwb.check(result, predictive=None, information=None, profile=21)
    (verdict,) = [v for v in checked.verdicts if v.name == "profile[a]"]
    assert verdict.outcome is Outcome.WARN
    assert "standard deviations above" in verdict.message


def test_volume_that_moves_a_marginal_is_seen():
    # Three parameters have room to move as s grows: the marginal of s, not its profile, grows too.
    names = ["s", "a", "b", "c"]
    box = Prior(tuple(Parameter(n, Uniform(0, 2) if n == "s" else Uniform(-9, 9)) for n in names))

    def log_likelihood(theta, x):
        return -0.5 * np.sum((theta[:, 1:] / (0.1 + theta[:, :1])) ** 2, axis=1)

    rng = np.random.default_rng(5)
    s = ((rng.random(20_000) * (2.1**4 - 0.1**4)) + 0.1**4) ** 0.25 - 0.1
    others = (0.1 + s[:, np.newaxis]) * rng.normal(size=(len(s), 3))
    draws = np.column_stack([s, others])[:4000]
    result = result_of(box, log_likelihood, draws, np.zeros(4))
    checked = sbiwb.check(result, predictive=None, information=None, profile=11)
    (verdict,) = [v for v in checked.verdicts if v.name == "profile[s]"]
    assert verdict.outcome is Outcome.WARN
    assert verdict.curve["profile"] == pytest.approx(np.ones(11), abs=1e-6)


def test_profile_and_information_agree_on_a_tumour(monkeypatch):
    # One image tells √(D T) and √(ρ T): D by itself has a flat profile wherever T and ρ can follow.
    tumour = sbiwb.problem("tumour.fisher_kolmogorov", parameters="rates")
    growth, solved = tumour.simulator.growth, []
    solve = growth.solve

    def counted(mu1, *rest):
        solved.append(len(mu1))
        return solve(mu1, *rest)

    monkeypatch.setattr(growth, "solve", counted)
    rng = np.random.default_rng(6)
    age = rng.uniform(50, 1500, size=2000)
    mu1, mu2 = 0.9 * (1 + 0.03 * rng.normal(size=2000)), 2.6 * (1 + 0.01 * rng.normal(size=2000))
    place = [2.9, -2.1] + 0.03 * rng.normal(size=(2000, 2))
    draws = np.column_stack([mu1**2 / age, mu2**2 / age, age, place])
    draws = draws[np.isfinite(tumour.prior.log_prob(draws))]
    information = sbiwb.fisher_information(tumour.simulator, tumour.simulator.truth(), data=40)
    prior = tumour.prior.sample(500, rng)
    verdict = sbiwb.identifiability(information, tumour.simulator.truth(), prior)
    by_information = sum(solved)
    assert verdict.outcome is Outcome.WARN
    frame = coordinates(prior, tumour.prior.names)
    profiler = Profiler(Exact(tumour.simulator), tumour.prior, tumour.observation.x, frame)
    values, found = profiler.profile(0, draws, 7)
    follow = (values > 0.9**2 / 1400) & (values < 0.01)
    assert follow.sum() >= 3
    assert np.ptp(found[follow]) < 0.01  # log-likelihoods of some 1e2
    assert by_information < (sum(solved) - by_information) / 10


@pytest.mark.parametrize(
    ("scale", "shift", "outcome"),
    [(1.0, 0.0, "pass"), (1.0, 0.8, "warn"), (0.5, 0.0, "warn"), (2.0, 0.0, "warn")],
)
def test_planted_differences(scale, shift, outcome):
    assert profile(GRID, -0.5 * ((GRID - shift) / scale) ** 2, DRAWS).outcome == outcome


@pytest.mark.parametrize(
    ("theta", "values", "draws"),
    [
        (GRID, np.full(21, -np.inf), DRAWS),
        (GRID, np.where(np.abs(GRID) < 1, -np.inf, 0.0), DRAWS),
        (GRID[::-1], -(GRID**2), DRAWS),
        (GRID, -(GRID**2), np.zeros(500)),
        (GRID, -(GRID**2), DRAWS[:10]),
        (GRID[:5], -(GRID[:5] ** 2), DRAWS),
    ],
)
def test_degenerate_input_is_no_pass(theta, values, draws):
    assert profile(theta, values, draws).outcome is Outcome.UNKNOWN


def test_wrong_input_is_refused():
    with pytest.raises(DataError, match="three arrays"):
        profile(GRID, GRID[:-1], DRAWS)
    prior = Prior((Parameter("a", Uniform(-5, 5)),))
    result = result_of(prior, None, np.zeros((300, 1)), [0.0])
    assert check(result) == []
    with pytest.raises(UsageError, match="needs a likelihood"):
        sbiwb.check(result, predictive=None, profile=21)
    assert applicable(result, {"profile": 21}) == {}
