"""Kill -9 at random moments, and several runs at once: always the same bytes.

This file is also the program that is killed: it forks once per trial, because importing anew would
take longer than simulating.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

import sbiwb
from sbiwb.execute import simulate
from sbiwb.execute.block import block_theta

PRIOR = sbiwb.Prior((sbiwb.Parameter("a", sbiwb.Uniform(0, 1)),))
TRIALS, BLOCKS, ROWS = 24, 12, 20
SECONDS_PER_BLOCK = 0.01
EXECUTION = {"block_size": ROWS}


def run(folder: Path) -> None:
    """Simulate into a store, with each call noted in a file."""

    def slow(theta, rng):
        with (folder / "calls").open("ab", buffering=0) as calls:
            calls.write(theta[0].tobytes())
        time.sleep(SECONDS_PER_BLOCK)
        return theta + rng.normal(size=(len(theta), 50))

    simulator = sbiwb.simulator(slow, PRIOR, name="slow", batched=True, output=sbiwb.Output((50,)))
    simulate(simulator, PRIOR, BLOCKS * ROWS, seed=1, execution=EXECUTION, store=folder / "store")


def main(folder: Path) -> None:
    """Run undisturbed, then be killed and rerun many times; print what happened."""
    start = time.monotonic()
    in_child(folder / "undisturbed")
    duration = time.monotonic() - start
    delays = np.random.default_rng(20).uniform(0, duration, TRIALS)
    for trial, delay in enumerate(delays):
        place = folder / f"trial-{trial:02d}"
        in_child(place, kill_after=delay)
        survivors = {path.name: path.stat().st_mtime_ns for path in place.rglob("block-*.h5")}
        (place / "survivors.json").write_text(json.dumps(survivors))
        (place / "calls").write_bytes(b"")
        in_child(place)
    in_child(folder / "at-once", children=3)


def in_child(folder: Path, kill_after: float | None = None, children: int = 1) -> None:
    folder.mkdir(exist_ok=True)
    pids = []
    for _ in range(children):
        pids.append(os.fork())
        if pids[-1] == 0:
            run(folder)
            os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pids[0], signal.SIGKILL)
    statuses = [os.waitpid(pid, 0)[1] for pid in pids]
    if kill_after is None and any(statuses):
        raise SystemExit(f"a run in {folder} failed")


def test_nothing_is_lost_or_repeated_after_a_kill(tmp_path):
    subprocess.run([sys.executable, __file__, str(tmp_path)], check=True, timeout=200)
    expected = contents(tmp_path / "undisturbed")
    assert len(expected) == BLOCKS
    names = {
        float(block_theta(PRIOR, 1, block, ROWS)[0, 0]): f"block-{block:06d}-{ROWS:05d}.h5"
        for block in range(BLOCKS)
    }
    finished_at_the_kill = Counter()
    for trial in range(TRIALS):
        folder = tmp_path / f"trial-{trial:02d}"
        survivors = json.loads((folder / "survivors.json").read_text())
        assert contents(folder) == expected
        made_after = {names[value] for value in np.fromfile(folder / "calls").tolist()}
        assert made_after == set(expected) - set(survivors)
        for path in folder.rglob("block-*.h5"):
            assert survivors.get(path.name, path.stat().st_mtime_ns) == path.stat().st_mtime_ns
        finished_at_the_kill[len(survivors)] += 1
    assert len(finished_at_the_kill) > 5  # the kills fell at many different moments

    # Three runs that wrote one store at once left each block once, with the same bytes.
    assert contents(tmp_path / "at-once") == expected
    (journal,) = (tmp_path / "at-once").rglob("journal.jsonl")
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    assert sorted(e["block"] for e in entries if e["committed"]) == list(range(BLOCKS))
    assert len({e["pid"] for e in entries}) == 3


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("block-*.h5")}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
