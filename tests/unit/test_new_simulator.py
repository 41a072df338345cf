"""What ``sbiwb new simulator`` writes runs as it is."""

import subprocess
import sys
from pathlib import Path

import pytest

import sbiwb
from sbiwb.config import read_recipe
from sbiwb.errors import StoreError, UsageError
from sbiwb.scaffold import new_simulator

COMMAND = "from sbiwb.cli import main; main()"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A new simulator and its recipe."""
    monkeypatch.setenv("SBIWB_SIMULATORS", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield new_simulator("double_pendulum", tmp_path)
    sys.modules.pop("double_pendulum", None)


def test_it_infers(made):
    problem = sbiwb.problem("double_pendulum", noise=0.2)
    result = sbiwb.infer(problem, "exact+emcee", draws=1000, seed=1)
    summary = result.summary()
    for name, truth in (("intercept", 0.3), ("slope", 1.0)):
        # The posterior of a linear model; a truth 5σ away would mean a wrong likelihood.
        assert abs(summary.loc[name, "mean"] - truth) < 5 * summary.loc[name, "sd"]


def test_its_simulations_follow_its_likelihood(made):
    from sbiwb.testing import check_simulator

    check_simulator(sbiwb.problem("double_pendulum").simulator)


def test_its_code_is_short_and_its_recipe_valid(made):
    code, recipe = made
    lines = [line for line in code.read_text().splitlines() if line.strip()]
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 100
    assert read_recipe(recipe).problems.keys() == {"double_pendulum"}


def test_the_command_says_what_to_type_next(tmp_path):
    command = [sys.executable, "-c", COMMAND, "new", "simulator", "spring", "--folder", "mine"]
    done = subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "run it with: sbiwb run mine/spring.yaml"
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == ["spring.py", "spring.yaml"]


@pytest.mark.parametrize("name", ["a-b", "1a", "class", "../x", "a.b", "_a", ""])
def test_names_that_are_no_names(tmp_path, name):
    with pytest.raises(UsageError, match="bad name of a simulator"):
        new_simulator(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(made, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="there is a simulator 'double_pendulum' already"):
        new_simulator("double_pendulum", tmp_path / "other")
    monkeypatch.setenv("SBIWB_SIMULATORS", "")
    with pytest.raises(UsageError, match="will not write over a file that is there"):
        new_simulator("double_pendulum", tmp_path)


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path, monkeypatch):
    real = Path.write_text

    def fills_up(path, text, *arguments):
        real(path, text[:10], *arguments)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fills_up)
    with pytest.raises(StoreError, match="No space left"):
        new_simulator("spring", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        new_simulator("spring", tmp_path / "file" / "sub")
