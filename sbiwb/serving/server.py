"""A web server for one folder of runs: this machine only, nothing but GET and HEAD."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from sbiwb.errors import DataError, StoreError
from sbiwb.serving import pages
from sbiwb.serving.runs import find_runs, read_run

HOST = "127.0.0.1"
PORT = 8765
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".yaml": "text/plain; charset=utf-8",
    ".json": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".nc": "application/octet-stream",
}
"""What is sent of a run; nothing else is."""
# Run folders may come from other people, and so may the scripts in their reports: in a sandbox
# they have no origin, and cannot read what else is served.
_FILE_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


class RunServer(ThreadingHTTPServer):
    """Serves one folder.

    Parameters
    ----------
    folder : Path
    port : int
        0 takes a free one.
    private : bool
        Whether addresses start with a secret, which keeps out other users of this machine.

    Raises
    ------
    DataError
        If there is no such folder.
    StoreError
        If the port is taken.
    """

    daemon_threads = True

    def __init__(self, folder: Path, port: int = PORT, *, private: bool = False) -> None:
        if not folder.is_dir():
            raise DataError("no such folder to serve", got=folder, expected="a folder of runs")
        self.folder = folder.resolve()
        self.prefix = f"/{secrets.token_urlsafe(16)}" if private else ""
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise StoreError(
                f"cannot serve at port {port}", got=error, remedy="choose another: --port 0"
            ) from error

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.server_port}{self.prefix}/"


def serve(
    folder: Path,
    port: int = PORT,
    *,
    private: bool = False,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve a folder of runs until interrupted.

    Parameters
    ----------
    folder : Path
    port : int
    private : bool
        See `RunServer`.
    ready : callable
        Is told the address.
    """
    with RunServer(folder, port, private=private) as server:
        ready(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return  # it is how a server ends


class _Handler(BaseHTTPRequestHandler):
    server: RunServer
    server_version, sys_version = "sbiwb", ""
    timeout = 30  # seconds that a client may leave a request unfinished

    def do_GET(self) -> None:
        """Answer a GET, or a HEAD without the content."""
        try:
            self._answer()
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True  # the reader has left

    do_HEAD = do_GET

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Refuse every other method: there is nothing to write."""
        if name.startswith("do_"):
            return self._not_allowed
        raise AttributeError(name)

    def _not_allowed(self) -> None:
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})

    def _answer(self) -> None:
        hosts = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        if self.headers.get("Host") not in hosts:
            # Another site's name that was made to point here: its scripts must not read this.
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            return
        split = urlsplit(self.path)
        parts = self._parts(split.path) if self.path.startswith("/") else None
        if parts is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        place = self.server.folder.joinpath(*parts)
        if place.is_dir():
            self._folder(place, split.path, parse_qs(split.query).get("q", [""])[0])
        else:
            self._file(place, parts)

    def _parts(self, path: str) -> list[str] | None:
        """The folders and the file that an address names; None if it may name none."""
        prefix = self.server.prefix
        if not secrets.compare_digest(path[: len(prefix)].encode(), prefix.encode()):
            return None
        try:
            parts = [unquote(part, errors="strict") for part in path[len(prefix) :].split("/")]
        except UnicodeDecodeError:
            return None
        parts = parts[1:-1] if parts[-1] == "" else parts[1:]
        place = self.server.folder
        for part in parts:
            if not part or part.startswith(".") or any(c in part for c in "/\\\0"):
                return None
            place = place / part
            try:
                if place.is_symlink():
                    return None
            except (OSError, ValueError):  # a name that no file can have
                return None
        return parts if place.resolve().is_relative_to(self.server.folder) else None

    def _folder(self, place: Path, path: str, words: str) -> None:
        root, prefix = self.server.folder, self.server.prefix
        if not path.endswith("/"):
            # Links in a report are relative to its folder.
            relative = place.relative_to(root).as_posix()
            target = f"{prefix}/{quote(relative)}/" if relative != "." else f"{prefix}/"
            self._refuse(HTTPStatus.MOVED_PERMANENTLY, {"Location": target})
        elif (place / "run.json").is_file():
            self._page(pages.one(read_run(root, place), prefix))
        elif place == root:
            self._page(pages.index(find_runs(root), words[:200], prefix))
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _file(self, place: Path, parts: list[str]) -> None:
        root = self.server.folder
        folders = [root.joinpath(*parts[:n]) for n in range(len(parts))]
        in_a_run = any((folder / "run.json").is_file() for folder in folders)
        kind = _TYPES.get(place.suffix)
        if not in_a_run or kind is None or not place.is_file():
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            file = place.open("rb")
        except OSError:
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        with file:
            size = place.stat().st_size
            self._head(HTTPStatus.OK, kind, size, {"Content-Security-Policy": _FILE_POLICY})
            if self.command != "HEAD":
                shutil.copyfileobj(file, self.wfile)

    def _page(self, text: str) -> None:
        content = text.encode("utf-8", errors="replace")
        policy = {"Content-Security-Policy": pages.style_policy()}
        self._head(HTTPStatus.OK, _TYPES[".html"], len(content), policy)
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, status: HTTPStatus, headers: dict[str, str] | None = None) -> None:
        content = f"{status.value} {status.phrase}\n".encode()
        policy = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
        self.close_connection = True  # what a refused request carries is not read
        self._head(status, "text/plain; charset=utf-8", len(content), policy | (headers or {}))
        if self.command != "HEAD":
            self.wfile.write(content)

    def _head(self, status: HTTPStatus, kind: str, size: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request at all, with the headers of every other answer."""
        del message, explain
        self._refuse(HTTPStatus(code))

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: there is one reader, who knows what they asked for."""
