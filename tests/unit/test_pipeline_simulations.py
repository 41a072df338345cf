"""Recipes whose simulations fail, are damaged or do not fit on the disk."""

import subprocess
import sys
from pathlib import Path

from toy_runs import journal, recipe

import sbiwb
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
