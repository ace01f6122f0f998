"""The token in the places where people use one: requests, httpx and aiohttp.

Each request gets the header that is good at that moment. If the API says 401 to it, the token is reported and the
request is sent once more with the next one, where its body can be sent twice. Where there is no next one, since the
source has had enough of replacing, the 401 is the caller's. The header never goes to another origin: what requests and
httpx take out of a redirect stays out, and for aiohttp the origins are named. None of the three is imported before it
is used.
"""

from __future__ import annotations

from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
    from typing import Any

    import aiohttp
    import httpx
    import requests
    from yarl import URL

    from .source import Token, TokenSource

_HEADER = "Authorization"
_REFUSED = 401


class RequestsAuth:
    """What requests takes as `auth`."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._source.token()
        request.headers[_HEADER] = token.authorization

        def handle(response: requests.Response, **how: Any) -> requests.Response:  # noqa: ANN401
            return self._retried(token, response, how)

        request.register_hook("response", handle)
        return request

    def _retried(self, token: Token, response: requests.Response, how: dict[str, Any]) -> requests.Response:
        # A redirect to another origin has lost the header, but not this hook.
        if response.status_code != _REFUSED or response.request.headers.get(_HEADER) != token.authorization:
            return response
        self._source.invalidate(token)
        request = response.request.copy()
        if not _rewound(request):
            return response
        # Only a connection that was read to its end is used again.
        response.content  # noqa: B018
        response.close()
        another = self._source.token()
        if another.generation == token.generation:
            return response
        request.headers[_HEADER] = another.authorization
        again: requests.Response = response.connection.send(request, **how)
        again.history.append(response)
        again.request = request
        return again


def _rewound(request: requests.PreparedRequest) -> bool:
    """Whether the body can be sent again, from where it began."""
    from requests.exceptions import UnrewindableBodyError
    from requests.utils import rewind_body

    if request.body is None or isinstance(request.body, (bytes, str)):
        return True
    try:
        rewind_body(request)
    except UnrewindableBodyError:
        return False
    return True


def httpx_auth(source: TokenSource) -> httpx.Auth:
    """What httpx takes as `auth`."""
    import httpx

    def wants_another(token: Token, request: httpx.Request, response: httpx.Response) -> bool:
        # The answer may be that of a redirect, and to another origin that has lost the header.
        if response.status_code != _REFUSED or response.request.headers.get(_HEADER) != token.authorization:
            return False
        source.invalidate(token)
        return isinstance(request.stream, httpx.ByteStream)

    class HttpxAuth(httpx.Auth):
        def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            token = source.token()
            request.headers[_HEADER] = token.authorization
            response = yield request
            if wants_another(token, request, response):
                another = source.token()
                if another.generation != token.generation:
                    request.headers[_HEADER] = another.authorization
                    yield request

        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            token = await source.token_async()
            request.headers[_HEADER] = token.authorization
            response = yield request
            if wants_another(token, request, response):
                another = await source.token_async()
                if another.generation != token.generation:
                    request.headers[_HEADER] = another.authorization
                    yield request

    return HttpxAuth()


def _origin(origin: str) -> URL:
    from yarl import URL

    try:
        return URL(origin).origin()
    except ValueError:
        raise ValueError(f"{origin!r} is no origin: scheme, host and port, as in https://api.example.com") from None


@cache
def _passing(kind: type[OSError]) -> type[OSError]:
    """The same kind for aiohttp. Of any other OSError it makes a ClientError of its own, without the parts."""
    import aiohttp

    class Passing(kind, aiohttp.ClientError):  # type: ignore[misc, valid-type]
        def __reduce__(self) -> tuple[object, ...]:
            return kind, self.args, vars(self)

    Passing.__name__, Passing.__qualname__, Passing.__module__ = kind.__name__, kind.__qualname__, kind.__module__
    return Passing


class AiohttpMiddleware:
    """What aiohttp takes in `middlewares`.

    aiohttp calls it for each request of a session, those of redirects too, and does not say which are; so it goes by
    origins, as aiohttp's own digest authentication does: those that are given, else that of the first request.
    """

    def __init__(self, source: TokenSource, origins: tuple[str, ...]) -> None:
        self._source = source
        self._origins = {_origin(origin) for origin in origins}

    async def __call__(
        self,
        request: aiohttp.ClientRequest,
        handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
    ) -> aiohttp.ClientResponse:
        origin = request.url.origin()
        if not self._origins:
            self._origins.add(origin)
        if origin not in self._origins:
            return await handler(request)
        token = await self._token()
        request.headers[_HEADER] = token.authorization
        response = await handler(request)
        if response.status != _REFUSED:
            return response
        self._source.invalidate(token)
        if request.body and request.body.consumed:
            return response
        try:
            another = await self._token()
        except BaseException:
            response.release()
            raise
        if another.generation == token.generation:
            return response
        response.release()
        request.headers[_HEADER] = another.authorization
        return await handler(request)

    async def _token(self) -> Token:
        try:
            return await self._source.token_async()
        except OSError as caught:
            passing = _passing(type(caught))  # type: ignore[arg-type]
            error = passing(*caught.args).with_traceback(caught.__traceback__)
            vars(error).update(vars(caught))
        raise error
