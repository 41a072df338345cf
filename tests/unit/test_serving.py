"""Runs in a browser: what is there is shown, what is not a run's is refused, nothing is written."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sbiwb.errors import DataError, StoreError
from sbiwb.serving import serve
from sbiwb.serving.runs import elapsed, find_runs
from sbiwb.serving.server import RunServer

SECRET = "not for readers"


def task(method="exact+emcee", state="done", error=None, file="results/a/x.nc"):
    return {
        "problem": "line", "method": method, "seed": 1, "state": state, "file": file,
        "error": error, "exit_code": 0,
    }  # fmt: skip


def make_run(folder, *, status="done", tasks=(), title="A line", holder=None, **journal):
    folder.mkdir(parents=True)
    content = {
        "schema": 1, "files": {}, "title": title, "command": "sbiwb run line", "status": status,
        "started": "2026-01-02T03:04:05+00:00", "finished": None if status == "running" else
        "2026-01-02T03:09:05+00:00", "tasks": {str(k): t for k, t in enumerate(tasks)}, **journal,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(content))
    if holder is not None:
        (folder / ".holder.json").write_text(json.dumps(holder))
    return folder


@pytest.fixture
def runs(tmp_path):
    """A folder of runs in every state, and things beside it that must not be served."""
    root = tmp_path / "runs"
    done = make_run(root / "cosmology" / "desi", tasks=[task(), task("npe")])
    (done / "report.html").write_text("<h1>Report of desi</h1>")
    (done / "results" / "a").mkdir(parents=True)
    (done / "results" / "a" / "x.nc").write_bytes(b"\x89HDF")
    (done / "secret.pem").write_text(SECRET)
    here = {"pid": os.getpid(), "host": socket.gethostname(), "since": "now"}
    make_run(
        root / "at-work", status="running", holder=here, title="Still <b>running</b>",
        tasks=[task(), task("npe", "running", file=None)],
    )  # fmt: skip
    make_run(root / "broken", status="incomplete", tasks=[task("nle", "failed", "no <likelihood>")])
    (tmp_path / "outside.html").write_text(SECRET)
    (root / "loose.html").write_text(SECRET)
    (done / "link.html").symlink_to(tmp_path / "outside.html")
    (root / "linked").symlink_to(tmp_path)
    (root / "inner").symlink_to(done)
    return root


@pytest.fixture
def server(runs):
    with started(runs) as running:
        yield running


class started:
    def __init__(self, folder, **options):
        self.server = RunServer(folder, 0, **options)

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        return self.server

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def ask(server, path, method="GET", host=None, body=None):
    """Status, headers and content; the path goes out as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    content = response.read().decode("utf-8", errors="replace")
    connection.close()
    return response.status, response.headers, content


def test_all_runs_are_listed_with_their_status(server):
    status, _, page = ask(server, "/")
    assert status == 200
    rows = re.findall(r"<tr>\n<th scope=\"row\".*?</tr>", page, re.DOTALL)
    assert len(rows) == 3
    by_path = {re.search("<code>(.*?)</code>", row)[1]: row for row in rows}
    assert "done" in by_path["cosmology/desi"]
    assert 'href="/cosmology/desi/report.html"' in by_path["cosmology/desi"]
    assert "2 of 2" in by_path["cosmology/desi"]
    assert "5 min" in by_path["cosmology/desi"]
    assert "… running" in by_path["at-work"]
    assert "1 of 2" in by_path["at-work"]
    assert "Still &lt;b&gt;running&lt;/b&gt;" in by_path["at-work"]
    assert "incomplete" in by_path["broken"]
    assert "0 of 1, 1 failed" in by_path["broken"]
    assert 'http-equiv="refresh"' in page


@pytest.mark.parametrize(
    ("words", "found"),
    [("desi", 1), ("DESI npe", 1), ("nle", 1), ("running", 1), ("line", 3), ("nothing", 0)],
)
def test_runs_are_searched(server, words, found):
    _, _, page = ask(server, f"/?q={words.replace(' ', '+')}")
    assert page.count('<th scope="row"') == found
    assert f'value="{words}"' in page


def test_what_is_searched_for_is_text(server):
    _, _, page = ask(server, "/?q=%22%3E%3Cscript%3E")
    assert "<script" not in page
    assert "None of 3 runs matches" in page


def test_a_run_has_a_page_and_its_files(server):
    _, _, page = ask(server, "/broken/")
    assert "no &lt;likelihood&gt;" in page
    assert 'http-equiv="refresh"' not in page
    status, headers, _ = ask(server, "/cosmology/desi")
    assert (status, headers["Location"]) == (301, "/cosmology/desi/")
    _, _, page = ask(server, "/cosmology/desi/")
    assert 'href="/cosmology/desi/results/a/x.nc"' in page
    status, headers, page = ask(server, "/cosmology/desi/report.html")
    assert (status, page) == (200, "<h1>Report of desi</h1>")
    # A report's scripts run without an origin: they cannot read what else is served.
    assert headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in headers["Content-Security-Policy"]
    status, headers, _ = ask(server, "/cosmology/desi/results/a/x.nc")
    assert (status, headers["Content-Type"]) == (200, "application/octet-stream")


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.html",
        "/%2e%2e/outside.html",
        "/%2E%2E%2Foutside.html",
        "/..%2foutside.html",
        "/%252e%252e/outside.html",
        "/cosmology/../../outside.html",
        "/cosmology/desi/../../../outside.html",
        "/..%5coutside.html",
        "/..\\outside.html",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/cosmology//desi/report.html",
        "/linked/outside.html",
        "/linked/",
        "/inner/report.html",
        "/cosmology/desi/link.html",
        "/cosmology/desi/%00report.html",
        "/cosmology/desi/report.html%00.nc",
        "/%ff%fe",
        "/" + "a" * 5000,
        "/cosmology/desi/secret.pem",
        "/cosmology/desi/.holder.json",
        "/at-work/.holder.json",
        "/cosmology/",
        "/loose.html",
        "/cosmology/desi/results/",
        "/missing",
        "http://127.0.0.1/cosmology/desi/report.html",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_else_is_served(server, path, method):
    status, _, content = ask(server, path, method)
    assert status in (400, 403, 404)
    assert SECRET not in content
    assert "root:" not in content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "MKCOL"])
