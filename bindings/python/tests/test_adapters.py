"""Tokens in requests, httpx and aiohttp: the current header each time, one retry after a 401, and no token for another
origin."""

import asyncio
import io
import pickle
import time

import aiohttp
import httpx
import pytest
import requests
import trio

from conftest import most_requests, package_variables
from tokensource import (
    ClosedError,
    ConfigError,
    HttpError,
    NetworkError,
    OAuthError,
    ResponseError,
    TokenSourceError,
    TokenTimeoutError,
)


def of_requests(source, method, url, body=None):
    with requests.Session() as session:
        session.trust_env = False
        session.auth = source.requests_auth()
        response = session.request(method, url, data=body, timeout=20)
        return response.status_code, response.content


def of_httpx(source, method, url, body=None):
    with httpx.Client(auth=source.httpx_auth(), follow_redirects=True, trust_env=False) as client:
        response = client.request(method, url, content=body)
        return response.status_code, response.content


async def httpx_async(source, method, url, body=None):
    async with httpx.AsyncClient(auth=source.httpx_auth(), follow_redirects=True, trust_env=False) as client:
        response = await client.request(method, url, content=body)
        return response.status_code, response.content


def of_httpx_asyncio(*arguments):
    return asyncio.run(httpx_async(*arguments))


def of_httpx_trio(*arguments):
    return trio.run(httpx_async, *arguments)


def of_aiohttp(source, method, url, body=None):
    async def call():
        async with (
            aiohttp.ClientSession(middlewares=[source.aiohttp_middleware()]) as session,
            session.request(method, url, data=body) as response,
        ):
            return response.status, await response.read()

    return asyncio.run(call())


CLIENTS = pytest.mark.parametrize(
    "call", [of_requests, of_httpx, of_httpx_asyncio, of_httpx_trio, of_aiohttp], ids=lambda call: call.__name__
)


@CLIENTS
def test_each_request_has_the_header(serve, api, call):
    source = serve().source()
    assert call(source, "POST", api.url, b"body") == (200, b"body")
    assert api.seen == [("/", "Bearer token-1", b"body")]


@CLIENTS
def test_after_a_401_the_request_is_sent_once_more_with_a_new_token(serve, api, call):
    server = serve()
    source = server.source()
    source.token()
    api.rejected.add("token-1")
    assert call(source, "POST", api.url, b"body") == (200, b"body")
    assert [(token, body) for _, token, body in api.seen] == [("Bearer token-1", b"body"), ("Bearer token-2", b"body")]
    assert server.requests == 2
    # The connection of the 401 was reused. aiohttp closes it if the response has not arrived completely.
    assert len(api.connections) == 1 or call is of_aiohttp


def test_requests_keeps_the_401_in_the_history_and_the_last_request(serve, api):
    source = serve().source()
    api.rejected.add("token-1")
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(api.url, auth=source.requests_auth(), timeout=20)
    assert [earlier.status_code for earlier in response.history] == [401]
    assert response.request.headers["Authorization"] == "Bearer token-2"


@CLIENTS
def test_an_api_that_rejects_every_token_gets_one_retry(serve, api, call):
    server = serve()
    source = server.source()
    api.rejects_all = True
    started = time.monotonic()
    assert call(source, "GET", api.url) == (401, b"rejected")
    assert len(api.seen) == 2
    for _ in range(5):
        assert call(source, "GET", api.url) == (401, b"rejected")
    # The token server gets few requests for it, and the API no retry without a new token.
    assert server.requests <= most_requests(started)
    assert len(api.seen) == 6 + server.requests - 1


@CLIENTS
def test_a_redirect_to_another_origin_carries_no_token_and_invalidates_none(serve, api, other_api, call):
    server = serve()
    source = server.source()
    # Another port is another origin.
    status, _ = call(source, "GET", f"{api.url}/?to={other_api.url}/elsewhere")
    assert status == 401
    assert [token for _, token, _ in api.seen] == ["Bearer token-1"]
    assert [(path, token) for path, token, _ in other_api.seen] == [("/elsewhere", None)]
    assert server.requests == 1


@CLIENTS
def test_a_redirect_within_the_origin_keeps_the_token(serve, api, call):
    source = serve().source()
    assert call(source, "GET", f"{api.url}/?to=/here")[0] == 200
    assert [token for _, token, _ in api.seen] == ["Bearer token-1"] * 2


def pieces():
    yield b"once"


async def async_pieces():
    yield b"once"


@pytest.mark.parametrize(
    ("call", "body"),
    [(of_requests, pieces), (of_httpx, pieces), (of_httpx_asyncio, async_pieces), (of_aiohttp, async_pieces)],
    ids=lambda value: value.__name__,
)
def test_a_body_that_cannot_be_replayed_is_sent_once(serve, api, call, body):
    source = serve().source()
    source.token()
    api.rejected.add("token-1")
    assert call(source, "POST", api.url, body()) == (401, b"rejected")
    assert [(token, sent) for _, token, sent in api.seen] == [("Bearer token-1", b"once")]
    # The next request carries a new token all the same.
    assert call(source, "POST", api.url, b"x")[0] == 200


