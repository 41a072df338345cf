"""Recipes with mistakes and tasks that fail: what is refused, what is kept, what is said."""

import os
from pathlib import Path

import pytest
from toy_runs import LINE, WRITE, journal, mtimes, recipe

import sbiwb
from sbiwb.errors import BusyError, DataError, InferenceError, StoreError, UsageError
from sbiwb.pipeline import reporting
from sbiwb.store.lock import run_lock


def test_another_problem_is_refused_and_can_be_forked(done):
    other = recipe({"one": {"slope": 2.0}})
    with pytest.raises(UsageError, match=r"options.slope was 1.0 and is now 2.0; add --fork"):
        sbiwb.run(other, out="out")
    assert mtimes("out") == done
    assert sbiwb.run(other, out="out", fork=True) == Path("out-2/report.html")


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ('"line", "1"', '"line", "2"', 'version was "1" and is now "2"'),
        ("Uniform(-5, 5)", "Uniform(-5, 6)", r"prior.parameters\[0\].high was 5 and is now 6"),
        ("1.2", "1.3", "observation.sha256 was"),
    ],
    ids=["version", "prior", "data"],
)
def test_a_simulator_that_has_changed_is_refused(done, project, old, new, difference):
    code = project / "code/line.py"
    code.write_text(code.read_text().replace(old, new))
    with pytest.raises(UsageError, match=rf"'one': {difference}.*add --fork") as error:
        sbiwb.run(recipe(["one", "two"]), out="out")
    assert error.value.exit_code == 2
    assert mtimes("out") == done


def test_two_runs_in_one_directory(project):
    with run_lock("out"), pytest.raises(BusyError, match=f"process {os.getpid()} on .* since 20"):
        sbiwb.run(recipe(), out="out")


def test_a_journal_of_another_version_is_left_alone(project):
    Path("out").mkdir()
    Path("out/run.json").write_text('{"schema": 99}')
    with pytest.raises(StoreError, match=r"another version of sbiwb; got schema 99"):
        sbiwb.run(recipe(), out="out")
    assert Path("out/run.json").read_text() == '{"schema": 99}'


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raise", "ValueError: no likelihood for you"),
        ("die", "its process killed by SIGKILL; it may have run out of memory"),
    ],
)
def test_a_task_that_fails_stops_no_other(project, capfd, fault, message):
    problems = {"good": {}, "bad": {"fault": fault}, "better": {"slope": 2.0}}
    with pytest.raises(InferenceError, match=r"1 of 3 tasks failed.*run again to retry") as error:
        sbiwb.run(recipe(problems), out="out")
    assert error.value.exit_code == 70
    lines = [line for line in capfd.readouterr().err.splitlines() if line]
    assert len(lines) == 1
    assert lines[0].startswith("sbiwb: error: bad/exact+grid-")
    assert message in lines[0]
    states = {task["problem"]: task["state"] for task in journal()["tasks"].values()}
    assert states == {"good": "done", "bad": "failed", "better": "done"}
    assert journal()["status"] == "incomplete"
    assert Path("out/report.html").read_text().splitlines()[1] == "None"


def test_a_failed_check_leaves_the_posterior(project):
    with pytest.raises(InferenceError):
        sbiwb.run(recipe({"bad": {"fault": "raise in checks"}}, checks={}), out="out")
    (task,) = journal()["tasks"].values()
    assert task["file"].startswith("inferred/bad/")
    assert "no simulation" in task["error"]
    assert Path("out/report.html").read_text() == task["file"]


def test_when_all_fails_there_is_no_report(project):
    with pytest.raises(InferenceError, match="1 of 1 tasks failed"):
        sbiwb.run(recipe({"bad": {"fault": "raise"}}), out="out")
    assert not Path("out/report.html").exists()
    assert "no likelihood" in next(Path("out/logs").rglob("*.log")).read_text()


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ({"executor": {"cluser": "local"}}, "executor: unknown executor option; got 'cluser'"),
        ({"methods": ["exact+grit"]}, r"methods\[0\]: unknown sampler; .*did you mean 'grid'"),
        ({"methods": ["exakt+grid"]}, r"methods\[0\]: unknown method"),
        (
            {"problems": {"a": {"simulator": "line", "options": {"slop": 1}}}},
            r"problems.a: unknown option of simulator 'line'; got 'slop'.*did you mean 'slope'\?",
        ),
        (
            {"methods": [{"method": "exact+grid", "budget": 100}]},
            r"methods\[0\]: budget means nothing to exact\+grid; got budget=100; leave budget out",
        ),
        (
            {"methods": ["exact+grid", {"method": "linear+grid", "budget": 3, "rounds": 4}]},
            r"methods\[1\]: more rounds than simulations; got 4; expected at most 3",
        ),
        (
            {"problems": {"a": {"simulator": "line"}, "b": {"simulator": "unknown"}}},
            r"methods\[0\]: simulator 'unknown' offers no exact likelihood, which exact\+grid "
            r"needs; learn one .*; or keep it to other problems than b by problems: \[…\]",
        ),
        ({"simulators": "nowhere"}, "simulators: no such folder; got .*nowhere"),
        (
            {"problems": {"a": {"simulator": "lines"}}},
            "problems.a: unknown simulator; got 'lines'.*did you mean 'line'",
        ),
        (
            {"problems": {"a": {"simulator": "line", "fixed": {"b": 1}}}},
            "problems.a: unknown parameter to fix",
        ),
    ],
)
def test_mistakes_are_found_before_anything_is_written(project, keys, match):
    unknown = LINE.replace("log_likelihood", "_unknown").replace('"line"', '"unknown"')
    (project / "code" / "unknown.py").write_text(unknown)
    with pytest.raises(UsageError, match=match):
        sbiwb.run({**recipe(), **keys}, out="out")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1, nan, 3", "NaN or infinite values; got 1 of 3, first at flat index 1"),
        ("1, 2", r"wrong shape; got \(2,\); expected \(3,\)"),
        ("1, two, 3", "cannot read the observation"),
    ],
)
def test_a_bad_observation_is_refused_before_anything_is_written(project, text, message):
    Path("seen.csv").write_text(text)
    sections = {"a": {"simulator": "line", "observation": str(project / "seen.csv")}}
    with pytest.raises(DataError, match=rf"problems.a: .*{message}") as error:
        sbiwb.run({**recipe(), "problems": sections}, out="out")
    assert error.value.exit_code == 65
    assert not Path("out").exists()


def test_a_directory_that_cannot_be_made(project):
    Path("file").write_text("")
    with pytest.raises(StoreError, match="file/out"):
        sbiwb.run(recipe(), out="file/out")


def test_the_real_report_says_what_failed_and_escapes_what_it_is_told(project, monkeypatch):
    monkeypatch.setattr(reporting, "_write", WRITE)
    title = "../../<script>alert(1)</script>\n$\\Lambda$ “CDM”"
    problems = {"good": {}, "bad": {"fault": "raise"}}
    with pytest.raises(InferenceError):
        sbiwb.run(recipe(problems, title=title), out="out")
    assert journal()["title"] == title
    assert sorted(p.name for p in project.iterdir()) == ["code", "out"]
    report = Path("out/report.html").read_text()
    assert "exact+grid on bad failed: ValueError: no likelihood for you" in report
    assert "<script>alert" not in report
    assert "&lt;script&gt;alert(1)" in report
