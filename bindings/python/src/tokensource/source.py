"""TokenSource, which keeps a token good, and Token, a snapshot of one.

Texts and numbers go in and out of the library here, and that is all: when a token is old, what is asked again and when
is the library's to know.
"""

from __future__ import annotations

import os
import sys
from ctypes import byref

from ._handle import ConfigHandle, ErrorHandle, SourceHandle, TokenHandle
from ._library import library
from .errors import CLOSED, INVALID_ARGUMENT, error_from, error_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime, timedelta
    from types import TracebackType
    from typing import Any, Literal, NoReturn, TypeAlias, TypedDict

    import httpx
    from typing_extensions import Self, Unpack

    from .errors import TokenSourceError
    from .integrations import AiohttpMiddleware, RequestsAuth

    _Seconds: TypeAlias = int | float | str | timedelta | None
    _Text: TypeAlias = str | None
    _File: TypeAlias = str | os.PathLike[str] | None
    _Texts: TypeAlias = str | list[str] | tuple[str, ...] | None

    class Options(TypedDict, total=False):
        """The options of the library, for those who check types: `from tokensource import Options` below
        `if TYPE_CHECKING:`. Which there are is the library's to know.
        """

        provider: _Text
        token_url: _Text
        client_id: _Text
        client_secret: _Text
        client_secret_file: _File
        auth_method: Literal["client_secret_basic", "client_secret_post"] | None
        basic_encoding: Literal["rfc6749", "raw"] | None
        body_format: Literal["form", "json"] | None
        grant_type: _Text
        scope: _Texts
        audience: _Text
        resource: _Texts
        param: Mapping[str, str | None]
        header: Mapping[str, str | None]
        timeout: _Seconds
        connect_timeout: _Seconds
        max_attempts: int | None
        refresh: Literal["background", "inline"] | None
        refresh_ahead: _Seconds
        expiry_margin: _Seconds
        default_lifetime: _Seconds
        ca: Literal["auto", "system", "bundled"] | None
        ca_file: _File
        client_cert_file: _File
        client_key_file: _File
        proxy: _Text
        user_agent: _Text
        allow_insecure_http: bool | None


# Options that take several texts, with spaces between.
_LISTS = ("scope", "resource")
# Options that are any number of options: param.NAME and header.NAME.
_FAMILIES = ("param", "header")

# A wait in the main thread is cut into steps of so many seconds, for signals are seen between two calls.
_STEP = 0.1
# How long an event loop waits before it looks again, at first and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05

_generation = library.tks_source_generation


class Token:
    """An access token and what came with it. Never changes; only its time runs out. Any thread may use it.

    It outlives its source. `repr` and `str` show what came with it, never the token itself; it is not pickled.
    """

    __slots__ = ("_authorization", "_handle")
    _authorization: str
    _handle: TokenHandle

    def __init__(self) -> None:
        raise TypeError("tokens come from TokenSource.token()")

    @property
    def access_token(self) -> str:
        """The token itself: visible ASCII."""
        return _text(library.tks_token_access_token(self._handle))

    @property
    def authorization(self) -> str:
        """The value of the Authorization header: `"Bearer "` and the token."""
        return self._authorization

    @property
    def token_type(self) -> str:
        """The type as the server wrote it; `"Bearer"` if it did not."""
        return _text(library.tks_token_type(self._handle))

    @property
    def scope(self) -> str | None:
        """The scope that the server granted. None: it said nothing, which means what was asked (RFC 6749 section
        5.1)."""
        scope = library.tks_token_scope(self._handle)
        return None if scope is None else _text(scope)

    @property
    def expires_at(self) -> datetime:
        """When the token ends, in UTC, to the second: the wall clock as it is now and `expires_in`."""
        from datetime import datetime, timezone

        return datetime.fromtimestamp(library.tks_token_expires_at(self._handle), timezone.utc)

    @property
    def expires_in(self) -> float:
        """Seconds that the token has left now, whatever was done to the wall clock; 0 when it is past."""
        return library.tks_token_expires_in(self._handle)  # type: ignore[no-any-return]

    @property
    def response(self) -> dict[str, Any]:
        """What the server answered, without access_token, refresh_token and id_token. A new dict each time."""
        import json

        return json.loads(library.tks_token_response(self._handle))  # type: ignore[no-any-return]

    @property
    def generation(self) -> int:
        """The number of the fetch that brought the token: no two tokens of a source have the same."""
        return library.tks_token_generation(self._handle)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<Token {self.generation}, {self.token_type}, scope {self.scope!r}, {self.expires_in:.0f} s left>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Token is a secret and is neither copied nor pickled")

    @classmethod
    def _of(cls, handle: TokenHandle) -> Token:
        token = cls.__new__(cls)
        token._handle = handle
        token._authorization = _text(library.tks_token_authorization(handle))
        return token


