"""Access tokens for aiohttp, 3.12 or later: `ClientSession(middlewares=[source.aiohttp_middleware(origin)])`. Only this
file imports aiohttp.

Each request to a named origin carries the token that is valid at that moment. After a 401 the token is reported, and
the request is sent once more with a new one if its body can be sent again.
"""

from __future__ import annotations

import aiohttp
from yarl import URL

from . import errors
from ._retry import HEADER, is_new, report_if_rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._protocol import SourceLike
    from ._token import Token


# aiohttp replaces an OSError by a ClientError of its own, without the parts of this package's errors. It lets these two
# classes pass.
class NetworkError(errors.NetworkError, aiohttp.ClientError):
    __doc__ = errors.NetworkError.__doc__

    def __reduce__(self) -> tuple[object, ...]:
        # A process without aiohttp must be able to unpickle it.
        return errors.NetworkError, self.args, vars(self)


class TokenTimeoutError(errors.TokenTimeoutError, aiohttp.ClientError):
    __doc__ = errors.TokenTimeoutError.__doc__

    def __reduce__(self) -> tuple[object, ...]:
        return errors.TokenTimeoutError, self.args, vars(self)


class Middleware:
    """A middleware of an aiohttp session or request.

    aiohttp calls it for each request of a session, also for those of a redirect, and does not mark them. So it goes by
    origins, as aiohttp's own digest authentication does: the named origins, else the origin of the first request.
    """

    def __init__(self, source: SourceLike, *origins: str) -> None:
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
        request.headers[HEADER] = token.authorization
        response = await handler(request)
        if not report_if_rejected(self._source, token, response.status, request.headers[HEADER]):
            return response
        if request.body and request.body.consumed:
            return response
        try:
            another = await self._token()
        except BaseException:
            response.release()
            raise
        if not is_new(another, token):
            return response
        response.release()
        request.headers[HEADER] = another.authorization
        return await handler(request)

    async def _token(self) -> Token:
        try:
            return await self._source.token_async()
        except (errors.NetworkError, errors.TokenTimeoutError) as caught:
            own = NetworkError if isinstance(caught, errors.NetworkError) else TokenTimeoutError
            error = own(*caught.args).with_traceback(caught.__traceback__)
            vars(error).update(vars(caught))
        # Raised outside the handler, so that `caught` does not become its context.
        raise error


def _origin(origin: str) -> URL:
    try:
        return URL(origin).origin()
    except ValueError:
        raise ValueError(f"{origin!r} is not an origin: scheme, host and port, as in https://api.example.com") from None
