"""Prints the Authorization header for an API. The environment names the token URL, the client's id and its secret."""

# fmt: off
import os

from tokensource import TokenSource

source = TokenSource(
    token_url=os.environ["TOKEN_URL"], client_id=os.environ["CLIENT_ID"], client_secret=os.environ["CLIENT_SECRET"],
    scope="read", audience="https://api.example.com",
)
print("Authorization:", source.authorization())
