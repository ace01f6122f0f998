"""What the tests share: token servers, scripted and real, and an API that wants a token."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import tokensource
from tokensource import Token, TokenSource, TokenSourceError

REPOSITORY = Path(__file__).resolve().parents[3]


def said(by: str, *texts: str) -> None:
    """Keeps a text for the search for secrets that ends `make test`: in one write, since others write too."""
    if folder := os.environ.get("TOKENSOURCE_LEAK_LOG"):
        with open(Path(folder, by), "ab", buffering=0) as file:
            file.write("\n".join(texts).encode(errors="backslashreplace") + b"\0")


def error_said(error: TokenSourceError) -> None:
    said("python", str(error), repr(error), repr(vars(error)), *traceback.format_exception(error))


def shown(thing: Token | TokenSource) -> None:
    # What its own constructor refused has nothing to show.
    with suppress(AttributeError):
        said("python", repr(thing), str(thing))


# Whatever was made is shown once more when it goes.
TokenSourceError.__del__ = error_said
Token.__del__ = TokenSource.__del__ = shown


def shown_of_ours(error: BaseException) -> str:
    """The variables of the package in a traceback that shows them."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    package = str(Path(tokensource.__file__).parent)
    frames = [frame for frame in shown.stack if frame.filename.startswith(package)]
    assert frames
    assert shown.__context__ is None
    return str([frame.locals for frame in frames])


def most_requests(since: float) -> float:
    """How many tokens a source may have asked for since then whose API refuses each: the first, those after two reports
    that act at once, and then one after 1 s, 2 s, 4 s more."""
    return 3 + math.log2(1 + time.monotonic() - since)


def needed(variable: str) -> Path:
    """A file or directory that bindings/python/scripts/test names."""
    value = os.environ.get(variable)
    if not value:
        pytest.fail(f"{variable} is not set: run bindings/python/scripts/test")
    return Path(value)


class Server:
    """A token server that does as a script tells it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._origin = url[: url.index("/oauth2")]

    def seen(self) -> dict[str, Any]:
        with urllib.request.urlopen(self._origin + "/-/seen") as answer:
            return json.load(answer)

    @property
    def requests(self) -> int:
        return self.seen()["requests"]

    def source(self, **options: Any) -> TokenSource:
        return TokenSource(**{"token_url": self.url, "client_id": "id", "client_secret": "horse-battery", **options})


@contextmanager
def running(command: list[Any]) -> Iterator[str]:
    """The first line that a server prints; it ends with its standard input."""
    # What this process imports from is no business of the server's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    process = subprocess.Popen(list(map(str, command)), env=environment, **pipes)
    with process:
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:

        def start(*script: dict[str, Any], arguments: tuple[Any, ...] = ()) -> Server:
            file = tmp_path / f"script-{len(list(tmp_path.iterdir()))}.json"
            file.write_text(json.dumps(script or [{}]))
            program = needed("TOKENSOURCE_TESTSERVER")
            scripted = () if "--fail" in arguments else ("--script", file)
            return Server(stack.enter_context(running([program, "--until-stdin-closes", *scripted, *arguments])))

        yield start


class Api:
    """An API that refuses the tokens in `refused`, echoes bodies, and redirects to where `?to=` says."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.refuses_all = False
        # Of each request: path, Authorization, body.
        self.seen: list[tuple[str, str | None, bytes]] = []
        self.connections: set[tuple[str, int]] = set()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path, _, to = self.path.partition("?to=")
                token = self.headers.get("Authorization")
                api.seen.append((path, token, body))
                api.connections.add(self.client_address)
                if to:
                    self.send_response(307)
                    self.send_header("Location", to)
                    body = b""
                elif not token or api.refuses_all or token.removeprefix("Bearer ") in api.refused:
                    self.send_response(401)
                    body = b"refused"
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.stop()


@pytest.fixture
def other_api() -> Iterator[Api]:
    api = Api()
    yield api
    api.stop()


def python(*arguments: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    """Another interpreter like this one. A hang is a failure."""
    more = {"capture_output": True, "text": True, "timeout": 60, **more}
    ran = subprocess.run([sys.executable, *map(str, arguments)], **more)
    said("python.out", str(ran.stdout), str(ran.stderr))
    return ran
