"""An OAuth 2.0 access token that is always good.

>>> from tokensource import TokenSource
>>> source = TokenSource(provider="podero", client_id="my-client", client_secret="my-secret")
>>> headers = {"Authorization": source.authorization()}  # doctest: +SKIP
"""

from .errors import (
    ClosedError,
    ConfigError,
    NetworkError,
    OAuthError,
    ResponseError,
    TokenSourceError,
    TokenTimeoutError,
)
from .source import Stats, Token, TokenSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .source import Options as Options

__version__ = "0.1.0"

__all__ = [
    "ClosedError",
    "ConfigError",
    "NetworkError",
    "OAuthError",
    "ResponseError",
    "Stats",
    "Token",
    "TokenSource",
    "TokenSourceError",
    "TokenTimeoutError",
]
