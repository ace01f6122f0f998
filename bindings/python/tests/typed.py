"""What type checkers report for a program that uses `Options`. `lint` in ../scripts/test runs them on this file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tokensource import Options, TokenSource
from tokensource.requests import Auth

if TYPE_CHECKING:
    from typing_extensions import Unpack


def source_of(**options: Unpack[Options]) -> TokenSource:
    options.setdefault("timeout", 5)
    return TokenSource(**options)


def with_a_dict() -> TokenSource:
    options: Options = {"client_id": "id", "params": {"tenant": "a"}, "header": {"X-Tenant": "a"}}
    return TokenSource(**options)


if TYPE_CHECKING:
    source_of(client_id="id", scope=["read"], client_secret_file="/run/secrets/id")
    source_of(provider="entra", variables={"tenant": "a"}, signing_key_file=Path("key.pem"), claims={"level": 3})
    source_of(auth_method="private_key_jwt", signing_algorithm="ES256", claim={"left": None}, variable=None)
    source_of(claims={"list": ["a"]})  # type: ignore[dict-item]
    source_of(auth_method="private_key")  # type: ignore[arg-type]
    source_of(clientid="id")  # type: ignore[call-arg]
    source_of(client_secret=b"horse-battery")  # type: ignore[arg-type]
    Auth(with_a_dict())
    Auth("token")  # type: ignore[arg-type]
