"""What every adapter does about a 401: report the token, and send the request once more if a new token is there.

This file knows no HTTP library.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._protocol import SourceLike
    from ._token import Token

HEADER = "Authorization"

_UNAUTHORIZED = 401


def report_if_rejected(source: SourceLike, token: Token, status: int, sent: str | bytes | None) -> bool:
    """Reports the token to its source if the API rejected it, and returns whether it did.

    `sent` is the Authorization header of the request that `status` belongs to. After a redirect to another origin that
    header is gone, and a 401 is no verdict on the token.
    """
    if status != _UNAUTHORIZED or sent != token.authorization:
        return False
    source.invalidate(token)
    return True


def is_new(token: Token, rejected: Token) -> bool:
    """Returns whether a retry is worth it. An API that rejects every token gets the same one, and then no retry."""
    return token.generation != rejected.generation
