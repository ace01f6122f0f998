"""What the tests share: scripted token servers, and an API that requires a token."""

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

# By name, since a traceback shows the line that passes it.
CLIENT_SECRET = "horse-battery"


def leak_log(by: str, *texts: str) -> None:
    """Keeps a text for the search for secrets that ends `make test`. One write, since other processes write too."""
    if folder := os.environ.get("TOKENSOURCE_LEAK_LOG"):
        with open(Path(folder, by), "ab", buffering=0) as file:
            file.write("\n".join(texts).encode(errors="backslashreplace") + b"\0")


def log_error(error: TokenSourceError) -> None:
    leak_log("python", str(error), repr(error), repr(vars(error)), *traceback.format_exception(error))


def log_object(thing: Token | TokenSource) -> None:
    # An object whose constructor raised has no attributes to show.
    with suppress(AttributeError):
        leak_log("python", repr(thing), str(thing))


# Logs every error, token and source of a test when it is freed.
TokenSourceError.__del__ = log_error
Token.__del__ = TokenSource.__del__ = log_object


def package_variables(error: BaseException) -> str:
    """Returns the variables of the package's frames in the traceback, as a crash reporter prints them."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    package = str(Path(tokensource.__file__).parent)
    frames = [frame for frame in shown.stack if frame.filename.startswith(package)]
    assert frames
    assert shown.__context__ is None
    return str([frame.locals for frame in frames])


def most_requests(since: float) -> float:
    """Returns how many tokens a source may have fetched since then if the API rejects each. The first, two after the
    reports that take effect at once, and then one after another 1 s, 2 s, 4 s ..."""
    return 3 + math.log2(1 + time.monotonic() - since)


def needed(variable: str) -> Path:
    """Returns the file or directory that bindings/python/scripts/test has put into this variable."""
    value = os.environ.get(variable)
    if not value:
        pytest.fail(f"{variable} is not set: run bindings/python/scripts/test")
    return Path(value)


class Server:
    """A token server that follows a script."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._origin = url[: url.index("/oauth2")]

    def seen(self) -> dict[str, Any]:
        with urllib.request.urlopen(self._origin + "/-/seen") as response:
            return json.load(response)

    @property
    def requests(self) -> int:
        return self.seen()["requests"]

    def source(self, **options: Any) -> TokenSource:
        return TokenSource(**{"token_url": self.url, "client_id": "id", "client_secret": CLIENT_SECRET, **options})


@contextmanager
def running(command: list[Any]) -> Iterator[str]:
    """Runs a server, which ends with its standard input. Yields the first line that it prints."""
    # The server must not import from where this process does.
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
    """An API that rejects the tokens in `rejected`, echoes bodies, and redirects to the URL in `?to=`."""

    def __init__(self) -> None:
        self.rejected: set[str] = set()
        self.rejects_all = False
        # The path, Authorization header and body of each request.
        self.seen: list[tuple[str, str | None, bytes]] = []
        self.connections: set[tuple[str, int]] = set()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
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
                elif not token or api.rejects_all or token.removeprefix("Bearer ") in api.rejected:
                    self.send_response(401)
                    body = b"rejected"
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = respond

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
    """Runs another interpreter like this one. A hang is a failure."""
    more = {"capture_output": True, "text": True, "timeout": 60, **more}
    ran = subprocess.run([sys.executable, *map(str, arguments)], **more)
    leak_log("python.out", str(ran.stdout), str(ran.stderr))
    return ran
