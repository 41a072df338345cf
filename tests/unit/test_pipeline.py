"""A recipe's tasks are done once, whatever is lost, and give the same numbers anyhow."""

import json
from pathlib import Path

import numpy as np
import pytest
from toy_runs import TWO, WRITE, journal, mtimes, recipe, results_changed

import sbiwb
from sbiwb.errors import DataError, UsageError
from sbiwb.pipeline import reporting
from sbiwb.safe_yaml import read_yaml


def test_a_run_leaves_results_a_journal_and_its_recipe(project):
    report = sbiwb.run(recipe(["one", "two"], title="Lines", checks={}), out="out")
    assert report == Path("out/report.html")
    run = journal()
    assert (run["status"], run["title"], len(run["tasks"])) == ("done", "Lines", 2)
    assert run["versions"]["sbiwb"] == sbiwb.__version__
    for name, task in run["tasks"].items():
        assert task["file"] == f"results/{name}.nc"
        assert run["files"][task["file"]]["seconds"] > 0
        result = sbiwb.load(Path("out") / task["file"])
        assert "posterior_predictive" in result.tree.children
        assert result.verdicts
    frozen = read_yaml(Path("out/recipe.yaml").read_text(), "recipe")
    assert frozen["problems"]["one"]["simulator"] == "line"


def test_running_again_changes_no_file(done):
    sbiwb.run(TWO, out="out")
    assert mtimes("out") == done


def test_only_what_depends_on_a_change_is_done_again(project):
    first = recipe(["one", "two"], checks={"predictive": 20})
    sbiwb.run(first, out="out")
    results = [task["file"] for task in journal()["tasks"].values()]
    state = mtimes("out")

    def rerun(**keys):
        nonlocal state
        sbiwb.run({**first, **keys}, out="out")
        made, state = results_changed(state), mtimes("out")
        return made

    # New checks: the posteriors stay.
    assert rerun(checks={"predictive": 30}) == sorted(results)
    # A new method: what is there stays.
    grid, other = "exact+grid", {"method": "exact+grid", "seed": 5, "problems": ["two"]}
    made = rerun(checks={"predictive": 30}, methods=[grid, other])
    assert [name.partition("/exact")[0] for name in made] == ["inferred/two", "results/two"]
    # A new seed: what does not follow it stays.
    made = rerun(checks={"predictive": 30}, methods=[grid, other], seed=2)
    assert [name.partition("/exact")[0] for name in made] == [
        *("inferred/one", "inferred/two", "results/one", "results/two"),
    ]
    # Back again: everything is still there.
    assert rerun(checks={"predictive": 30}, methods=[grid, other]) == []


def test_a_damaged_result_is_set_aside_and_made_again(done, capfd):
    one = Path("out", next(iter(journal()["files"])))
    content = bytearray(one.read_bytes())
    content[len(content) // 2] ^= 1
    one.write_bytes(content)
    sbiwb.run(TWO, out="out")
    assert f"{one.relative_to('out')} was damaged" in capfd.readouterr().err
    assert (Path("out/quarantine") / one.relative_to("out")).read_bytes() == content
    assert results_changed(done) == [str(one.relative_to("out"))]


def test_a_lost_or_damaged_journal_loses_no_result(done, capfd):
    file = next(iter(journal()["files"]))
    Path("out/run.json").write_text('{"schema": 1')
    sbiwb.run(TWO, out="out")
    assert "run.json was damaged" in capfd.readouterr().err
    assert results_changed(done) == []
    Path("out/run.json").unlink()
    Path("out", file).write_bytes(b"not a result")
    sbiwb.run(TWO, out="out")
    assert results_changed(done) == [file]
    assert f"{file} was damaged" in capfd.readouterr().err


def test_the_report_can_be_written_again(done):
    assert reporting.report("out") == Path("out/report.html")
    assert mtimes("out") == done
    assert reporting.report("out", "else.html") == Path("else.html")
    assert Path("else.html").read_text() == Path("out/report.html").read_text()


def test_a_journal_cannot_name_files_outside(done, monkeypatch):
    monkeypatch.setattr(reporting, "_write", WRITE)
    run = journal()
    next(iter(run["tasks"].values()))["file"] = "../else.nc"
    Path("out/run.json").write_text(json.dumps(run))
    with pytest.raises(DataError, match=r"outside its directory; got ../else.nc"):
        reporting.report("out", "else.html")


def test_half_written_files_are_swept(done):
    for leftover in ("inferred/one/.x.partial", "results/one/.saving-1/x.nc", ".saving-2"):
        Path("out", leftover).parent.mkdir(parents=True, exist_ok=True)
        Path("out", leftover).write_text("")
    sbiwb.run(TWO, out="out")
    assert mtimes("out") == done


def test_the_same_numbers_for_any_number_of_workers(project):
    problems = {"one": {}, "two": {"slope": 2.0}, "three": {"slope": 3.0}, "four": {"slope": 0.5}}
    draws = []
    for workers in (1, 2, 4):
        sbiwb.run(recipe(problems), out=f"out{workers}", workers=workers)
        tasks = journal(f"out{workers}")["tasks"].values()
        results = [sbiwb.load(Path(f"out{workers}", task["file"])) for task in tasks]
        draws.append([result.samples() for result in results])
    for other in draws[1:]:
        for a, b in zip(draws[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_mapping_needs_a_directory(project):
    with pytest.raises(UsageError, match="pass out="):
        sbiwb.run(recipe())
