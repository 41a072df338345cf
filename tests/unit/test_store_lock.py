"""Two whole runs in one directory exclude each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sbiwb.errors import BusyError, StoreError
from sbiwb.store.lock import run_lock

HOLD = """
import sys, time
from sbiwb.store.lock import run_lock
with run_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_run_names_the_first_and_a_killed_one_frees_the_directory(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        named = f"process {holder.pid} on .* since 20"
        with pytest.raises(BusyError, match=named) as caught, run_lock(tmp_path):
            pass
        assert caught.value.exit_code == 75
        holder.kill()
    with run_lock(tmp_path):
        assert str(os.getpid()) in (tmp_path / ".holder.json").read_text()


def test_a_run_excludes_another_in_the_same_process_until_it_ends(tmp_path):
    ours = f"process {os.getpid()}"
    new = tmp_path / "new"
    with run_lock(new), pytest.raises(BusyError, match=ours), run_lock(new):
        pass
    with run_lock(new):
        pass


def test_a_file_is_no_run_directory(tmp_path):
    (tmp_path / "file").write_text("")
    message = r"a run directory is needed; got .*file, a file"
    with pytest.raises(StoreError, match=message), run_lock(tmp_path / "file"):
        pass


def test_a_directory_that_cannot_be_made_is_a_store_error(tmp_path):
    Path(tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot lock"), run_lock(tmp_path / "file/out"):
        pass