def test_there_is_no_way_to_write(server, runs, method):
    before = sorted((p, p.lstat().st_mtime_ns) for p in runs.rglob("*"))
    status, headers, _ = ask(server, "/cosmology/desi/report.html", method, body=b"x" * 10)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    for path in ("/", "/cosmology/desi/", "/at-work/", "/broken/"):
        ask(server, path)
    assert sorted((p, p.lstat().st_mtime_ns) for p in runs.rglob("*")) == before


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "", "[::1]:80"])
def test_other_names_for_this_machine_are_refused(server, host):
    status, _, content = ask(server, "/", host=host)
    assert status == 421
    assert "desi" not in content
    assert ask(server, "/", host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize("path", ["/", "/broken/", "/cosmology/desi/report.html", "/none"])
def test_every_answer_is_guarded(server, path):
    _, headers, content = ask(server, path)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert len(content.encode()) == int(headers["Content-Length"])
    _, head, nothing = ask(server, path, "HEAD")
    assert (nothing, head["Content-Length"]) == ("", headers["Content-Length"])


def test_it_listens_on_this_machine_only(server, runs):
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(StoreError, match=r"cannot serve at port \d+.*--port 0"):
        RunServer(runs, server.server_port)
    with pytest.raises(DataError, match="no such folder to serve"):
        RunServer(runs / "none", 0)


def test_a_private_server_hides_behind_its_address(runs):
    with started(runs, private=True) as server:
        assert re.fullmatch(r"http://127.0.0.1:\d+/[\w-]{20,}/", server.address)
        for path in ("/", "/cosmology/desi/report.html", server.prefix[:-1] + "/"):
            assert ask(server, path)[0] == 404
        _, _, page = ask(server, server.prefix + "/")
        links = re.findall('href="(.*?)"', page)
        assert links
        assert all(link.startswith(server.prefix) for link in links)
        assert ask(server, links[0])[0] == 200


def test_one_run_can_be_served_alone(runs):
    with started(runs / "cosmology" / "desi") as server:
        _, _, page = ask(server, "/")
        assert "A line" in page
        assert 'href="/report.html"' in page
        assert ask(server, "/report.html")[0] == 200


def test_a_run_that_was_killed_does_not_run(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    dead = {"pid": int(done.stdout), "host": socket.gethostname(), "since": "then"}
    make_run(tmp_path / "dead", status="running", holder=dead)
    make_run(tmp_path / "gone", status="running")
    make_run(tmp_path / "far", status="running", holder=dead | {"host": "elsewhere"})
    found = {run.path: run for run in find_runs(tmp_path)}
    assert {path: run.status for path, run in found.items()} == {
        "dead": "stopped", "gone": "stopped", "far": "running",
    }  # fmt: skip
    assert elapsed(found["dead"]) == ""
    assert elapsed(found["far"]).endswith(" h")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"schema": 1, "tasks": [1]}', '{"schema": 9}', "[" * 5000]
)
def test_damaged_journals_are_listed_and_left_alone(tmp_path, content):
    folder = make_run(tmp_path / "bad")
    (folder / "run.json").write_text(content)
    (run,) = find_runs(tmp_path)
    assert run.status == "unreadable"
    assert (folder / "run.json").read_text() == content


def test_runs_are_found_some_folders_down_and_no_further(tmp_path):
    make_run(tmp_path / "a" / "b" / "c" / "d")
    make_run(tmp_path / "a" / "b" / "c" / "e" / "f")
    make_run(tmp_path / ".hidden" / "run")
    assert [run.path for run in find_runs(tmp_path)] == ["a/b/c/d"]


def test_the_command_prints_its_address_and_ends_with_ctrl_c(runs):
    program = Path(sys.executable).with_name("sbiwb")
    process = subprocess.Popen(
        [program, "serve", str(runs), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        address = process.stdout.readline().strip()
        port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", address)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
        process.terminate()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_real_run_is_shown(finished):
    with started(finished.parent) as server:
        _, _, page = ask(server, "/")
        path = re.search("<code>(.*?)</code>", page)[1]
        assert ask(server, f"/{path}/report.html")[0] == 200
        _, _, page = ask(server, f"/{path}/")
        links = re.findall(r'href="(/.*?\.nc)"', page)
        assert len(links) == 2
        assert all(ask(server, link)[0] == 200 for link in links)


def test_serve_stops_when_interrupted(runs):
    def interrupt(address):
        assert address.startswith("http://127.0.0.1:")
        raise SystemExit

    with pytest.raises(SystemExit):
        serve(runs, 0, ready=interrupt)
