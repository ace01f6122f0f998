"""Prints the header that Podero's API wants."""

import os

from tokensource import TokenSource

with TokenSource(
    provider="podero",
    client_id=os.environ["PODERO_CLIENT_ID"],
    client_secret=os.environ["PODERO_CLIENT_SECRET"],
    token_url=os.environ["PODERO_TOKEN_URL"],
) as source:
    print("Authorization:", source.authorization())
