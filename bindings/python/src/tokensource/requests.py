"""Access tokens for requests: `session.auth = source.requests_auth()`. Only this file imports requests.

Each request carries the token that is valid at that moment. After a 401 the token is reported, and the request is sent
once more with a new one if its body can be sent again. requests itself removes the header on a redirect to another
origin.
"""

from __future__ import annotations

from requests.auth import AuthBase
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from ._retry import HEADER, is_new, report_if_rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from requests import PreparedRequest, Response

    from ._protocol import SourceLike
    from ._token import Token


class Auth(AuthBase):
    """The `auth` of a requests session or request."""

    def __init__(self, source: SourceLike) -> None:
        self._source = source

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        token = self._source.token()
        request.headers[HEADER] = token.authorization

        def handle(response: Response, **how: Any) -> Response:  # noqa: ANN401
            return self._retried(token, response, how)

        request.register_hook("response", handle)
        return request

    def _retried(self, token: Token, response: Response, how: dict[str, Any]) -> Response:
        # This hook also runs for the request that follows a redirect.
        if not report_if_rejected(self._source, token, response.status_code, response.request.headers.get(HEADER)):
            return response
        request = response.request.copy()
        if not _rewound(request):
            return response
        # requests reuses a connection only if the body was read to its end.
        response.content  # noqa: B018
        response.close()
        another = self._source.token()
        if not is_new(another, token):
            return response
        request.headers[HEADER] = another.authorization
        again: Response = response.connection.send(request, **how)
        again.history.append(response)
        again.request = request
        return again


def _rewound(request: PreparedRequest) -> bool:
    """Rewinds the body to where it began, and returns whether that worked."""
    if request.body is None or isinstance(request.body, (bytes, str)):
        return True
    try:
        rewind_body(request)
    except UnrewindableBodyError:
        return False
    return True
