"""Prints the Authorization header for Podero's API. PODERO_TOKEN_URL replaces the token URL of the provider."""

import os

from tokensource import TokenSource

source = TokenSource(
    provider="podero",
    client_id=os.environ["PODERO_CLIENT_ID"],
    client_secret=os.environ["PODERO_CLIENT_SECRET"],
    token_url=os.environ.get("PODERO_TOKEN_URL"),  # None: that of the provider
    timeout=5,
)
print("Authorization:", source.authorization())
