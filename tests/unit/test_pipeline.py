"""A recipe's tasks are done once, fail alone, stop cleanly and give the same numbers anyhow."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import sbiwb
from sbiwb.errors import BusyError, DataError, InferenceError, StoreError, UsageError
from sbiwb.pipeline import reporting
from sbiwb.safe_yaml import read_yaml, write_yaml
from sbiwb.store.lock import run_lock

LINE = '''
"""A straight line, and what can go wrong with it."""

import os
import signal
import time
from pathlib import Path

import numpy as np

import sbiwb


class Line(sbiwb.Simulator):
    name, version = "line", "1"

    def __init__(self, slope: float = 1.0, fault: str = "", note: str = ""):
        self.options = {"slope": slope, "fault": fault, "note": note}
        self.slope, self.fault, self.note = slope, fault, note
        self.prior = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(-5, 5))])
        self.output = sbiwb.Output((3,))

    def simulate(self, theta, rng):
        if self.fault == "raise in checks":
            raise ValueError("no simulation\\nfor you")
        return theta + self.slope * np.arange(3) + rng.standard_normal((len(theta), 3))

    def log_likelihood(self, theta, x):
        if self.note:
            Path(self.note).write_text(str(os.getpid()))
        if self.fault == "raise":
            raise ValueError("no likelihood\\nfor you")
        if self.fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "hang":
            time.sleep(600)
        while self.fault == "refuse to stop":
            try:
                time.sleep(600)
            except KeyboardInterrupt:
                pass
        z = x - theta - self.slope * np.arange(3)
        return -0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=1)

    def default_observation(self):
        return sbiwb.Observation(np.array([0.1, 1.2, 1.9]))
'''

# A sampler of another package that loads in no time: these tests start some fifty processes.
GRID = """
import numpy as np

from sbiwb.core.draws import Draws
from sbiwb.core.options import Options
from sbiwb.rng import stream
from sbiwb.samplers.base import Sampler


class GridOptions(Options):
    draws: int = 300


class Grid(Sampler[GridOptions]):
    options_type = GridOptions

    def sample(self, target, options, seed, progress):
        grid = target.prior.from_unit((np.arange(2000)[:, None] + 0.5) / 2000)
        log_prob = target.log_prob(grid, np.zeros(len(grid), dtype=np.intp))
        weights = np.exp(log_prob - log_prob.max())
        rows = stream(seed, "grid").choice(len(grid), options.draws, p=weights / weights.sum())
        return [Draws(grid[None, rows], log_prob[None, rows], independent=True)]
"""
WRITE = reporting._write
COMMAND = "from sbiwb.cli import main; main()"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder in which the sampler is installed."""
    site = tmp_path_factory.mktemp("site")
    (site / "grids.py").write_text(GRID)
    (site / "grids-1.0.dist-info").mkdir()
    (site / "grids-1.0.dist-info" / "METADATA").write_text("Name: grids\nVersion: 1.0\n")
    points = "[sbiwb.samplers]\ngrid = grids:Grid\n"
    (site / "grids-1.0.dist-info" / "entry_points.txt").write_text(points)
    return site


@contextlib.contextmanager
def at_work(site, folder):
    """Make `folder` the current one, with a simulator, and reports only lists of files."""
    (folder / "code").mkdir()
    (folder / "code" / "line.py").write_text(LINE)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.syspath_prepend(site)
        monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
        monkeypatch.setenv("SBIWB_SIMULATORS", "code")
        monkeypatch.chdir(folder)
        monkeypatch.setattr(reporting, "_write", write_list)
        yield folder
    for name in ("line", "grids"):
        sys.modules.pop(name, None)


@pytest.fixture
def project(site, tmp_path):
    with at_work(site, tmp_path):
        yield tmp_path


@pytest.fixture(scope="module")
def finished(site, tmp_path_factory):
    """A run of `TWO` that has ended."""
    with at_work(site, tmp_path_factory.mktemp("finished")) as folder:
        sbiwb.run(TWO, out="out")
    return folder / "out"


@pytest.fixture
def done(project, finished):
    """The files of the finished run, and when they were changed."""
    shutil.copytree(finished, "out")
    return mtimes("out")


def write_list(folder, path):
    path.write_text("\n".join(str(task["file"]) for task in folder.journal["tasks"].values()))
    return path


def recipe(problems=("straight",), methods=("exact+grid",), **keys):
    sections = problems if isinstance(problems, dict) else {key: {} for key in problems}
    return {
        "seed": 1,
        "workers": 1,
        "problems": {
            label: {"simulator": "line", "options": options} for label, options in sections.items()
        },
        "methods": list(methods),
        "checks": None,
        **keys,
    }


TWO = recipe(["one", "two"])


def mtimes(folder):
    """File → time of last change, the lock's file apart."""
    files = [p for p in Path(folder).rglob("*") if p.is_file() and p.name != ".lock"]
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in files}


def results_changed(before):
    """Results in ``out`` that are new or changed since `before`."""
    after = mtimes("out")
    names = sorted(name for name in after if after[name] != before.get(name))
    return [name for name in names if name.endswith(".nc") and not name.startswith("quarantine")]


def journal(folder="out"):
    return json.loads((Path(folder) / "run.json").read_text())


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


def test_another_problem_is_refused_and_can_be_forked(done):
    other = recipe({"one": {"slope": 2.0}})
    with pytest.raises(UsageError, match=r"options.slope was 1.0 and is now 2.0; add --fork"):
        sbiwb.run(other, out="out")
    assert mtimes("out") == done
    assert sbiwb.run(other, out="out", fork=True) == Path("out-2/report.html")


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
            {"problems": {"a": {"simulator": "line", "fixed": {"b": 1}}}},
            "problems.a: unknown parameter to fix",
        ),
    ],
)
def test_mistakes_are_found_before_anything_is_written(project, keys, match):
    with pytest.raises(UsageError, match=match):
        sbiwb.run({**recipe(), **keys}, out="out")
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


def test_a_mapping_needs_a_directory(project):
    with pytest.raises(UsageError, match="pass out="):
        sbiwb.run(recipe())


# -- interruptions, from outside ---------------------------------------------------------------


def start(project, fault):
    """Start `sbiwb run` on a task that ends and one that does not; wait until that one is alone."""
    problems = {"good": {}, "bad": {"fault": fault, "note": str(project / "pid")}}
    Path("mine.yaml").write_text(write_yaml(recipe(problems)))
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "run", "mine.yaml", "--out", "out"],
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 120
    while not (project / "pid").exists() or not (project / "pid").read_text():
        assert time.monotonic() < end
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    return process, int((project / "pid").read_text())


def ends_soon(pid):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.05)
                continue
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interruptions_keep_what_is_finished_and_leave_no_process(project, number):
    process, worker = start(project, "hang")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert ends_soon(worker)
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 130
        assert err.splitlines() == ["sbiwb: interrupted; what is finished is kept"]
        assert journal()["status"] == "interrupted"
    good, bad = journal()["tasks"].values()
    assert good["state"] == "done"
    assert bad["state"] == ("running" if number == signal.SIGKILL else "waiting")
    before = mtimes("out")
    (project / "code" / "line.py").write_text(LINE.replace("time.sleep(600)", "pass", 1))
    sbiwb.run("mine.yaml", out="out")
    assert journal()["status"] == "done"
    assert good["file"] not in results_changed(before)


def test_a_second_interruption_stops_at_once(project):
    process, worker = start(project, "refuse to stop")
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None  # the worker has some seconds to end well
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.communicate(timeout=60)
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert ends_soon(worker)
