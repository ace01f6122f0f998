"""TokenSource: an access token that is always valid.

It passes texts and numbers to the library and back, and keeps the current Token for the fast path. It must not decide
when a token is old, when a fetch starts or what a request contains: the library does.
"""

from __future__ import annotations

import sys
from ctypes import byref

from ._header import (
    TKS_CLOSED,
    TKS_STAT_FAILURES,
    TKS_STAT_REQUESTS,
    TKS_STAT_TOKENS,
    TKS_STAT_WAITS,
    ErrorHandle,
    TokenHandle,
)
from ._library import library
from ._token import Token
from .errors import error_from, error_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from inspect import Signature
    from types import TracebackType
    from typing import NoReturn

    from typing_extensions import Self, Unpack

    from . import aiohttp, httpx, requests
    from ._header import SourceHandle
    from .errors import TokenSourceError
    from .options import Options

# Python handles signals between two calls into the library, so the main thread waits in steps of this many seconds.
_STEP = 0.1
# The first and the longest pause of an event loop between two looks at a running fetch.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05

_generation = library.tks_source_generation


class Stats:
    """What a source has done since it was made. `vars(stats)` is a dict."""

    def __init__(self, requests: int, failures: int, tokens: int, waits: int) -> None:
        self.requests = requests
        """Requests sent, also for the metadata of `issuer`."""
        self.failures = failures
        """Fetches that failed."""
        self.tokens = tokens
        """Fetches that returned a token."""
        self.waits = waits
        """Calls that waited for a fetch."""

    def __repr__(self) -> str:
        return f"Stats({', '.join(f'{name}={count}' for name, count in vars(self).items())})"


class _Signature:
    """The options as keyword-only parameters, for `help()` and `inspect.signature()`.

    Made from `Options` when something reads it, so the import does not pay for it.
    """

    def __get__(self, _: TokenSource | None, owner: type[TokenSource]) -> Signature:
        if owner.__init__ is not TokenSource.__init__:
            raise AttributeError("__signature__")
        from inspect import Parameter, Signature

        from .options import Options

        return Signature(
            [
                Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
                for name, annotation in Options.__annotations__.items()
            ]
        )


