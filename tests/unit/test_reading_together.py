"""Posteriors of any origin side by side: what they share, and what is missing or taken on trust."""

from __future__ import annotations

import json
import shutil

import foreign_files as files
import numpy as np
import pytest
from fabricated_results import toy_result
from foreign_files import CHAINS, NAMES, draws

import sbiwb
from sbiwb import cli
from sbiwb.comparison import agreement
from sbiwb.core.verdict import Outcome
from sbiwb.errors import DataError, UsageError
from sbiwb.readers._weights import effective_size
from sbiwb.reading import open_all


def test_one_report_of_every_origin(tmp_path, emcee_file, capsys, monkeypatch):
    # 28 pairs of classifiers say nothing of the readers.
    monkeypatch.setattr(agreement, "_c2st", lambda *_: float("nan"))

    def same(theta):  # the emcee file samples a standard normal in both parameters
        return (theta - [0.3, 70]) / [0.01, np.sqrt(1.25)]

    chains = [same(c) for c in CHAINS]
    ours = toy_result("exact+slice", same(draws(5, 1000)), problem=_problem())
    ours.save(tmp_path / "ours.nc")
    given = [
        tmp_path / "ours.nc",
        files.write_csv(tmp_path / "table.csv", chains[0]),
        files.write_npz(tmp_path / "array.npz", chains[1]),
        f"planck=getdist:{files.write_getdist(tmp_path / 'gd', chains)}",
        files.write_cobaya(tmp_path / "cob", chains),
        files.write_bilby(tmp_path / "bil.json", chains[0]),
        f"walkers={emcee_file}",
        files.write_arviz(tmp_path / "arv.nc", chains[0].reshape(3, 100, 2)),
    ]
    arguments = [*map(str, given), "--names", "Om,H0", "--rename", "v[0]=H0", "--burn-in", "0.5"]
    with pytest.raises(SystemExit) as exit_:
        cli.main(["compare", *arguments, "-o", str(tmp_path / "r.html")])
    assert exit_.value.code == 0, capsys.readouterr().err
    page = (tmp_path / "r.html").read_text()
    methods = ["exact+slice", "table", "array", "planck", "cob", "bil", "walkers", "arv"]
    assert all(method in page for method in methods)
    assert "that they are of this problem is taken on trust" in page


def _problem():
    from fabricated_results import toy_problem

    from sbiwb.core.distributions import Uniform
    from sbiwb.core.prior import Parameter

    return toy_problem(
        [Parameter("Om", Uniform(-9, 9), "", r"\omega"), Parameter("H0", Uniform(-9, 9))]
    )


def test_the_planted_fault_of_one_origin_is_seen(tmp_path):
    good = files.write_csv(tmp_path / "good.csv", draws(1, 1500))
    same = files.write_getdist(tmp_path / "same", [draws(2, 1500)])
    bad = files.write_npz(tmp_path / "bad.npz", draws(3, 1500, shift=1.0))
    comparison = sbiwb.compare([good, same, bad])
    outcomes = {
        (p.first, p.second): p.outcome for p in comparison.pairs[comparison.groups[0].label]
    }
    assert outcomes["good", "same"] is Outcome.PASS
    assert outcomes["good", "bad"] is Outcome.FAIL


def test_parameters_are_matched_by_name_and_missing_ones_said(tmp_path):
    a = files.write_csv(tmp_path / "a.csv", draws(1), names=("Om", "h"))
    b = files.write_getdist(tmp_path / "b", [draws(2)])
    group = sbiwb.compare([a, b]).groups[0]
    assert group.names == ("Om", "h", "H0")
    assert "a does not have H0." in group.notes
    assert "b does not have h." in group.notes
    assert sbiwb.compare([a, b], parameters=["Om"]).groups[0].names == ("Om",)
    with pytest.raises(UsageError, match=r"'b' has none of the parameters.*--rename Om=h"):
        sbiwb.compare([a, b], parameters=["h"])


def test_a_derived_parameter_is_shown_if_another_samples_it(tmp_path):
    root = files.write_getdist(tmp_path / "b", [draws(2)])
    assert sbiwb.compare([root]).groups[0].names == NAMES
    a = files.write_csv(tmp_path / "a.csv", draws(1), names=("twice", "H0"))
    group = sbiwb.compare([root, a]).groups[0]
    assert group.results["b"].names == ("Om", "H0", "twice")


