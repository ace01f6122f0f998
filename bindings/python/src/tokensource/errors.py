"""What can go wrong: one class for each thing that a program would do about it, made from the library's numbers.

The texts are the library's: what happened, whose fault it is and what to do next, without secrets.
"""

from __future__ import annotations

from ._library import library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._handle import ErrorHandle


class TokenSourceError(Exception):
    """Anything that this package reports. `str()` of it is one printable line without secrets, for a log."""

    status: int = 9
    """The library's number for it, as in tokensource.h."""

    @property
    def code(self) -> str:
        """The name of `status` in tokensource.h, such as `"TKS_OAUTH"`; `"TKS_UNKNOWN"` where it has none."""
        name: bytes = library.tks_status_name(self.status)
        return name.decode()

    oauth_error: str | None = None
    """The server's code, such as `"invalid_client"` (RFC 6749 section 5.2)."""

    oauth_description: str | None = None
    """The server's `error_description`, shortened and made printable."""

    oauth_uri: str | None = None
    """The server's `error_uri`, where it is an http or https URL that can be shown whole."""

    http_status: int | None = None
    """The HTTP status of the server's answer; None if none came."""

    retry_after: float | None = None
    """Seconds, from when this was raised, until the source asks the server again: until then it raises this at once.
    None if it never will."""

    is_transient: bool = False
    """Whether the same request may well succeed later with nothing changed here."""


class ConfigError(TokenSourceError, ValueError):
    """The options are wrong, singly or together, or a file that one of them names is unusable."""

    status = 1


class NetworkError(TokenSourceError, ConnectionError):
    """The server cannot be reached: name, connection, proxy, TLS."""

    status = 3


class TokenTimeoutError(TokenSourceError, TimeoutError):
    """The option `timeout` ran out."""

    status = 5


class OAuthError(TokenSourceError):
    """The server refused, or answered 404, a redirect or 5xx: see `oauth_error`, which is None where it named none, and
    `http_status`. `is_transient` says whether it may pass."""

    status = 7


class ResponseError(TokenSourceError):
    """The server said yes, but what it answered cannot be used."""

    status = 8


class ClosedError(TokenSourceError):
    """The source was closed."""

    status = 11


INVALID_ARGUMENT, CLOSED = 1, 11

_CLASSES: dict[int, type[TokenSourceError]] = {
    INVALID_ARGUMENT: ConfigError,
    2: ConfigError,
    3: NetworkError,
    4: NetworkError,
    5: TokenTimeoutError,
    6: OAuthError,
    7: OAuthError,
    8: ResponseError,
    CLOSED: ClosedError,
}


def error_of(status: int, message: str) -> TokenSourceError:
    """The exception for a status. A number that is not known here is a plain TokenSourceError."""
    error = _CLASSES.get(status, TokenSourceError)(message)
    error.status = status
    return error


def error_from(handle: ErrorHandle) -> TokenSourceError:
    """The exception for an error that the library handed out."""

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
