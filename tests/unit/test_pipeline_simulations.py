"""Recipes whose simulations fail, are damaged or do not fit on the disk."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from toy_runs import WRITE, journal, recipe

import sbiwb
from sbiwb.core.verdict import Outcome
from sbiwb.pipeline import reporting
from sbiwb.safe_yaml import write_yaml

LEARN = {"method": "linear+grid", "budget": 400}
SMALL = {"block_size": 100}


def learned(problems=("straight",), **keys):
    return recipe(problems, [LEARN], executor=SMALL, **keys)


def shards():
    return {path.name: path.read_bytes() for path in Path("out/simulations").glob("*/*.h5")}


def test_a_damaged_shard_is_set_aside_made_again_and_reported(project, capfd):
    sbiwb.run(learned(), out="out")
    before = shards()
    assert len(before) == 4
    damaged = next(Path("out/simulations").glob("*/block-000002-*"))
    damaged.write_bytes(damaged.read_bytes()[:-700])
    next(Path("out/inferred/straight").glob("*.nc")).unlink()
    capfd.readouterr()
    sbiwb.run(learned(), out="out")
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("sbiwb: straight/linear+grid-")
    assert "block-000002-00100.h5 is damaged" in lines[0]
    assert "/quarantine/" in lines[0]
    assert lines[0].endswith("its simulations are repeated")
    assert shards() == before


def test_simulations_that_raise_are_counted_kept_and_reported(project, monkeypatch):
    monkeypatch.setattr(reporting, "_write", WRITE)
    sbiwb.run(learned({"straight": {"fault": "raise above 4"}}), out="out")
    (task,) = journal()["tasks"].values()
    result = sbiwb.load(Path("out") / task["file"])
    failed = result.tree["failed_simulations"].to_dataset()
    assert np.all(failed["theta"].values > 4)
    counts = result.provenance["simulations"]
    # A tenth of the prior: 40 ± 6 of 400.
    assert 10 < counts["error"] == failed.sizes["simulation"] < 70
    (verdict,) = [v for v in result.verdicts if v.name == "failures"]
    assert verdict.outcome is Outcome.WARN
    assert "ValueError: no <b>solution</b>" in verdict.message
    report = Path("out/report.html").read_text()
    assert "ValueError: no &lt;b&gt;solution&lt;/b&gt;" in report
    assert "Where simulations for linear+grid on straight failed" in report


def test_an_observation_out_of_distribution_is_alarmed_on_the_first_screen(project, monkeypatch):
    monkeypatch.setattr(reporting, "_write", WRITE)
    # The observation rises by one a step, the data of this model by nine.
    sbiwb.run(learned({"steep": {"slope": 9.0}}), out="out")
    (task,) = journal()["tasks"].values()
    outcomes = {v.name: v.outcome for v in sbiwb.load(Path("out") / task["file"]).verdicts}
    assert outcomes["prior_predictive"] is Outcome.FAIL
    report = Path("out/report.html").read_text()
    (alarm,) = re.findall(r'<p class="alarm">([^<]*)</p>', report)
    assert alarm.startswith("The observation lies outside what the simulator produces: ")
    assert alarm.endswith("Do not trust the posteriors of linear+grid.")
    assert report.index(alarm) < report.index('class="answer"')


def test_an_observation_like_the_simulations_raises_no_alarm(project, monkeypatch):
    monkeypatch.setattr(reporting, "_write", WRITE)
    sbiwb.run(learned({"constant": {"fault": "constant"}}), out="out")
    (task,) = journal()["tasks"].values()
    result = sbiwb.load(Path("out") / task["file"])
    (verdict,) = [v for v in result.verdicts if v.name == "prior_predictive"]
    # An entry that never varies is left out of what is learned, and named.
    assert verdict.outcome is Outcome.PASS
    assert "the same in all simulated data: entry 1" in verdict.message
    assert 'class="alarm"' not in Path("out/report.html").read_text()


# Writing a file of more than 4 kB fails, as on a full disk.
FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
from sbiwb.cli import main; main()
"""


def test_a_disk_that_refuses_ends_the_run_with_74_and_a_rerun_goes_on(project):
    Path("mine.yaml").write_text(write_yaml(learned()))
    command = ["run", "mine.yaml", "--out", "out"]
    done = subprocess.run(
        [sys.executable, "-c", FULL, *command], capture_output=True, text=True, check=False
    )
    first, last = done.stderr.splitlines()
    assert done.returncode == 74
    assert "block-000000-00100.h5; got [Errno 27] File too large" in first
    assert "run again: finished blocks are kept" in first
    assert "1 of 1 tasks failed" in last
    assert not shards()
    assert not list(Path("out").rglob(".partial-*"))
    sbiwb.run("mine.yaml", out="out")
    assert journal()["status"] == "done"
    assert len(shards()) == 4
