"""Token, a snapshot of one access token. It only reads what the library holds."""

from __future__ import annotations

from ._library import library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, NoReturn

    from ._header import TokenHandle


class Token:
    """An access token with the parts of its response. Immutable; only its remaining lifetime changes.

    Any thread may use it, and it outlives its source. `repr` and `str` never show the access token, and a Token cannot
    be pickled.
    """

    __slots__ = ("_authorization", "_handle")
    _authorization: str
    _handle: TokenHandle

    def __init__(self) -> None:
        raise TypeError("a Token comes from TokenSource.token()")

    @property
    def access_token(self) -> str:
        """The access token itself, in visible ASCII."""
        return _text(library.tks_token_access_token(self._handle))

    @property
    def authorization(self) -> str:
        """The value of the Authorization header: `"Bearer "` and the access token."""
        return self._authorization

    @property
    def token_type(self) -> str:
        """The token type as the server wrote it; `"Bearer"` if the response has none."""
        return _text(library.tks_token_type(self._handle))

    @property
    def scope(self) -> str | None:
        """The scope that the server granted. None means the requested scope (RFC 6749 section 5.1)."""
        scope = library.tks_token_scope(self._handle)
        return None if scope is None else _text(scope)

    @property
    def expires_at(self) -> datetime:
        """When the token expires, in UTC, to the second. Computed from the current wall clock and `expires_in`."""
        from datetime import datetime, timezone

        return datetime.fromtimestamp(library.tks_token_expires_at(self._handle), timezone.utc)

    @property
    def expires_in(self) -> float:
        """Seconds until the token expires, whatever happens to the wall clock; 0 once it has expired."""
        return library.tks_token_expires_in(self._handle)  # type: ignore[no-any-return]

    @property
    def response(self) -> dict[str, Any]:
        """The server's response without access_token, refresh_token and id_token. A new dict each time."""
        import json

        return json.loads(library.tks_token_response(self._handle))  # type: ignore[no-any-return]

    @property
    def generation(self) -> int:
        """The number of the fetch that returned the token. No two tokens of a source have the same."""
        return library.tks_token_generation(self._handle)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<Token {self.generation}, {self.token_type}, scope {self.scope!r}, {self.expires_in:.0f} s left>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Token holds a secret and cannot be copied or pickled")

    @classmethod
    def _of(cls, handle: TokenHandle) -> Token:
        token = cls.__new__(cls)
        token._handle = handle
        token._authorization = _text(library.tks_token_authorization(handle))
        return token


def _text(value: bytes) -> str:
    return value.decode()
