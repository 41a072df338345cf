"""Runs of recipes that take no time: a line, a sampler on a grid, and what can go wrong."""

import contextlib
import json
import os
import sys
from pathlib import Path

import pytest

from sbiwb.pipeline import reporting

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
        if self.fault == "raise above 4" and theta.max() > 4:
            raise ValueError("no <b>solution</b>")
        x = theta + self.slope * np.arange(3) + rng.standard_normal((len(theta), 3))
        if self.fault == "constant":
            x[:, 1] = 7.0
        if self.fault == "slow":
            self.leave_note()
            for _ in range(15):
                time.sleep(0.1)
        return x

    def leave_note(self):
        # Renamed into place: whoever waits for the file reads it whole.
        written = Path(self.note + ".new")
        written.write_text(str(os.getpid()))
        written.rename(self.note)

    def log_likelihood(self, theta, x):
        if self.note:
            self.leave_note()
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
        middle = 7.0 if self.fault == "constant" else 1.2
        return sbiwb.Observation(np.array([0.1, middle, 1.9]))
'''

# A sampler and an estimator of another package that load in no time: these tests start some fifty
# processes.
GRID = """
import numpy as np

from sbiwb.core.draws import Draws
from sbiwb.core.options import Options
from sbiwb.estimators.base import Estimator, LearnedLikelihood
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


class LinearOptions(Options):
    pass


class Line(LearnedLikelihood):
    def __init__(self, weights):
        self.weights = weights

    def log_likelihood(self, theta, x):
        sd = self.weights["sd"]
        z = (x - np.column_stack([np.ones(len(theta)), theta]) @ self.weights["matrix"]) / sd
        return -0.5 * np.sum(z**2 + np.log(2 * np.pi * sd**2), axis=1)

    def state(self):
        return {"estimator": "linear"}, self.weights


class Linear(Estimator[LinearOptions]):
    options_type, learns = LinearOptions, "likelihood"

    def train(self, simulations, prior, options, seed, progress):
        usable = simulations.select(simulations.valid)
        known = np.column_stack([np.ones(len(usable)), usable.theta])
        matrix = np.linalg.lstsq(known, usable.x, rcond=None)[0]
        sd = np.std(usable.x - known @ matrix, axis=0) + 1e-9
        return Line({"matrix": matrix, "sd": sd})

    def restore(self, recipe, weights, prior):
        return Line(weights)
"""
WRITE = reporting._write
COMMAND = "from sbiwb.cli import main; main()"


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


def write_list(folder, path, **_):
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
