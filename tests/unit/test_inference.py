"""`infer` as a whole: what it refuses, what it records, failed simulations, rounds, and files."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sbiwb
from sbiwb import Normal, Parameter, Prior, Uniform
from sbiwb.core.verdict import Outcome
from sbiwb.errors import DataError, InferenceError, SbiwbError, StoreError, UsageError
from sbiwb.estimators.training import EPOCHS

PRIOR = Prior((Parameter("a", Uniform(-1.0, 1.0)), Parameter("b", Normal(0.0, 1.0))))
NOISE = 0.3
CALLS = []

FLOW = {"steps": 1, "batch_size": 100, "hidden": 8}
NPE = {"budget": 400, "draws": 300, **FLOW}
NLE = {"budget": 400, "draws": 128, "ensembles": 2, "max_steps": 400, **FLOW}


def gaussian(theta, rng):
    CALLS.append(len(theta))
    return theta + NOISE * rng.standard_normal(theta.shape)


def log_likelihood(theta, x):
    z = (x - theta) / NOISE
    return -0.5 * np.sum(z**2, axis=-1) - np.log(2 * np.pi * NOISE**2)


def pose(function=gaussian, x=(0.2, 0.3), **options):
    simulator = sbiwb.simulator(function, PRIOR, batched=True, **options)
    return sbiwb.problem(simulator, np.array(x))


PROBLEM = pose(log_likelihood=log_likelihood)


def verdict(result, name):
    return next(v for v in result.verdicts if v.name == name)


@pytest.fixture(scope="module")
def npe():
    return sbiwb.infer(PROBLEM, "npe", seed=1, **NPE)


@pytest.fixture(scope="module")
def nle():
    return sbiwb.infer(PROBLEM, "nle+emcee", seed=1, **NLE)


# -- what is refused, before anything is simulated -------------------------------------------

REFUSED = {
    "unknown method; got 'nep'.*did you mean 'npe'": ("nep", {}),
    "takes no sampler": ("npe+emcee", {}),
    "'nle' needs a sampler": ("nle", {}),
    r"budget means nothing to exact\+emcee; got budget=10; leave budget out": (
        "exact+emcee",
        {"budget": 10},
    ),
    r"rounds means nothing to exact\+emcee": ("exact+emcee", {"rounds": 2}),
    "unknown option of npe; got 'step'.*did you mean 'steps'": ("npe", {"step": 3}),
    "unknown option of npe; got 'bugdet'.*did you mean 'budget'": ("npe", {"bugdet": 3}),
    "unknown option of npe": ("npe", {"walkers": 32}),
    "bad option steps of npe": ("npe", {"steps": -1}),
    "bad budget; got 0": ("npe", {"budget": 0}),
    "bad budget; got 2.5": ("npe", {"budget": 2.5}),
    "bad budget; got True": ("npe", {"budget": True}),
    "bad rounds; got 0": ("npe", {"rounds": 0}),
    "more rounds than simulations; got 11; expected at most 10": (
        "npe",
        {"budget": 10, "rounds": 11},
    ),
    "bad seed; got -1": ("npe", {"seed": -1}),
    "bad seed; got 1.5": ("npe", {"seed": 1.5}),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_slip_is_refused_before_anything_is_simulated(message):
    method, options = REFUSED[message]
    CALLS.clear()
    with pytest.raises(UsageError, match=message) as caught:
        sbiwb.infer(PROBLEM, method, **options)
    assert "\n" not in str(caught.value)
    assert CALLS == []


def test_not_a_problem():
    with pytest.raises(UsageError, match=r"infer needs a problem; got str; expected what sbiwb\."):
        sbiwb.infer("cosmology.bao", "npe")


def test_an_unknown_executor():
    with pytest.raises(SbiwbError, match="locl"):
        sbiwb.infer(PROBLEM, "npe", executor="locl")


def test_exact_needs_a_likelihood():
    with pytest.raises(UsageError, match=r"no exact likelihood; learn one with nle\+emcee"):
        sbiwb.infer(pose(), "exact+emcee")


def test_an_observation_with_nan_is_refused_before_anything_is_simulated():
    simulator = PROBLEM.simulator
    CALLS.clear()
    with pytest.raises(DataError, match=r"NaN or infinite.*1 of 2, first at flat index 1"):
        sbiwb.problem(simulator, np.array([0.0, np.nan]))
    assert CALLS == []


@pytest.mark.parametrize("method", ["npe", "nle+emcee"])
@pytest.mark.parametrize("budget", [1, 99])
def test_too_small_a_budget(method, budget):
    with pytest.raises(InferenceError, match=f"too few valid.*got {budget}.*raise budget="):
        sbiwb.infer(PROBLEM, method, budget=budget)


def test_rounds_too_small_to_train_on():
    with pytest.raises(InferenceError, match="too few valid simulations"):
        sbiwb.infer(PROBLEM, "npe", budget=400, rounds=100)


@pytest.mark.parametrize("method", ["npe", "nle+emcee"])
def test_constant_data(method):
    def constant(theta, rng):
        return 0 * theta + rng.integers(1, 2)

    with pytest.raises(DataError, match="every entry of the simulated data is constant"):
        sbiwb.infer(pose(constant, (1.0, 1.0)), method, budget=200)


# -- what comes out ---------------------------------------------------------------------------


def test_a_posterior_and_its_record(npe):
    assert npe.samples().shape == (300, 2)
    assert np.all(np.isfinite(PRIOR.log_prob(npe.samples())))
    assert npe.cost.simulator_calls == 400
    assert npe.provenance["budget"] == npe.provenance["used"] == 400
    assert npe.provenance["simulations"] == {"ok": 400}
    assert npe.provenance["options"] == {k: v for k, v in NPE.items() if k != "budget"}
    assert len(npe.provenance["training"]["training"]) == EPOCHS[0]
    assert npe.log_evidence is None
    assert npe.tree["sample_stats"]["lp"].attrs["normalised"] == 1
    assert verdict(npe, "failures").passed


def test_a_likelihood_method_records_its_calls(nle):
    assert nle.samples().shape == (128, 2)
    assert nle.cost.simulator_calls == 400
    assert nle.cost.likelihood_calls > 1000


def test_an_exact_method_simulates_nothing():
    CALLS.clear()
    result = sbiwb.infer(PROBLEM, "exact+emcee", draws=400)
    assert CALLS == []
    assert result.cost.simulator_calls == 0
    assert result.learned is None
    assert all(v.name != "failures" for v in result.verdicts)


@pytest.mark.parametrize(("method", "options"), [("npe", NPE), ("nle+emcee", NLE)])
def test_the_same_seed_gives_the_same_bits(method, options, request):
    first = request.getfixturevalue(method.partition("+")[0])
    again = sbiwb.infer(PROBLEM, method, seed=1, **options)
    other = sbiwb.infer(PROBLEM, method, seed=2, **options)
    assert np.array_equal(first.samples(), again.samples())
    assert not np.array_equal(first.samples(), other.samples())


def test_local_workers_give_the_same_bits(npe):
    local = sbiwb.infer(PROBLEM, "npe", seed=1, executor="local", **NPE)
    assert np.array_equal(local.samples(), npe.samples())
    assert local.provenance["execution"] == "local"


def test_a_store_is_read_again(npe, tmp_path):
    first = sbiwb.infer(PROBLEM, "npe", seed=1, store=tmp_path, **NPE)
    CALLS.clear()
    again = sbiwb.infer(PROBLEM, "npe", seed=1, store=tmp_path, **NPE)
    assert CALLS == []
    assert np.array_equal(first.samples(), again.samples())
    assert np.array_equal(first.samples(), npe.samples())


def test_training_keeps_a_thousand_simulations_at_most(npe):
    assert npe.tree["training"]["x"].shape == (400, 2)
    more = sbiwb.infer(PROBLEM, "npe", **{**NPE, "budget": 1100})
    assert more.tree["training"]["x"].shape == (1000, 2)
    assert more.tree["training"]["parameter"].values.tolist() == ["a", "b"]


# -- what simulators do -----------------------------------------------------------------------


def test_an_observation_that_no_simulation_resembles_fails():
    far = sbiwb.infer(pose(x=(9.0, -40.0)), "npe", **NPE)
    assert verdict(far, "prior_predictive").outcome is Outcome.FAIL
    assert far.outcome is Outcome.FAIL


def test_an_observation_like_the_others_passes(npe):
    assert verdict(npe, "prior_predictive").passed


def test_constant_entries_are_left_out(npe):
    def padded(theta, rng):
        return np.insert(gaussian(theta, rng), 1, 7.0, axis=1)

    result = sbiwb.infer(pose(padded, (0.2, 7.0, 0.3)), "npe", seed=1, **NPE)
    assert result.provenance["network"]["condition"] == 2
    assert result.samples() == pytest.approx(npe.samples(), abs=1e-4)


@pytest.mark.parametrize(
    ("method", "options", "effect"),
    [("npe", NPE, "truncates the prior"), ("nle+emcee", NLE, "learned chance of success")],
)
def test_failed_simulations_are_left_out_and_reported(method, options, effect):
    def failing(theta, rng):
        x = gaussian(theta, rng)
        x[rng.random(len(x)) < 0.1] = np.nan
        return x

    simulator = sbiwb.simulator(failing, PRIOR, batched=True, output=sbiwb.Output((2,)))
    result = sbiwb.infer(sbiwb.problem(simulator, np.array([0.2, 0.3])), method, **options)
    counts = result.provenance["simulations"]
    assert counts["ok"] + counts["nan"] == 400
    # 400 × 0.1 give or take five standard deviations of 6.
    assert 10 < counts["nan"] < 70
    assert result.provenance["used"] == counts["ok"]
    assert result.cost.simulator_calls == 400
    found = verdict(result, "failures")
    assert found.outcome is Outcome.WARN
    assert effect in found.message
    assert "most often: 2 of 2 values not finite, first at index 0" in found.message
    assert np.all(np.isfinite(result.tree["training"]["x"].values))
    kept = result.tree["failed_simulations"].to_dataset()
    assert kept["theta"].shape == (counts["nan"], 2)
    assert np.all(np.isfinite(PRIOR.log_prob(kept["theta"].values)))
    assert set(kept["status"].values) == {"nan"}
    assert set(kept["reason"].values) == {"2 of 2 values not finite, first at index 0"}


def test_rounds_narrow_the_prior():
    result = sbiwb.infer(PROBLEM, "npe", rounds=2, **{**NPE, "budget": 600, "steps": 90})
    low, high = np.array(result.provenance["box"]).T
    assert np.all((low >= 0) & (high <= 1))
    assert np.prod(high - low) < 1
    assert result.provenance["simulations"] == {"ok": 600}
    assert 300 <= result.provenance["used"] <= 600
    assert result.cost.simulator_calls == 600
    u = PRIOR.to_unit(result.samples())
    assert np.all((u >= low - 1e-9) & (u <= high + 1e-9))
    assert verdict(result, "truncation").name == "truncation"


def test_the_box_does_not_depend_on_how_many_draws_are_asked_for():
    """A box around one draw would cut the posterior away."""
    options = {**NPE, "budget": 600, "steps": 90}
    one = sbiwb.infer(PROBLEM, "npe", rounds=2, **{**options, "draws": 1})
    many = sbiwb.infer(PROBLEM, "npe", rounds=2, **{**options, "draws": 500})
    assert one.provenance["box"] == many.provenance["box"]
    assert one.samples().shape == (1, len(PROBLEM.prior.names))


def test_short_chains_may_find_the_box():
    options = {"budget": 600, "steps": 90, "draws": 100, "max_steps": 100}
    result = sbiwb.infer(PROBLEM, "nle+emcee", rounds=2, seed=1, **options)
    assert result.provenance["stats"]["steps"] == 100


def test_without_rounds_there_is_no_box(npe):
    assert npe.provenance["box"] == [[0.0, 1.0]] * 2
    assert all(v.name != "truncation" for v in npe.verdicts)


# -- files ------------------------------------------------------------------------------------


def assert_same(result, loaded):
    assert np.array_equal(loaded.samples(), result.samples())
    assert loaded.verdicts == result.verdicts
    assert loaded.provenance == result.provenance
    assert loaded.tree["training"].to_dataset().identical(result.tree["training"].to_dataset())
    x = result.problem.observation.x[np.newaxis].repeat(20, axis=0)
    theta = result.samples(20)
    name = "log_prob" if "+" not in result.method else "log_likelihood"
    values = [getattr(one.learned, name)(theta, x) for one in (result, loaded)]
    assert np.array_equal(*values)


@pytest.mark.parametrize("method", ["npe", "nle"])
def test_a_result_of_a_plain_function_comes_back_with_its_problem(method, request, tmp_path):
    result = request.getfixturevalue(method)
    path = result.save(tmp_path / "result.nc")
    assert_same(result, sbiwb.load(path, problem=PROBLEM))
    bare = sbiwb.load(path)
    assert bare.problem is None
    assert np.array_equal(bare.samples(), result.samples())
    with pytest.raises(DataError, match=r"pass the problem: sbiwb\.load"):
        bare.require_problem()
    with pytest.raises(DataError, match="made with another problem: observation"):
        sbiwb.load(path, problem=sbiwb.problem(PROBLEM.simulator, np.zeros(2)))


def test_a_result_of_a_named_simulator_comes_back_whole(tmp_path):
    problem = sbiwb.problem("cosmology.bao", data="desi_dr2", model="lcdm")
    result = sbiwb.infer(problem, "npe", rounds=2, **{**NPE, "steps": 90})
    loaded = sbiwb.load(result.save(tmp_path / "bao.nc"))
    assert_same(result, loaded)
    assert loaded.problem.describe() == problem.describe()
    assert loaded.training_prior.key == result.training_prior.key
    assert isinstance(loaded.posterior, xr.Dataset)


def test_a_full_disk_leaves_the_result_that_was_there_whole(npe, nle, tmp_path, monkeypatch):
    path = npe.save(tmp_path / "result.nc")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    # The network of the new result has been written by then.
    monkeypatch.setattr(xr.DataTree, "to_netcdf", full)
    with pytest.raises(StoreError, match="No space left") as error:
        nle.save(path)
    assert error.value.exit_code == 74
    names = ["result.model.json", "result.model.safetensors", "result.nc"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    assert_same(npe, sbiwb.load(path, problem=PROBLEM))


def test_a_damaged_network_is_refused(npe, tmp_path):
    path = npe.save(tmp_path / "result.nc")
    weights = tmp_path / "result.model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(DataError, match="damaged or belongs to another result"):
        sbiwb.load(path, problem=PROBLEM)
    assert sbiwb.load(path, problem=PROBLEM, network=False).learned is None