def test_units_that_differ_are_said():
    results = [
        sbiwb.from_draws(draws(k), NAMES, name=name, units={"H0": unit})
        for k, (name, unit) in enumerate({"x": "km/s/Mpc", "y": "1/Gyr"}.items())
    ]
    notes = sbiwb.compare(results).groups[0].notes
    assert any(
        note.startswith("H0 has different units: km/s/Mpc in x, 1/Gyr in y") for note in notes
    )


def test_foreign_draws_join_the_problem_that_has_their_parameters():
    from fabricated_results import toy_problem

    from sbiwb.core.distributions import Uniform
    from sbiwb.core.prior import Parameter

    wide = toy_problem([Parameter(n, Uniform(-9, 9)) for n in ("a", "b", "w")], model="w")
    narrow = toy_problem(model="l")
    ours = [
        toy_result(problem=narrow),
        toy_result(theta=np.random.default_rng(0).normal(size=(99, 3)), problem=wide),
    ]
    theirs = sbiwb.from_draws(np.random.default_rng(1).normal(size=(99, 3)), ["a", "b", "w"])
    groups = sbiwb.compare([*ours, theirs]).groups
    assert [g.methods for g in groups] == [("exact+emcee",), ("exact+emcee", "draws")]
    twins = [toy_result(problem=narrow), toy_result(problem=toy_problem(observation=1.0))]
    with pytest.raises(UsageError, match="'draws' could belong to several problems"):
        sbiwb.compare([*twins, theirs])


def test_draws_in_memory():
    theta = draws(1, 400)
    one = sbiwb.from_draws(theta, NAMES, weights=np.arange(400), independent=True)
    assert one.summary()["ess"].iloc[0] == pytest.approx(effective_size(np.arange(400)))
    other = sbiwb.from_draws({"Om": theta[:, 0], "H0": theta[:, 1]}, name="mine")
    np.testing.assert_array_equal(other.samples(), theta)
    with pytest.raises(DataError, match="draws do not fit their names"):
        sbiwb.from_draws(theta, ["Om"])
    with pytest.raises(DataError, match="'draws' does not name its columns clearly"):
        sbiwb.from_draws(theta, ["Om", "Om"])
    with pytest.raises(DataError, match="draws and what belongs to them do not fit"):
        sbiwb.from_draws(theta, NAMES, weights=np.ones(3))
    with pytest.raises(DataError, match="'draws' has draws that are not finite"):
        sbiwb.from_draws(theta * np.nan, NAMES)


def test_foreign_draws_are_saved_and_opened_again(tmp_path):
    result = sbiwb.from_draws(draws(1), NAMES, name="mine")
    result.save(tmp_path / "mine.nc")
    again = sbiwb.load(tmp_path / "mine.nc")
    assert (again.method, again.origin) == ("mine", "array")
    np.testing.assert_array_equal(again.samples(), result.samples())
    with pytest.raises(DataError, match="simulator of this result is not to be found; got 'mine'"):
        sbiwb.check(again)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(DataError, match="this folder is no run of the workbench"):
        open_all([tmp_path])
    (tmp_path / "run.json").write_text(json.dumps({"tasks": {"a": {"file": "../x.nc"}}}))
    with pytest.raises(DataError, match="names a file outside its directory"):
        open_all([tmp_path])
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"cannot read .*run.json"):
        open_all([tmp_path])
    (tmp_path / "run.json").write_text(json.dumps({"tasks": {"a": {"file": None}}}))
    with pytest.raises(DataError, match="no results in this run yet"):
        open_all([tmp_path])
    toy_result(problem=_problem()).save(tmp_path / "results" / "r.nc")
    (tmp_path / "run.json").write_text(json.dumps({"tasks": {"a": {"file": "results/r.nc"}}}))
    (result,) = open_all([tmp_path])
    assert result.method == "exact+emcee"


def test_one_file_may_be_compared_with_itself(tmp_path):
    path = files.write_csv(tmp_path / "a.csv", draws(1))
    assert [r.method for r in open_all([path, f"again={path}"])] == ["a", "again"]


def test_files_with_marks_in_their_names(tmp_path):
    path = files.write_csv(tmp_path / "a=b:c.csv", draws(1))
    assert open_all([str(path)])[0].method == "a=b:c"
    with pytest.raises(UsageError, match=r"unknown format; got 'getdits'.*did you mean 'getdist'"):
        open_all([f"getdits:{path.parent}/gd"])
    with pytest.raises(UsageError, match="--burn-in means nothing for these files"):
        open_all([str(path)], burn_in=0.1)
    saved = toy_result(problem=_problem()).save(tmp_path / "r.nc")
    with pytest.raises(UsageError, match="results of the workbench are called by their method"):
        open_all([f"ours={saved}"])
    shutil.rmtree(tmp_path)
