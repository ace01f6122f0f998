"""Access tokens for httpx: `httpx.Client(auth=source.httpx_auth())`, or AsyncClient. Only this file imports httpx.

Each request carries the token that is valid at that moment. After a 401 the token is reported, and the request is sent
once more with a new one if its body can be sent again. httpx itself removes the header on a redirect to another origin.
"""

from __future__ import annotations

import httpx

from ._retry import HEADER, is_new, report_if_rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from ._protocol import SourceLike
    from ._token import Token


class Auth(httpx.Auth):
    """The `auth` of an httpx client or request."""

    def __init__(self, source: SourceLike) -> None:
        self._source = source

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._source.token()
        response = yield _authorized(request, token)
        if self._may_retry(request, token, response) and is_new(another := self._source.token(), token):
            yield _authorized(request, another)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self._source.token_async()
        response = yield _authorized(request, token)
        if self._may_retry(request, token, response) and is_new(another := await self._source.token_async(), token):
            yield _authorized(request, another)

    def _may_retry(self, request: httpx.Request, token: Token, response: httpx.Response) -> bool:
        # The response may belong to a redirect's request. Only a body that httpx holds in memory can be sent again.
        rejected = report_if_rejected(self._source, token, response.status_code, response.request.headers.get(HEADER))
        return rejected and isinstance(request.stream, httpx.ByteStream)


def _authorized(request: httpx.Request, token: Token) -> httpx.Request:
    request.headers[HEADER] = token.authorization
    return request
