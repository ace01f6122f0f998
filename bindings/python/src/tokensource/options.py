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
# Numbers and booleans become texts.
_Texted: TypeAlias = Mapping[str, str | int | float | None] | None


class Options(TypedDict, total=False):
    """The keyword arguments of `TokenSource`, all optional. `python -m tokensource options` describes each.

    `params`, `headers`, `claims` and `variables` are other names of `param`, `header`, `claim` and `variable`. A number
    in `claim` is sent as text.
    """

    provider: _Text
    provider_file: _File
    variable: _Texted
    variables: _Texted
    token_url: _Text
    issuer: _Text
    client_id: _Text
    client_id_file: _File
    client_secret: _Text
    client_secret_file: _File
    auth_method: (
        Literal[
            "client_secret_basic",
            "client_secret_post",
            "client_secret_jwt",
            "private_key_jwt",
            "client_assertion",
            "tls_client_auth",
            "none",
        ]
        | None
    )
    signing_key_file: _File
    signing_key: _Text
    signing_key_id: _Text
    signing_algorithm: (
        Literal[
            "RS256",
            "RS384",
            "RS512",
            "PS256",
            "PS384",
            "PS512",
            "ES256",
            "ES384",
            "EdDSA",
            "Ed25519",
            "HS256",
            "HS384",
            "HS512",
        ]
        | None
    )
    signing_cert_file: _File
    signing_cert_header: Literal["x5t#S256", "x5t", "x5c"] | None
    assertion_audience: _Text
    assertion_lifetime: _Seconds
    assertion_typ: _Text
    claim: _Texted
    claims: _Texted
    client_assertion_file: _File
    basic_encoding: Literal["rfc6749", "raw"] | None
    body_format: Literal["form", "json"] | None
    grant_type: _Text
    scope: _Texts
    audience: _Text
    resource: _Texts
    assertion_file: _File
    subject_token_file: _File
    subject_token_type: _Text
    requested_token_type: _Text
    refresh_token_file: _File
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
