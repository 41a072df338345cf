"""The store: shards appear whole or not at all, and damage is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbiwb.core.simulations import Simulations, Status
from sbiwb.errors import StoreError
from sbiwb.store import StoreWarning, open_store
from sbiwb.store.shard import DamagedShard, decode, encode

IDENTITY = {"simulator": {"name": "toy", "options": {"noise": 0.5}}, "proposal": "ab", "seed": 1}
NO_LIMITS = {"timeout": None, "memory": None}
HEADER = {"seed": 2**62, "simulator": '{"name": "tøy"}', "limits": ""}


def simulations(rows: int = 20, seed: int = 0) -> Simulations:
    rng = np.random.default_rng(seed)
    status = np.zeros(rows, dtype=np.int8)
    x = rng.normal(size=(rows, 3, 4))
    status[-1], x[-1] = Status.ERROR, np.nan
    return Simulations(rng.normal(size=(rows, 2)), x, status, {rows - 1: "ValueError: naïve"})


def assert_equal(a: Simulations, b: Simulations) -> None:
    for name in ("theta", "x", "status"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.reasons == b.reasons


def store(root: Path, **limits: object):
    return open_store(root, IDENTITY, {**NO_LIMITS, **limits})


# -- shards -----------------------------------------------------------------------------------


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 30),
    dim=st.integers(1, 4),
    shape=st.lists(st.integers(1, 4), max_size=3),
    status=st.integers(0, 5),
    reason=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_shard_gives_back_what_it_was_given(rows, dim, shape, status, reason, seed):
    rng = np.random.default_rng(seed)
    given_ = Simulations(
        rng.normal(size=(rows, dim)),
        rng.normal(size=(rows, *shape)) * 10.0 ** rng.integers(-300, 300),
        np.full(rows, status, dtype=np.int8),
        {rows - 1: reason} if reason else {},
    )
    header = {"seed": seed, "text": reason}
    found, found_header = decode(encode(given_, header))
    assert_equal(found, given_)
    assert found_header == header


def test_equal_simulations_make_equal_bytes_in_every_process():
    code = "from test_store import *; sys.stdout.buffer.write(encode(simulations(), HEADER))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "PYTHONHASHSEED": "7"}
    other = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True
    )
    assert other.stdout == encode(simulations(), HEADER)


@pytest.mark.parametrize("column", ["theta", "x", "status"])
def test_bytes_do_not_depend_on_when_python_frees_objects(monkeypatch, column):
    """Dask's profiler holds on to frames, and so to data sets that HDF5 would write on closing."""
    expected, kept, create = encode(simulations(), HEADER), [], h5py.Group.create_dataset

    def create_and_keep(group, name, **options):
        made = create(group, name, **options)
        if name == column:
            kept.append(made)
        return made

    monkeypatch.setattr(h5py.Group, "create_dataset", create_and_keep)
    assert encode(simulations(), HEADER) == expected
    assert kept


def test_a_shard_is_plain_hdf5_with_every_column_checksummed(tmp_path):
    (tmp_path / "shard.h5").write_bytes(encode(simulations(), HEADER))
    with h5py.File(tmp_path / "shard.h5") as file:
        assert {name: column.fletcher32 for name, column in file.items()} == dict.fromkeys(
            ("theta", "x", "status", "reasons"), True
        )
        assert file["x"].shape == (20, 3, 4)


def test_no_damage_goes_unseen():
    """Flipped bits, zeroed pages and lost ends are found, or hit bytes that carry nothing."""
    whole = encode(simulations(), HEADER)
    rng = np.random.default_rng(5)
    found = 0
    for trial in range(400):
        damaged = bytearray(whole)
        at = int(rng.integers(len(whole)))
        if trial % 4 == 0:
            damaged[at : at + 512] = bytes(min(512, len(whole) - at))
        elif trial % 40 == 1:
            del damaged[at:]
        else:
            damaged[at] ^= 1 << int(rng.integers(8))
        try:
            read, header = decode(bytes(damaged))
        except DamagedShard:
            found += 1
        else:
            assert_equal(read, simulations())
            assert header == HEADER
    assert found > 300


# -- the folder -------------------------------------------------------------------------------


def test_blocks_come_back_and_gaps_stay_gaps(tmp_path):
    opened = store(tmp_path)
    assert opened.commit(0, simulations(seed=0), seconds=0.1)
    assert opened.commit(2, simulations(seed=2), seconds=0.1)
    again = store(tmp_path)
    assert_equal(again.read(0, 20), simulations(seed=0))
    assert again.read(1, 20) is None
    assert_equal(again.read(2, 20), simulations(seed=2))
    assert again.read(2, 10) is None  # a shorter block is another block


def test_what_the_simulations_depend_on_is_readable_and_hashed(tmp_path):
    opened = store(tmp_path)
    assert json.loads((opened.folder / "meta.json").read_text()) == {"schema": 1, **IDENTITY}
    other = open_store(tmp_path, {**IDENTITY, "seed": 2}, NO_LIMITS)
    assert other.folder != opened.folder
    assert store(tmp_path).folder == opened.folder


def test_a_folder_that_describes_something_else_is_refused_with_the_difference(tmp_path):
    meta = store(tmp_path).folder / "meta.json"
    meta.write_text(json.dumps({"schema": 1, **IDENTITY, "proposal": "cd"}))
    with pytest.raises(StoreError, match='proposal: "cd" there but "ab" asked for'):
        store(tmp_path)
    meta.write_text("{")
    with pytest.raises(StoreError, match=r"meta\.json is damaged"):
        store(tmp_path)


