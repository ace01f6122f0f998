"""An OAuth 2.0 access token that is always valid.

>>> from tokensource import TokenSource
>>> source = TokenSource(
...     token_url="https://login.example.com/oauth2/token", client_id="my-client", client_secret="my-secret"
... )
>>> headers = {"Authorization": source.authorization()}  # doctest: +SKIP

This file only names what the package offers. It must not import what only some programs need.
"""

from ._token import Token
from .errors import (
    ClosedError,
    ConfigError,
    HttpError,
    NetworkError,
    OAuthError,
    ResponseError,
    TokenSourceError,
    TokenTimeoutError,
)
from .source import Stats, TokenSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .options import Options
else:

    def __getattr__(name: str) -> object:
        # Options needs `typing`, which costs more than the rest of the import.
        if name == "Options":
            from .options import Options

            return Options
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__version__ = "0.1.0"

__all__ = [
    "ClosedError",
    "ConfigError",
    "HttpError",
    "NetworkError",
    "OAuthError",
    "Options",
    "ResponseError",
    "Stats",
    "Token",
    "TokenSource",
    "TokenSourceError",
    "TokenTimeoutError",
]
