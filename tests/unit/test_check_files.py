"""`sbiwb check` on whatever lies on disk."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sbiwb
from sbiwb import cli
from sbiwb.checking.files import calibration_set, check_path, posed
from sbiwb.config import read_recipe
from sbiwb.core.verdict import Outcome
from sbiwb.errors import DataError, UsageError
from sbiwb.pipeline.plan import build_problem
from sbiwb.pipeline.running import simulators_of
from sbiwb.reading import from_draws

RNG = np.random.default_rng(1)
THETA = RNG.normal(size=(300, 2))
X = THETA + 0.5 * RNG.normal(size=(300, 2))
NOISE = np.sqrt(0.2) * RNG.normal(size=(100, 300, 2))
MEAN, COVARIANCE = [0.2975, 101.54], [[7.4e-5, -5.8e-3], [-5.8e-3, 0.533]]
CHAIN = RNG.multivariate_normal(MEAN, COVARIANCE, (4, 500))


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_:
        cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def outcomes(found):
    return {verdict.name: verdict.outcome for verdict in found.verdicts}


@pytest.mark.parametrize(("width", "code"), [(1.0, 0), (0.7, 1)])
def test_a_calibration_set_is_judged_and_its_power_stated(capsys, tmp_path, width, code):
    file = tmp_path / "set.npz"
    np.savez(file, theta=THETA, x=X, samples=X / 1.25 + width * NOISE, names=["Om", "hrd"])
    got, out, _ = command(capsys, "check", file)
    assert got == code
    assert out.startswith(f"{file}: {'fail' if code else 'pass'}\n")
    assert "sbc[Om]" in out
    assert "300 simulations of 100 draws would have shown with 95 % probability" in out


def test_chains_alone_are_judged_by_their_convergence(capsys, tmp_path):
    np.savez(tmp_path / "chain.npz", Om=CHAIN[..., 0], hrd=CHAIN[..., 1])
    got, out, _ = command(capsys, "check", tmp_path / "chain.npz")
    assert got == 0
    assert "autocorrelation: each chain is" in out
    assert "predictive" not in out
    np.savez(tmp_path / "stuck.npz", Om=CHAIN[..., 0] + np.arange(4)[:, None], hrd=CHAIN[..., 1])
    got, out, _ = command(capsys, "check", tmp_path / "stuck.npz")
    assert got == 1
    assert "the chains differ in 'Om'" in out


def test_chains_meet_the_observation_where_their_problem_is_named(capsys, tmp_path):
    np.savez(tmp_path / "chain.npz", omegam=CHAIN[..., 0], hrd=CHAIN[..., 1])
    np.savez(tmp_path / "off.npz", omegam=CHAIN[..., 0] + 0.1, hrd=CHAIN[..., 1])
    for name, code in (("chain", 0), ("off", 1)):
        got, out, _ = command(
            capsys, "check", tmp_path / f"{name}.npz",
            "--problem", "desi_dr2:lcdm", "--rename", "omegam=Om",
        )  # fmt: skip
        assert got == code
        assert ("fail    predictive" in out) == bool(code)
        assert "all draws lie inside the prior" in out


def test_a_problem_may_be_a_simulator_and_mistakes_are_named(capsys, tmp_path):
    np.savez(tmp_path / "chain.npz", Om=CHAIN[..., 0], other=CHAIN[..., 1])
    code, _, err = command(capsys, "check", tmp_path / "chain.npz", "--problem", "cosmology.bao")
    assert code == 2
    assert "has no parameter 'hrd' of the problem" in err
    code, _, err = command(capsys, "check", tmp_path / "chain.npz", "--problem", "desi_dr2:lcmd")
    assert code == 2
    assert "did you mean 'lcdm'?" in err
    code, _, err = command(capsys, "check", tmp_path / "chain.npz", "--problem", "desi_dr2")
    assert code == 2
    assert "desi_dr2:LABEL, of lcdm" in err


def test_a_recipe_brings_its_own_simulators(capsys, tmp_path):
    command(capsys, "new", "simulator", "spring", "--folder", tmp_path)
    recipe = tmp_path / "spring.yaml"
    simulator = build(recipe)
    draws = simulator.prior.sample(500, np.random.default_rng(4))
    np.savez(tmp_path / "chain.npz", **dict(zip(simulator.prior.names, draws.T, strict=True)))
    code, out, err = command(capsys, "check", tmp_path / "chain.npz", "--problem", recipe)
    assert (code, err) in ((0, ""), (1, ""))
    assert "predictive" in out


def build(recipe):
    content = read_recipe(recipe)
    with simulators_of(content):
        return build_problem(next(iter(content.problems.values()))).simulator


def test_draws_become_an_answer_to_a_problem_with_their_density():
    problem = sbiwb.problem("cosmology.bao", data="desi_dr2", model="lcdm")
    centred = CHAIN - MEAN
    density = -0.5 * np.einsum("cdi,ij,cdj->cd", centred, np.linalg.inv(COVARIANCE), centred)
    swapped = from_draws(CHAIN[..., ::-1], ["hrd", "Om"], log_prob=density)
    result = posed(swapped, problem)
    assert result.names == ("Om", "hrd")
    assert np.array_equal(result.samples(), CHAIN.reshape(-1, 2))
    checked = sbiwb.check(result, predictive=None)
    found = outcomes(checked)
    assert found["sensitivity"] is Outcome.PASS
    assert found["identifiability"] is Outcome.PASS


def test_a_result_is_saved_and_a_run_left_as_it_is(tmp_path):
    problem = sbiwb.problem("cosmology.bao", data="desi_dr2", model="lcdm")
    result = sbiwb.check(posed(from_draws(CHAIN, ["Om", "hrd"]), problem), predictive=100)
    file = result.save(tmp_path / "run" / "results" / "lcdm.nc")
    journal = {"tasks": {"lcdm/theirs": {"file": "results/lcdm.nc"}}}
    (tmp_path / "run" / "run.json").write_text(json.dumps(journal))
    before = file.read_bytes()
    (stored,) = check_path(str(tmp_path / "run"))
    assert outcomes(stored) == outcomes(sbiwb.load(file))
    (more,) = check_path(str(tmp_path / "run"), predictive=100, profile=9)
    assert "profile[Om]" in outcomes(more)
    assert file.read_bytes() == before
    (own,) = check_path(str(file), predictive=100, profile=9)
    assert outcomes(own) == outcomes(more)
    assert "profile" in sbiwb.load(file).tree.children


def test_files_that_are_no_calibration_set_are_refused_or_left_to_readers(tmp_path):
    np.savez(tmp_path / "plain.npz", theta=THETA)
    assert calibration_set(tmp_path / "plain.npz") is None
    np.savez(tmp_path / "odd.npz", theta=THETA, samples=NOISE, xx=X)
    with pytest.raises(DataError, match="did you mean 'x'"):
        calibration_set(tmp_path / "odd.npz")
    np.savez(tmp_path / "pickled.npz", theta=np.array([{}], object), samples=NOISE)
    with pytest.raises(DataError, match="NumPy arrays"):
        calibration_set(tmp_path / "pickled.npz")
    (tmp_path / "torn.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="cannot read"):
        check_path(str(tmp_path / "torn.npz"))


def test_an_answer_to_another_problem_is_refused():
    problem = sbiwb.problem("cosmology.bao", data="desi_dr2", model="w0wacdm")
    with pytest.raises(UsageError, match="--rename Om=w0"):
        posed(from_draws(CHAIN, ["Om", "hrd"]), problem)
