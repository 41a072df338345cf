"""Folders with a simulator, a sampler and runs, for the tests of pipelines; walkers of emcee."""

import shutil

import pytest
from foreign_files import write_emcee
from toy_runs import GRID, TWO, at_work, mtimes

import sbiwb


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A folder in which the sampler is installed."""
    site = tmp_path_factory.mktemp("site")
    (site / "grids.py").write_text(GRID)
    (site / "grids-1.0.dist-info").mkdir()
    (site / "grids-1.0.dist-info" / "METADATA").write_text("Name: grids\nVersion: 1.0\n")
    points = "[sbiwb.samplers]\ngrid = grids:Grid\n[sbiwb.estimators]\nlinear = grids:Linear\n"
    (site / "grids-1.0.dist-info" / "entry_points.txt").write_text(points)
    return site


@pytest.fixture
def project(site, tmp_path):
    with at_work(site, tmp_path):
        yield tmp_path


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def emcee_file(tmp_path_factory):
    return write_emcee(tmp_path_factory.mktemp("emcee") / "walkers.h5")
