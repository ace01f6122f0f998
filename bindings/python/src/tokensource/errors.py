"""The errors of this package: one class for each way in which a program would react.

The library writes the messages. Each reports what happened, whose fault it is and what to do next, without secrets.
"""

from __future__ import annotations

from ._header import (
    TKS_BAD_RESPONSE,
    TKS_CLOSED,
    TKS_HTTP,
    TKS_INTERNAL,
    TKS_INVALID_ARGUMENT,
    TKS_INVALID_CONFIG,
    TKS_NETWORK,
    TKS_OAUTH,
    TKS_TIMEOUT,
    TKS_TLS,
)
from ._library import library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._header import ErrorHandle


class TokenSourceError(Exception):
    """The base class of all errors of this package. `str()` returns one printable line without secrets, fit for a log.

    Raised itself for a bug in the library, and for a status that this version does not know.
    """

    status: int = TKS_INTERNAL
    """The status number, as in tokensource.h."""

    @property
    def code(self) -> str:
        """The name of `status` in tokensource.h, such as `"TKS_OAUTH"`; `"TKS_UNKNOWN"` if it has none."""
        name: bytes = library.tks_status_name(self.status)
        return name.decode()

    oauth_error: str | None = None
    """The server's error code, such as `"invalid_client"` (RFC 6749 section 5.2)."""

    oauth_description: str | None = None
    """The server's `error_description`, shortened and made printable."""

    oauth_uri: str | None = None
    """The server's `error_uri`, if it is an http or https URL that can be shown in full."""

    http_status: int | None = None
    """The HTTP status of the server's response; None if there was no response."""

    retry_after: float | None = None
    """Seconds from this error until the source sends the next request; it raises the same error until then. None if it
    never sends another."""

    is_transient: bool = False
    """Whether the same request may succeed later although nothing changes here."""


class ConfigError(TokenSourceError, ValueError):
    """An option is wrong, the options do not fit together, or a file that an option names cannot be used."""

    status = TKS_INVALID_ARGUMENT


class NetworkError(TokenSourceError, ConnectionError):
    """The server could not be reached: name resolution, connection, proxy or TLS."""

    status = TKS_NETWORK


class TokenTimeoutError(TokenSourceError, TimeoutError):
    """The option `timeout` ran out."""

    status = TKS_TIMEOUT


class HttpError(TokenSourceError):
    """The server rejected the request by its HTTP status alone, such as 404, 503 or a redirect: see `http_status`.

    It is transient if the server may recover, as after a 503, and not with a wrong `token_url`, as after a 404.
    """

    status = TKS_HTTP


class OAuthError(TokenSourceError):
    """The server rejected the request and named an OAuth error: see `oauth_error`."""

    status = TKS_OAUTH


class ResponseError(TokenSourceError):
    """The server reported success, but its response cannot be used."""

    status = TKS_BAD_RESPONSE


class ClosedError(TokenSourceError):
    """The source was closed."""

    status = TKS_CLOSED


_CLASSES: dict[int, type[TokenSourceError]] = {
    TKS_INVALID_ARGUMENT: ConfigError,
    TKS_INVALID_CONFIG: ConfigError,
    TKS_NETWORK: NetworkError,
    TKS_TLS: NetworkError,
    TKS_TIMEOUT: TokenTimeoutError,
    TKS_HTTP: HttpError,
    TKS_OAUTH: OAuthError,
    TKS_BAD_RESPONSE: ResponseError,
    TKS_CLOSED: ClosedError,
}


def error_of(status: int, message: str) -> TokenSourceError:
    """Returns the exception for a status; a plain TokenSourceError for a status without a class."""
    error = _CLASSES.get(status, TokenSourceError)(message)
    error.status = status
    return error


def error_from(handle: ErrorHandle) -> TokenSourceError:
    """Returns the exception for an error object of the library."""

    def text(value: bytes | None) -> str | None:
        return None if value is None else value.decode()

    error = error_of(library.tks_error_status(handle), library.tks_error_message(handle).decode())
    error.oauth_error = text(library.tks_error_oauth_error(handle))
    error.oauth_description = text(library.tks_error_oauth_description(handle))
    error.oauth_uri = text(library.tks_error_oauth_uri(handle))
    error.http_status = library.tks_error_http_status(handle) or None
    left = library.tks_error_retry_after(handle)
    error.retry_after = None if left < 0 else left
    error.is_transient = bool(library.tks_error_is_transient(handle))
    return error
