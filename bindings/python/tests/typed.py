"""What a type checker says of a program's own function for sources: the stage `lint` of ../test runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokensource import TokenSource

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from tokensource import Options


def source_of(**options: Unpack[Options]) -> TokenSource:
    options.setdefault("timeout", 5)
    return TokenSource(**options)


if TYPE_CHECKING:
    source_of(client_id="id", scope=["read"], client_secret_file="/run/secrets/id")
    source_of(clientid="id")  # type: ignore[call-arg]
    source_of(client_secret=b"horse-battery")  # type: ignore[arg-type]
