"""Prints the header that Podero's API wants. With PODERO_TOKEN_URL the token comes from elsewhere."""

import os

from tokensource import TokenSource

source = TokenSource(
    provider="podero",
    client_id=os.environ["PODERO_CLIENT_ID"],
    client_secret=os.environ["PODERO_CLIENT_SECRET"],
    token_url=os.environ.get("PODERO_TOKEN_URL"),  # None: the provider's
    timeout=5,
)
print("Authorization:", source.authorization())
