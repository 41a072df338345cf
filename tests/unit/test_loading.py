"""Results come back whole from disk, or it is said what is wrong with them."""

import json

import numpy as np
import pytest
import xarray as xr

import sbiwb
from sbiwb.core.draws import Draws
from sbiwb.core.fixed import FixedSimulator
from sbiwb.errors import DataError
from sbiwb.loading import difference
from sbiwb.result import make_result, with_attrs


def save(problem, path):
    """Save made-up draws for a problem."""
    theta = problem.prior.sample(40, np.random.default_rng(0)).reshape(2, 20, -1)
    provenance = {"box": [[0.0, 1.0]] * problem.prior.dim}
    result = make_result(problem, Draws(theta), method="made up", seed=3, provenance=provenance)
    result.save(path)
    return result


def bao(model="lcdm", **keys):
    return sbiwb.problem("cosmology.bao", data="desi_dr2", model=model, **keys)


def test_a_result_comes_back_with_its_problem(tmp_path):
    problem = bao("w0wacdm", fixed={"wa": 0.0})
    saved = save(problem, tmp_path / "r.nc")
    loaded = sbiwb.load(tmp_path / "r.nc")
    np.testing.assert_array_equal(loaded.samples(), saved.samples())
    assert isinstance(loaded.problem.simulator, FixedSimulator)
    assert loaded.problem.describe() == problem.describe()
    assert loaded.learned is None


def test_the_observation_is_the_file_s_not_the_simulator_s(tmp_path):
    x = bao().observation.x * 1.01
    save(bao(observation=x), tmp_path / "r.nc")
    np.testing.assert_array_equal(sbiwb.load(tmp_path / "r.nc").problem.observation.x, x)


def test_a_plain_function_s_problem_must_be_passed(tmp_path):
    def wave(theta):
        return np.sin(theta)

    prior = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(0, 1))])
    problem = sbiwb.problem(sbiwb.simulator(wave, prior), [0.5])
    save(problem, tmp_path / "r.nc")
    loaded = sbiwb.load(tmp_path / "r.nc")
    assert loaded.problem is None
    with pytest.raises(DataError, match=r"sbiwb.load\(path, problem=problem\)"):
        loaded.require_problem()
    assert sbiwb.load(tmp_path / "r.nc", problem).problem is problem
    wider = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(0, 2))])
    other = sbiwb.problem(sbiwb.simulator(wave, wider), [0.5])
    with pytest.raises(
        DataError, match=r"another problem: prior.parameters\[0\].high was 1 and is now 2"
    ):
        sbiwb.load(tmp_path / "r.nc", other)


def test_a_simulator_that_has_changed_since(tmp_path, monkeypatch):
    save(bao(), tmp_path / "r.nc")
    monkeypatch.setattr(type(bao().simulator), "version", "99")
    with pytest.raises(DataError, match=r'another problem: version was "\w+" and is now "99"'):
        sbiwb.load(tmp_path / "r.nc")


def test_a_changed_observation_is_found(tmp_path):
    result = save(bao(), tmp_path / "r.nc")
    x = result.tree["observed_data"]["x"].values.copy()
    x[0] += 1e-9
    result.with_group("observed_data", xr.Dataset({"x": ("x_dim_0", x)})).save(tmp_path / "r.nc")
    with pytest.raises(DataError, match=r"the observation in .* is damaged"):
        sbiwb.load(tmp_path / "r.nc")


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n" + b"\0" * 100])
def test_files_that_are_no_results(tmp_path, content):
    (tmp_path / "r.nc").write_bytes(content)
    with pytest.raises(DataError, match="cannot read"):
        sbiwb.load(tmp_path / "r.nc")


def test_missing_cut_and_foreign_files(tmp_path):
    with pytest.raises(DataError, match="no such result"):
        sbiwb.load(tmp_path / "r.nc")
    result = save(bao(), tmp_path / "r.nc")
    whole = (tmp_path / "r.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot read"):
        sbiwb.load(tmp_path / "cut.nc")
    xr.DataTree().to_netcdf(tmp_path / "foreign.nc", engine="h5netcdf")
    with pytest.raises(DataError, match="schema version none"):
        sbiwb.load(tmp_path / "foreign.nc")
    bad = json.dumps({"simulator": "cosmology.bao"})
    result = sbiwb.Result(with_attrs(result.tree, problem=bad))
    result.save(tmp_path / "r.nc")
    with pytest.raises(DataError, match="not a whole result"):
        sbiwb.load(tmp_path / "r.nc")


def test_a_network_comes_back_and_a_damaged_one_is_refused(tmp_path):
    problem = bao()
    result = sbiwb.infer(problem, "npe", budget=300, steps=20, draws=50, seed=1)
    path = result.save(tmp_path / "npe.nc")
    loaded = sbiwb.load(path)
    x = problem.observation.x[np.newaxis]
    a, b = (r.learned.sample(20, x, np.random.default_rng(0)) for r in (result, loaded))
    np.testing.assert_array_equal(a, b)
    assert sbiwb.load(path, network=False).learned is None
    weights = tmp_path / "npe.model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(DataError, match="damaged or belongs to another result"):
        sbiwb.load(path)
    weights.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        sbiwb.load(path)


@pytest.mark.parametrize(
    ("recorded", "current", "expected"),
    [
        ({"a": [1, {"b": 2.0}]}, {"a": (1, {"b": 2})}, None),
        ({"a": 1, "label": "x"}, {"a": 1, "label": "y"}, None),
        ({"a": 1}, {"a": 1, "b": 2}, "b = 2 is new"),
        ({"a": {"c": 1}}, {"a": {}}, "a.c = 1 is gone"),
        ({"a": [1]}, {"a": [1, 2]}, "a had 1 entries and now has 2"),
        ({"a": [1, 2]}, {"a": [1, "x"]}, 'a[1] was 2 and is now "x"'),
        ({"a": None}, {"a": {}}, "a was null and is now {}"),
    ],
)
def test_differences_are_named(recorded, current, expected):
    assert difference(recorded, current) == expected
