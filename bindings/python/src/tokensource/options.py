"""The options of a TokenSource as a type. This file must not check a value: the library does.

It imports `typing`, so `import tokensource` loads it only when the program uses `Options`.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, TypeAlias, TypedDict

_Seconds: TypeAlias = int | float | str | timedelta | None
_Text: TypeAlias = str | None
_File: TypeAlias = str | os.PathLike[str] | None
_Texts: TypeAlias = str | list[str] | tuple[str, ...] | None
_Named: TypeAlias = Mapping[str, str | None] | None


class Options(TypedDict, total=False):
    """The keyword arguments of `TokenSource`, all optional. `python -m tokensource options` describes each.

    `params` and `headers` are other names of `param` and `header`.
    """

    provider: _Text
    token_url: _Text
    client_id: _Text
    client_id_file: _File
    client_secret: _Text
    client_secret_file: _File
    auth_method: Literal["client_secret_basic", "client_secret_post"] | None
    basic_encoding: Literal["rfc6749", "raw"] | None
    body_format: Literal["form", "json"] | None
    grant_type: _Text
    scope: _Texts
    audience: _Text
    resource: _Texts
    param: _Named
    params: _Named
    header: _Named
    headers: _Named
    response: _Named
    token_type: _Text
    timeout: _Seconds
    connect_timeout: _Seconds
    max_attempts: int | None
    refresh: Literal["background", "inline"] | None
    refresh_ahead: _Seconds
    expiry_margin: _Seconds
    default_lifetime: _Seconds
    max_lifetime: _Seconds
    ca: Literal["auto", "system", "bundled"] | None
    ca_file: _File
    client_cert_file: _File
    client_key_file: _File
    proxy: _Text
    user_agent: _Text
    allow_insecure_http: bool | None