class TokenSource:
    """An access token that is always valid, from the client credentials grant (RFC 6749 section 4.4).

    Any thread and any task may use a source. Make one for each kind of token, and keep it while the program runs. The
    constructor sends nothing: the first fetch starts when a token is needed.

    The keyword arguments are the options of the library; `python -m tokensource options` describes each. None unsets an
    option. Durations are seconds or a timedelta, `scope` and `resource` may be lists. `params` and `headers` are dicts
    of further request parameters and headers, `claims` is one of further claims of an assertion, and `variables` is one
    of what a provider needs to know. Each may be written in the singular. Claims are texts: a number is sent as text.
    An option whose name ends in `_file` takes a path, also a `pathlib.Path`.

    Raises ConfigError if an option does not exist, its value is not allowed, or the options do not fit together. Raises
    TypeError for a value of a type that no option takes, and if `param` and `params` are both given.

    >>> source = TokenSource(
    ...     token_url="https://login.example.com/oauth2/token", client_id="my-client", client_secret="my-secret"
    ... )
    >>> source
    <TokenSource client_id='my-client'>
    >>> source.close()
    """

    __slots__ = ("__weakref__", "_current", "_handle", "_name")

    __signature__ = _Signature()

    # The generation of the last token that was seen, and that token: one attribute, so that a thread replaces both at
    # once.
    _current: tuple[int, Token | None]
    # None once it is closed. The library takes that as NULL, whose generation matches no token.
    _handle: SourceHandle | None

    def __init__(self, **options: Unpack[Options]) -> None:
        from ._config import source_of

        self._current = (-1, None)
        self._handle = None
        self._name = options.get("client_id")
        try:
            self._handle = source_of(options)
        except BaseException as error:  # noqa: BLE001
            # A traceback that is printed with its variables must show no secret of this package's frames.
            del options
            raise error.with_traceback(None)  # noqa: B904

    def token(self) -> Token:
        """Returns a valid token.

        Returns at once while the source has one, also while a refresh runs in the background. Otherwise it waits for
        the fetch that all callers share, at most the option `timeout`. Ctrl-C ends the wait and not the fetch; with
        `refresh="inline"` it takes effect after the fetch. After a failed fetch it raises the same error at once until
        `retry_after` has passed.

        Raises NetworkError, TokenTimeoutError, HttpError, OAuthError or ResponseError if the fetch failed, ConfigError
        if a file can no longer be used, and ClosedError if the source was closed.
        """
        generation, token = self._current
        if generation == _generation(self._handle):
            return token  # type: ignore[return-value]
        return self._wait()

    def authorization(self) -> str:
        """Returns the value of the Authorization header: `"Bearer "` and the token. Waits and raises as `token()`."""
        generation, token = self._current
        if generation == _generation(self._handle):
            return token._authorization  # type: ignore[union-attr]
        return self._wait().authorization

    async def token_async(self) -> Token:
        """Returns a valid token as `token()` does, for asyncio and trio.

        While a fetch runs it looks again after 1, 2, 4 ... 50 ms, and no Python thread waits. With `refresh="inline"`
        the fetch would block the event loop: do not set that option in a program with one.
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
        """Returns the value of the Authorization header as `authorization()` does, for asyncio and trio."""
        generation, token = self._current
        if generation == _generation(self._handle):
            return token._authorization  # type: ignore[union-attr]
        return (await self.token_async()).authorization

    def invalidate(self, token: Token) -> None:
        """Reports that the API rejected this token, for example with a 401.

        If it is the current token, the next call that needs a token fetches a new one. An older token changes nothing.
        If the API rejects each new token too, the source fetches ever more slowly.
        """
        if not isinstance(token, Token):
            raise TypeError(f"invalidate() takes a Token, not {type(token).__name__}")
        library.tks_source_invalidate(self._open(), token._handle)

    def warm_up(self) -> None:
        """Starts the first fetch, so that no caller waits for it later. Does not wait; raises as `token()` does."""
        self._look(0)

    @property
    def last_error(self) -> TokenSourceError | None:
        """Why the last fetch failed; None if it returned a token. Also set while the cached token is still valid."""
        error = ErrorHandle()
        library.tks_source_last_error(self._open(), byref(error))
        return error_from(error) if error else None

    @property
    def stats(self) -> Stats:
        """Counts since the source was made.

        `waits` counts calls of `token()` and `authorization()` that waited: in the main thread once for each 0.1 s, in
        other threads once for each call. Awaiting polls and is not counted.
        """
        handle = self._open()
        return Stats(
            requests=library.tks_source_stat(handle, TKS_STAT_REQUESTS),
            failures=library.tks_source_stat(handle, TKS_STAT_FAILURES),
            tokens=library.tks_source_stat(handle, TKS_STAT_TOKENS),
            waits=library.tks_source_stat(handle, TKS_STAT_WAITS),
        )

    def close(self) -> None:
        """Closes the source: every waiting and every later call raises ClosedError. Does not wait.

        Its tokens stay usable. A source that is garbage collected needs no close.
        """
        handle, self._handle = self._handle, None
        self._current = (-1, None)
        if handle is not None:
            library.tks_source_close(handle)

    def requests_auth(self) -> requests.Auth:
        """Returns the `auth` for requests: `requests.get(url, auth=source.requests_auth())`, also for a session."""
        from .requests import Auth

        return Auth(self)

    def httpx_auth(self) -> httpx.Auth:
        """Returns the `auth` for httpx: `httpx.Client(auth=source.httpx_auth())`, and the same for AsyncClient."""
        from .httpx import Auth

        return Auth(self)

    def aiohttp_middleware(self, *origins: str) -> aiohttp.Middleware:
        """Returns a middleware for aiohttp, 3.12 or later:
        `ClientSession(middlewares=[source.aiohttp_middleware("https://api.example.com")])`.

        `origins` name the servers that may receive the token, by scheme, host and port. Without any, the token goes to
        the origin of the first request. Raises ValueError for a text that is not an origin.
        """
        from .aiohttp import Middleware

        return Middleware(self, *origins)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<TokenSource client_id={self._name!r}{'' if self._handle else ', closed'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a TokenSource holds a secret and cannot be copied or pickled: make one in each process")

    @classmethod
    def _of(cls, handle: SourceHandle) -> TokenSource:
        source = cls.__new__(cls)
        source._current, source._handle, source._name = (-1, None), handle, None
        return source

    def _open(self) -> SourceHandle:
        if self._handle is None:
            raise error_of(TKS_CLOSED, "the source was closed")
        return self._handle

    def _wait(self) -> Token:
        import threading

        # Only the main thread handles signals, so only it waits in steps. Steps have a price. While one caller probes
        # after a failure, tks_source_get returns that failure to the others at once. A step cannot: it does not know
        # which caller started the probe.
        if threading.current_thread() is not threading.main_thread():
            token, error = TokenHandle(), ErrorHandle()
            library.tks_source_get(self._open(), byref(token), byref(error))
            return self._seen(token, error)  # type: ignore[return-value]
        while (seen := self._look(_STEP)) is None:
            pass
        return seen

    def _look(self, seconds: float) -> Token | None:
        """Waits at most this long for a token. Returns None if the fetch is still running."""
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


def _sleep_of_this_loop() -> Callable[[float], Awaitable[None]]:
    # A program that runs trio has imported it. Ask for the current task, since trio may run as a guest of asyncio.
    if trio := sys.modules.get("trio"):
        try:
            trio.lowlevel.current_task()
        except RuntimeError:
            pass
        else:
            return trio.sleep  # type: ignore[no-any-return]
    import asyncio

    return asyncio.sleep