def test_a_shard_under_a_wrong_name_is_refused(tmp_path):
    opened = store(tmp_path)
    opened.commit(0, simulations(), seconds=0.1)
    opened.path(0, 20).rename(opened.path(1, 20))
    with pytest.raises(StoreError, match="block: 0 there but 1 asked for"):
        opened.read(1, 20)


def test_options_that_are_not_json_are_refused(tmp_path):
    with pytest.raises(StoreError, match="plain JSON"):
        open_store(tmp_path, {"simulator": {"options": {"data": np.zeros(3)}}}, NO_LIMITS)


def test_a_damaged_shard_is_quarantined_and_reported(tmp_path):
    opened = store(tmp_path)
    opened.commit(0, simulations(), seconds=0.1)
    content = bytearray(opened.path(0, 20).read_bytes())
    content[content.index(simulations().x[3, 2].tobytes())] ^= 4
    opened.path(0, 20).write_bytes(content)
    with pytest.warns(StoreWarning, match=r"block-000000-00020\.h5 is damaged"):
        assert opened.read(0, 20) is None
    (kept,) = (opened.folder / "quarantine").iterdir()
    assert kept.read_bytes() == content
    assert opened.commit(0, simulations(), seconds=0.1)
    assert_equal(opened.read(0, 20), simulations())


def test_rows_that_failed_under_a_limit_are_tried_again_under_another(tmp_path):
    slow = Simulations(np.ones((1, 1)), np.full((1, 1), np.nan), np.array([4], "i1"), {0: "slow"})
    hasty = store(tmp_path, timeout=1.0)
    hasty.commit(0, slow, seconds=1.0)
    hasty.commit(1, simulations(), seconds=1.0)
    assert_equal(hasty.read(0, 1), slow)
    patient = store(tmp_path, timeout=60.0)
    assert patient.folder == hasty.folder
    assert patient.read(0, 1) is None
    assert len(list((patient.folder / "superseded").iterdir())) == 1
    assert_equal(patient.read(1, 20), simulations())  # no limit made a row fail here


def test_simulations_of_other_versions_are_used_and_say_which(tmp_path, monkeypatch):
    opened = store(tmp_path)
    with monkeypatch.context() as past:
        past.setattr("sbiwb.store.versions", lambda: {"numpy": "1.26.4", "sbiwb": "0.0.1"})
        opened.commit(0, simulations(), seconds=1.0)
    assert_equal(store(tmp_path).read(0, 20), simulations())
    _, header = decode(opened.path(0, 20).read_bytes())
    assert json.loads(header["versions"]) == {"numpy": "1.26.4", "sbiwb": "0.0.1"}


def test_stale_temporaries_are_swept_and_fresh_ones_left(tmp_path):
    folder = store(tmp_path).folder
    stale, fresh = folder / ".partial-1-a", folder / ".partial-2-b"
    for path in (stale, fresh):
        path.write_bytes(b"half a shard")
    os.utime(stale, (time.time() - 4000,) * 2)
    opened = store(tmp_path)
    assert not stale.exists()
    assert fresh.exists()
    assert opened.read(0, 20) is None


def test_racing_writers_leave_one_whole_shard(tmp_path):
    opened, results = store(tmp_path), []
    barrier = threading.Barrier(8)

    def write() -> None:
        barrier.wait()
        results.append([opened.commit(b, simulations(seed=b), seconds=0.1) for b in range(5)])

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.sum(results, axis=0).tolist() == [1] * 5  # each block was committed once
    for block in range(5):
        assert_equal(opened.read(block, 20), simulations(seed=block))
    assert not list(opened.folder.glob(".partial-*"))


def test_the_journal_says_who_made_what(tmp_path):
    opened = store(tmp_path)
    for _ in range(2):
        opened.commit(0, simulations(), seconds=0.25)
    text = (opened.folder / "journal.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["committed"] for line in lines] == [True, False]
    assert lines[0]["pid"] == os.getpid()
    assert (lines[0]["block"], lines[0]["rows"], lines[0]["seconds"]) == (0, 20, 0.25)


# -- disks that refuse ------------------------------------------------------------------------


def test_a_failing_disk_is_a_clean_stop(tmp_path, monkeypatch):
    opened = store(tmp_path)
    opened.commit(0, simulations(), seconds=0.1)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left.*run again") as caught:
        opened.commit(1, simulations(), seconds=0.1)
    assert caught.value.exit_code == 74
    monkeypatch.undo()
    assert_equal(opened.read(0, 20), simulations())
    assert opened.read(1, 20) is None
    assert not list(opened.folder.glob(".partial-*"))
    assert opened.commit(1, simulations(), seconds=0.1)


def test_a_write_cut_short_by_the_system_leaves_nothing(tmp_path):
    """A file size limit ends the write in the middle, as a full disk does."""
    code = textwrap.dedent(
        f"""
        import resource
        from test_store import *
        opened = store(Path({str(tmp_path)!r}))
        opened.commit(0, simulations(rows=20), seconds=0.1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            opened.commit(1, simulations(rows=2000), seconds=0.1)
        except StoreError as error:
            sys.exit(error.exit_code)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == 74
    opened = store(tmp_path)
    assert_equal(opened.read(0, 20), simulations())
    assert [path.name for path in opened.folder.glob("*.h5")] == ["block-000000-00020.h5"]
    assert not list(opened.folder.glob(".partial-*"))


def test_an_unusable_folder_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot use"):
        store(tmp_path / "file")
