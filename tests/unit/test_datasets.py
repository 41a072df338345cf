"""Data files are found, verified and downloaded."""

import functools
import hashlib
import http.server
import os
import threading

import pytest

from sbiwb.cli import main
from sbiwb.datasets import DataFile, datasets
from sbiwb.errors import DataError

CONTENT = b"1,2,3\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def domain(tmp_path, monkeypatch):
    """The folder of a domain's table, with an empty cache and no SBIWB_DATA."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SBIWB_DATA", raising=False)
    (tmp_path / "package" / "battery").mkdir(parents=True)
    return tmp_path / "package" / "battery"


@pytest.fixture
def server(tmp_path):
    """Address of a server on this machine that holds the file."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "curve.csv").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=tmp_path / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize("name", sorted(datasets()))
def test_published_files_are_named_and_unchanged(name):
    entry = datasets()[name]
    assert entry.title
    assert entry.source
    assert entry.licence
    absent = [file for file in entry.files if file.state() == "absent"]
    assert all(file.state() == "good" for file in entry.files if file not in absent)
    if not all(file.url for file in absent):
        assert "SBIWB_DATA" not in os.environ  # the folder has what cannot be downloaded
        pytest.skip("needs a file that cannot be downloaded: set SBIWB_DATA")


def test_shipped_comes_before_the_data_folder(domain, tmp_path, monkeypatch):
    file = DataFile(domain, "curve.csv", SHA256)
    assert (file.find(), file.state()) == (None, "absent")
    monkeypatch.setenv("SBIWB_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "battery").mkdir(parents=True)
    (tmp_path / "data" / "battery" / "curve.csv").write_bytes(CONTENT)
    assert file.get() == tmp_path / "data" / "battery" / "curve.csv"
    (domain / "curve.csv").write_bytes(CONTENT)
    assert file.get() == domain / "curve.csv"


def test_damaged_files_are_refused(domain):
    (domain / "curve.csv").write_bytes(b"1,2,4\n")
    file = DataFile(domain, "curve.csv", SHA256)
    assert file.state() == "damaged"
    with pytest.raises(DataError, match="not the file that was published; got SHA-256 "):
        file.get()


def test_a_file_without_an_address(domain):
    with pytest.raises(DataError, match=r"put it at \$SBIWB_DATA/battery/curve.csv"):
        DataFile(domain, "curve.csv", SHA256).get()


def test_downloads_are_kept(domain, server, tmp_path):
    file = DataFile(domain, "curve.csv", SHA256, f"{server}/curve.csv")
    assert file.get() == tmp_path / "cache" / "sbiwb" / "battery" / "curve.csv"
    assert file.state() == "good"
    (tmp_path / "served" / "curve.csv").unlink()
    assert file.get().read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("sha256", "path"), [("0" * 64, "curve.csv"), (SHA256, "other.csv")], ids=["hash", "missing"]
)
def test_downloads_that_fail(domain, server, sha256, path):
    file = DataFile(domain, path, sha256, f"{server}/{path}")
    with pytest.raises(DataError, match=r"cannot download .*; fetch http"):
        file.get()
    assert file.state() == "absent"


def test_the_command_lists_and_verifies(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["data"])
    out = capsys.readouterr().out
    assert exit_.value.code == 0
    assert "cosmology.desi_dr2: 13 distances" in out
    assert "source: DESI Collaboration, DR2 Results II, arXiv:2503.14738" in out
    assert out.partition("cosmology.desi_dr2: ")[2].count("  good     ") >= 2
    with pytest.raises(SystemExit) as exit_:
        main(["data", "cosmology.desi_dr2"])
    assert exit_.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
