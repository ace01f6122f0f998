"""The examples and the README do what they promise."""

import asyncio
import os
import re
import runpy
import time
from pathlib import Path

import httpx
import pytest

from conftest import REPOSITORY, most_requests, python
from tokensource import OAuthError, TokenSource

HERE = REPOSITORY / "bindings/python"
CLIENT = {"CLIENT_ID": "test-client", "CLIENT_SECRET": "test-secret", "NO_PROXY": "127.0.0.1"}


def test_the_example_for_a_provider(serve):
    client = {f"PODERO_{name}": value for name, value in CLIENT.items()}
    client["PODERO_TOKEN_URL"] = serve(arguments=("--dialect", "podero")).url
    ran = python(HERE / "examples/podero.py", env={**os.environ, **client})
    assert (re.sub("[A-Za-z0-9]{30}", "TOKEN", ran.stdout), ran.stderr) == ("Authorization: Bearer TOKEN\n", "")


def test_the_example_for_any_server(serve):
    server = serve()
    ran = python(HERE / "examples/generic.py", env={**os.environ, **CLIENT, "TOKEN_URL": server.url})
    assert (ran.stdout, ran.stderr) == ("Authorization: Bearer token-1\n", "")
    body = server.seen()["last"]["body"]
    assert "scope=read" in body and "audience=https%3A%2F%2Fapi.example.com" in body


@pytest.mark.parametrize("library", ["requests", "httpx", "aiohttp", "urllib"])
def test_the_example_for_a_library(serve, api, library):
    url = serve(arguments=("--dialect", "gardin")).url
    ran = python(HERE / f"examples/with_{library}.py", url, api.url, env={**os.environ, **CLIENT})
    assert (ran.stdout, ran.stderr) == ("200 /assets\n200 /prices\n", "")
    assert len({token for _, token, _ in api.seen}) == 1


def test_the_example_for_urllib_retries_a_401_only_with_a_new_token(serve, api, monkeypatch, capsys):
    server = serve()
    api.rejected.add("token-1")
    monkeypatch.setattr("sys.argv", ["with_urllib.py", server.url, api.url])
    for name, value in CLIENT.items():
        monkeypatch.setenv(name, value)
    started = time.monotonic()
    program = runpy.run_path(HERE / "examples/with_urllib.py")
    assert capsys.readouterr().out == "200 /assets\n200 /prices\n"
    assert [token for _, token, _ in api.seen] == ["Bearer token-1", "Bearer token-2", "Bearer token-2"]
    api.rejects_all = True
    assert [program["get"](api.url) for _ in range(6)] == [401] * 6
    assert server.requests <= most_requests(started)
    assert len(api.seen) == 3 + 6 + server.requests - 2


def test_the_example_for_asyncio(serve):
    url = serve({"delay": 0.2}).url
    ran = python(HERE / "examples/with_asyncio.py", url, env={**os.environ, **CLIENT})
    assert (ran.stdout, ran.stderr) == ("100 tasks, 1 token, 1 request\n", "")


def test_the_demo(serve):
    urls = [serve(arguments=("--dialect", dialect)).url for dialect in ("podero", "gardin")]
    ran = python(HERE / "demo.py", *urls)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.fullmatch(r"\nPython\n  podero +\S{6}\.\.\. \(30 .*\n  gardin +eyJ.*\n", ran.stdout)


def test_the_code_in_the_readme_runs(serve, api, monkeypatch):
    url = serve({}).url
    blocks = re.findall(r"^```python run by .*\n([^`]*)", Path(HERE / "README.md").read_text(), re.MULTILINE)
    assert len(blocks) >= 4

    class OnThisMachine(TokenSource):
        __slots__ = ()

        def __init__(self, **options):
            replaced = {"token_url": url, "client_secret_file": None, "client_secret": "hunter2"}
            super().__init__(**{**options, **replaced})

    names = {"TokenSource": OnThisMachine}
    for block in blocks:
        code = block.replace("https://api.example.com", api.url)
        code = code.replace("from tokensource import TokenSource\n", "")
        exec(compile(code, "README.md", "exec"), names)
    assert {token for _, token, _ in api.seen} == {"Bearer token-1"}

    stand_in = names["stand_in"]
    assert isinstance(stand_in, TokenSource)
    assert stand_in.authorization() == "Bearer test"
    with pytest.raises(OAuthError):
        asyncio.run(stand_in.token_async())
    with pytest.raises(AttributeError):
        stand_in.access_token  # noqa: B018

    api.seen.clear()
    names["test_the_program"](monkeypatch)
    assert httpx.get(api.url, auth=names["source"].httpx_auth(), trust_env=False).status_code == 401
    assert asyncio.run(names["main"]()) == "rejected"
    assert [token for _, token, _ in api.seen] == ["Bearer test", None, None]
