"""What an adapter needs of a source, so that no adapter imports source.py. This file has types alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ._token import Token


class SourceLike(Protocol):
    """The part of TokenSource that the adapters call."""

    def token(self) -> Token: ...

    async def token_async(self) -> Token: ...

    def invalidate(self, token: Token) -> None: ...
