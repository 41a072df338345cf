"""Lesion volumes: growth laws against their differential equations, the table, and evidence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special

import sbiwb
from sbiwb.datasets import dataset
from sbiwb.errors import DataError, UsageError
from sbiwb.rng import stream
from sbiwb.simulators.tumour.growth_laws import LAWS
from sbiwb.simulators.tumour.lesion_volume import LesionVolume
from sbiwb.simulators.tumour.lesions import COUNT, lesion, shipped_numbers
from sbiwb.testing import check_simulator

RATES = {
    "exponential": lambda v, a: a * v,
    "logistic": lambda v, a, capacity: a * v * (1 - v / capacity),
    "gompertz": lambda v, a, capacity: a * v * np.log(capacity / v),
}
CASES = [(50.0, 0.02, 900.0), (4000.0, 0.01, 300.0)]


def solved(rate, days, v0, *own):
    end = integrate.solve_ivp(
        lambda _, v: rate(v, *own), (0, days[-1]), [v0], t_eval=days, rtol=1e-10, atol=1e-8
    )
    return np.log(end.y[0])


@pytest.mark.parametrize("model", LAWS)
@pytest.mark.parametrize("case", CASES)
def test_laws_solve_their_differential_equations(model, case):
    days = np.linspace(0.0, 200.0, 9)
    v0, *own = case[:2] if model == "exponential" else case
    columns = [np.array([[value]]) for value in (v0, *own)]
    found = LAWS[model].log_volume(days, *columns)[0]
    assert found == pytest.approx(solved(RATES[model], days, v0, *own), abs=1e-7)
    # The planted fault: another law is told apart.
    other = "gompertz" if model != "gompertz" else "logistic"
    wrong = solved(RATES[other], days, v0, case[1], case[2])
    assert np.max(np.abs(found - wrong)) > 0.01


@pytest.mark.parametrize("model", LAWS)
def test_laws_stay_finite_over_the_whole_prior(model):
    simulator = LesionVolume(model, days=[0.0, 1.0, 30.0, 3000.0])
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * simulator.prior.dim), axis=-1)
    theta = simulator.prior.from_unit(corners.reshape(-1, simulator.prior.dim))
    assert np.all(np.isfinite(simulator.mean(theta)))


@pytest.mark.parametrize("model", LAWS)
@pytest.mark.parametrize("options", [{"lesion": 23}, {"days": [0, 40, 80]}], ids=str)
def test_every_law_keeps_the_contract(model, options):
    check_simulator(LesionVolume(model, **options))


def test_the_measured_volumes_are_the_observation():
    problem = sbiwb.problem("tumour.lesion_volume", lesion=23)
    assert len(problem.observation.x) == 10
    assert np.exp(problem.observation.x[0]) == pytest.approx(73116.16)
    assert problem.simulator.days[:3].tolist() == [0, 57, 113]
    assert "row 23" in problem.observation.source


def log_evidence(model, number, draws=200_000):
    """By brute force: the mean likelihood over the prior."""
    simulator = LesionVolume(model, lesion=number)
    theta = simulator.prior.sample(draws, stream(0, "evidence", model))
    x = simulator.default_observation().x
    return special.logsumexp(simulator.log_likelihood(theta, x)) - np.log(draws)


def test_evidence_prefers_growth_that_levels_off_where_it_does():
    # Lesion 23 multiplies eighteen-fold and lesion 1225 shrinks to a tenth; then both stand still.
    gain = {
        n: log_evidence("gompertz", n) - log_evidence("exponential", n) for n in (23, 1225, 1404)
    }
    assert gain[23] > 3
    assert gain[1225] > 3
    # Lesion 1404 grows on, and little speaks against either law.
    assert abs(gain[1404]) < 3


def test_nested_sampling_finds_the_evidence():
    problem = sbiwb.problem("tumour.lesion_volume", model="exponential", lesion=1404)
    result = sbiwb.infer(problem, "exact+dynesty", seed=1)
    # The Monte Carlo error of the brute force is about 0.1 with this many draws.
    expected = log_evidence("exponential", 1404, 400_000)
    assert abs(result.log_evidence - expected) < 0.4 + 4 * result.log_evidence_err


def test_the_shipped_lesions_are_those_of_the_table():
    (file,) = dataset("tumour.lesions").files
    if file.find() is None:
        pytest.skip("the table of lesions is not in SBIWB_DATA")
    from sbiwb.simulators.tumour import lesions

    table = lesions._table()
    assert len(table) == COUNT
    assert {len(entry.volumes) for entry in table.values()} == set(range(3, 17))
    for number in shipped_numbers():
        ours, theirs = lesion(number), table[number]
        assert np.array_equal(ours.days, theirs.days)
        assert np.array_equal(ours.volumes, theirs.volumes)
        assert (ours.arm, ours.response) == (theirs.arm, theirs.response)
    unseen = next(n for n, entry in table.items() if entry.volumes.min() == 0)
    with pytest.raises(DataError, match="was not seen in every reading"):
        LesionVolume(lesion=unseen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "gompertzian"}, "did you mean 'gompertz'"),
        ({"lesion": 1461}, "no such lesion; got 1461; expected a row 0 to 1460"),
        ({"lesion": 1, "days": [0]}, "give lesion or days, not both"),
        ({"days": []}, "bad days"),
        ({"days": ["soon"]}, "bad days"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        LesionVolume(**options)