class Stats:
    """What a source has done since it was made. `vars()` of it is a dict."""

    def __init__(self, requests: int, failures: int, tokens: int, waits: int) -> None:
        self.requests = requests
        """Requests that were sent to the token endpoint."""
        self.failures = failures
        """Fetches that failed."""
        self.tokens = tokens
        """Fetches that brought a token."""
        self.waits = waits
        """Calls that had to wait for a fetch."""

    def __repr__(self) -> str:
        return f"Stats({', '.join(f'{name}={count}' for name, count in vars(self).items())})"


class TokenSource:
    """Keeps an access token good, by the client-credentials grant (RFC 6749 section 4.4). Any thread and any task may
    use it.

    One source for each kind of token that the program needs, kept for as long as it runs. Keyword arguments are the
    options of the library, which `python -m tokensource options` lists. None unsets an option, durations are seconds or
    a timedelta, `scope` and `resource` may be lists, `param` and `header` are dicts. Nothing is sent before a token is
    asked for.

    ConfigError: there is no such option, its value is no good, or the options do not fit together. TypeError: a value
    is of a type that no option has.

    >>> source = TokenSource(provider="podero", client_id="my-client", client_secret="my-secret", timeout=5)
    >>> source
    <TokenSource client_id='my-client'>
    >>> source.close()
    """

    __slots__ = ("__weakref__", "_current", "_handle", "_name")

    # The number of the last token that was seen, and that token: written as one, so that no thread sees two halves.
    _current: tuple[int, Token | None]
    # None when it is closed; the library takes that for NULL and finds no generation.
    _handle: SourceHandle | None

    def __init__(self, **options: Unpack[Options]) -> None:
        self._current = (-1, None)
        self._handle = None
        self._name = options.get("client_id")
        try:
            self._handle = _made(options)
        except BaseException as error:  # noqa: BLE001
            # Who prints a traceback with its variables shall find no secret in ours.
            del options
            raise error.with_traceback(None)  # noqa: B904

    def token(self) -> Token:
        """A good token.

        At once while there is one, also when it ages and the next is fetched beside it. Otherwise waits for the one
        fetch that all callers share, at most the option `timeout`. Ctrl-C ends the wait, not the fetch; with
        `refresh="inline"` it waits for the fetch. After a failed fetch it raises that error at once for as long as its
        `retry_after` says.

        NetworkError, TokenTimeoutError, OAuthError, ResponseError: the fetch failed. ConfigError: a file can no longer
        be used. ClosedError: the source was closed.
        """
        generation, token = self._current
        if generation == _generation(self._handle):
            return token  # type: ignore[return-value]
        return self._wait()

    def authorization(self) -> str:
        """The value of the Authorization header, `"Bearer "` and the token. Waits and raises as `token()` does."""
        generation, token = self._current
        if generation == _generation(self._handle):
            return token._authorization  # type: ignore[union-attr]
        return self._wait().authorization

    async def token_async(self) -> Token:
        """As `token()`, in asyncio and trio: looks after 1, 2, 4 ... 50 ms whether the fetch has ended. No thread of
        Python's waits. With `refresh="inline"` the fetch would hold up the event loop: leave that option to programs
        without one.
        """
        generation, token = self._current
        if generation == _generation(self._handle):
            return token  # type: ignore[return-value]
        sleep, pause = _sleep_of_this_loop(), _FIRST_PAUSE
        while (token := self._look(0)) is None:
            await sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return token

    async def authorization_async(self) -> str:
        """As `authorization()`, in asyncio and trio."""
        generation, token = self._current
        if generation == _generation(self._handle):
            return token._authorization  # type: ignore[union-attr]
        return (await self.token_async()).authorization

    def invalidate(self, token: Token) -> None:
        """Says that the API refused this token, with a 401 for example. If it is the current one, the next is fetched
        when it is asked for; an older one does nothing. An API that refuses each new token too is answered ever more
        slowly.
        """
        if not isinstance(token, Token):
            raise TypeError(f"a Token is needed, not {type(token).__name__}")
        library.tks_source_invalidate(self._open(), token._handle)

    def warm_up(self) -> None:
        """Starts the first fetch, so that nobody waits for it later. Does not wait; raises as `token()` does."""
        self._look(0)

    @property
    def last_error(self) -> TokenSourceError | None:
        """Why the last fetch failed; None if it brought a token. Shows that refreshes fail while the token is still
        good."""
        error = ErrorHandle()
        library.tks_source_last_error(self._open(), byref(error))
        return error_from(error) if error else None

    @property
    def stats(self) -> Stats:
        """Counts since the source was made. `waits`: how often `token()` or `authorization()` had to wait, in the main
        thread once for each 0.1 s, in others once for each call. Awaiting polls and is not counted.
        """
        handle = self._open()
        return Stats(*(library.tks_source_stat(handle, which) for which in (1, 2, 3, 4)))

    def close(self) -> None:
        """Ends the source: who waits on it gets a ClosedError now, and who asks later too. Tokens stay as they are.
        Does not wait. A source that is dropped needs no close.
        """
        handle, self._handle = self._handle, None
        self._current = (-1, None)
        if handle is not None:
            library.tks_source_close(handle)

    def requests_auth(self) -> RequestsAuth:
        """For requests: `requests.get(url, auth=source.requests_auth())`, or `session.auth = ...`."""
        from .integrations import RequestsAuth

        return RequestsAuth(self)

    def httpx_auth(self) -> httpx.Auth:
        """For httpx: `httpx.Client(auth=source.httpx_auth())`, and the same for AsyncClient."""
        from .integrations import httpx_auth

        return httpx_auth(self)

    def aiohttp_middleware(self, *origins: str) -> AiohttpMiddleware:
        """For aiohttp, 3.12 or later: `ClientSession(middlewares=[source.aiohttp_middleware("https://api.example.com")])`.

        `origins`: who may have the token, as scheme, host and port. Where none is given, it is who gets the first
        request. ValueError: one of them is none.
        """
        from .integrations import AiohttpMiddleware

        return AiohttpMiddleware(self, origins)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<TokenSource client_id={self._name!r}{'' if self._handle else ', closed'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a TokenSource holds a secret and is neither copied nor pickled: make one in each process")

    def _open(self) -> SourceHandle:
        if self._handle is None:
            raise error_of(CLOSED, "the source was closed")
        return self._handle

    def _wait(self) -> Token:
        import threading

        # Only the main thread sees signals, so only it waits in steps. Steps have a price: while one caller tries again
        # after a failure, tks_source_get tells the others at once what failed, but a step cannot tell whose try it is.
        if threading.current_thread() is not threading.main_thread():
            token, error = TokenHandle(), ErrorHandle()
            library.tks_source_get(self._open(), byref(token), byref(error))
            return self._seen(token, error)  # type: ignore[return-value]
        while (seen := self._look(_STEP)) is None:
            pass
        return seen

    def _look(self, seconds: float) -> Token | None:
        """Waits at most so long. None: the fetch is still running."""
        token, error = TokenHandle(), ErrorHandle()
        library.tks_source_get_within(self._open(), seconds, byref(token), byref(error))
        return self._seen(token, error)

    def _seen(self, handle: TokenHandle, error: ErrorHandle) -> Token | None:
        if error:
            raise error_from(error)
        if not handle:
            return None
        token = Token._of(handle)
        self._current = (token.generation, token)
        return token


def _text(value: bytes) -> str:
    return value.decode()


def _made(options: Options) -> SourceHandle:
    config = library.tks_config_new()
    for name, value in options.items():
        if name not in _FAMILIES:
            _set(config, name, value)
        else:
            for own, text in _mapping(name, value).items():
                if not isinstance(own, str):
                    raise TypeError(f"option {name}: its names are str, not {type(own).__name__}")
                _set(config, f"{name}.{own}", text)
    handle, error = SourceHandle(), ErrorHandle()
    library.tks_source_new(config, byref(handle), byref(error))
    if error:
        raise error_from(error)
    return handle


def _mapping(name: str, value: object) -> Mapping[object, object]:
    from collections.abc import Mapping

    if not isinstance(value, Mapping):
        raise TypeError(f"option {name}: a mapping is needed, not {type(value).__name__}")
    return value


def _set(config: ConfigHandle, name: str, value: object) -> None:
    text = wrong_type = None
    try:
        text = _value(name, value)
    except TypeError as refusal:
        wrong_type = refusal
    error = ErrorHandle()
    library.tks_config_set(config, _encoded(name, "the name"), text, byref(error))
    # Who mistook the name is told so first: no type would be right.
    if error:
        raise error_from(error)
    if wrong_type is not None:
        raise wrong_type


def _value(name: str, value: object) -> bytes | None:
    """A value as the library reads it."""
    if value is None:
        return None
    # It would be sent, and not what the file holds.
    if isinstance(value, os.PathLike) and not name.endswith("_file"):
        raise TypeError(f"option {name}: a path is for an option whose name ends in _file, as client_secret_file does")
    if isinstance(value, (str, os.PathLike)):
        return _encoded(os.fsdecode(value), f"option {name}: the value")
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return str(value).encode()
    if isinstance(value, float):
        return _seconds(value)
    if name in _LISTS and isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return _encoded(" ".join(value), f"option {name}: the value")
    from datetime import timedelta

    if isinstance(value, timedelta):
        return _seconds(value.total_seconds())
    kinds = "str, int, float, bool, timedelta or None" + (", or a list of str" if name in _LISTS else "")
    raise TypeError(f"option {name}: {kinds} is needed, not {type(value).__name__}")


def _seconds(value: float) -> bytes:
    """Without an exponent."""
    return f"{value:.9f}".rstrip("0").rstrip(".").encode()


def _encoded(text: str, what: str) -> bytes:
    """As C takes it. The text may be a secret, so no error shows it."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        encoded = None
    # Not where that one is handled: it holds the text, and would be the context of ours.
    if encoded is None:
        raise error_of(INVALID_ARGUMENT, f"{what} holds half a surrogate pair, which is no text")
    if b"\0" in encoded:
        raise error_of(INVALID_ARGUMENT, f"{what} holds a NUL")
    return encoded


def _sleep_of_this_loop() -> Callable[[float], Awaitable[None]]:
    # A program that runs trio has imported it. Its task is asked for, since its loop may be another one's guest.
    if trio := sys.modules.get("trio"):
        try:
            trio.lowlevel.current_task()
        except RuntimeError:
            pass
        else:
            return trio.sleep  # type: ignore[no-any-return]
    import asyncio

    return asyncio.sleep