@pytest.mark.parametrize("call", [of_requests, of_aiohttp], ids=lambda call: call.__name__)
def test_a_file_is_sent_again_from_its_first_position(serve, api, call):
    source = serve().source()
    source.token()
    api.rejected.add("token-1")
    file = io.BytesIO(b"skipped, body")
    file.seek(9)
    assert call(source, "POST", api.url, file) == (200, b"body")
    assert [sent for _, _, sent in api.seen] == [b"body", b"body"]


def test_aiohttp_sends_the_token_only_to_the_named_origins(serve, api, other_api):
    source = serve().source()

    async def call():
        middleware = source.aiohttp_middleware(f"{other_api.url}/some/path")
        async with aiohttp.ClientSession(middlewares=[middleware]) as session:
            for url in (api.url, other_api.url):
                async with session.get(url):
                    pass

    asyncio.run(call())
    assert (api.seen[0][1], other_api.seen[0][1]) == (None, "Bearer token-1")


@pytest.mark.parametrize("origin", ["api.example.com", "localhost:8080", "//api.example.com", "https://h:65536", ""])
def test_aiohttp_rejects_a_text_that_is_not_an_origin(serve, origin):
    source = serve().source()
    with pytest.raises(ValueError) as caught:
        source.aiohttp_middleware("https://api.example.com", origin)
    assert str(caught.value) == f"{origin!r} is not an origin: scheme, host and port, as in https://api.example.com"


@pytest.mark.parametrize("second", [{}, {"error": "invalid_client"}])
def test_aiohttp_releases_the_connection_of_a_401(serve, second):
    source = serve({}, second).source()

    async def respond(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        # A 401 whose body never ends.
        rejected = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nno"
        writer.write(rejected if b"Bearer token-1" in head else b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    async def call():
        api = await asyncio.start_server(respond, "127.0.0.1", 0)
        url = "http://{}:{}/".format(*api.sockets[0].getsockname())
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1), timeout=aiohttp.ClientTimeout(20))
        async with api, session:
            try:
                async with session.get(url, middlewares=[source.aiohttp_middleware()]) as response:
                    return response.status
            except OAuthError:
                async with session.get(url) as response:
                    return response.status

    assert asyncio.run(call()) == 200


@CLIENTS
@pytest.mark.parametrize("first", [[], [{}]], ids=["at first", "after a 401"])
@pytest.mark.parametrize(
    ("kind", "code", "is_transient", "response"),
    [
        (ConfigError, "TKS_INVALID_CONFIG", False, {}),
        (NetworkError, "TKS_NETWORK", True, {"close": "reset"}),
        (TokenTimeoutError, "TKS_TIMEOUT", True, {"hang": True}),
        (HttpError, "TKS_HTTP", False, {"status": 404}),
        (OAuthError, "TKS_OAUTH", False, {"error": "invalid_client"}),
        (ResponseError, "TKS_BAD_RESPONSE", False, {"body": "<html>"}),
        (ClosedError, "TKS_CLOSED", False, {}),
    ],
)
def test_without_a_token_the_request_raises_the_error_of_the_source(
    serve, api, tmp_path, call, first, kind, code, is_transient, response
):
    secret = tmp_path / "secret"
    secret.write_text("horse-battery")
    times = {"timeout": 0.3 if "hang" in response else 20, "max_attempts": 1}
    source = serve(*first, response).source(client_secret=None, client_secret_file=secret, **times)
    if first:
        source.token()
        api.rejects_all = True
    if kind is ConfigError:
        secret.unlink()
    if kind is ClosedError:
        source.close()
    with pytest.raises(TokenSourceError) as caught:
        call(source, "GET", api.url)
    error = caught.value
    assert not isinstance(error, (requests.RequestException, httpx.HTTPError))
    # aiohttp lets an OSError pass only if it is a ClientError too.
    assert isinstance(error, aiohttp.ClientError) == (call is of_aiohttp and issubclass(kind, OSError))
    assert isinstance(error, kind)
    for same in (error, pickle.loads(pickle.dumps(error))):
        assert (type(same).__name__, str(same)) == (kind.__name__, str(error))
        assert (same.code, same.is_transient, same.retry_after) == (code, is_transient, error.retry_after)
    assert (error.retry_after is None) == (kind is ClosedError)
    assert "token-1" not in package_variables(error)
    with pytest.raises(kind) as again:
        call(source, "GET", api.url)
    # The same type, so that errors can be counted by type.
    assert type(again.value) is type(error)
    assert len(api.seen) == (0 if kind is ClosedError else len(first))
