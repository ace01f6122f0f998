"""urllib, or whatever else sends a request: what to do about a 401.

usage: with_urllib.py TOKEN-URL API-URL; the client's id and secret come from the environment.
"""

import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tokensource import Token, TokenSource

token_url, api_url = sys.argv[1:]

source = TokenSource(
    token_url=token_url,
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    timeout=5,
)


def send(url: str, token: Token) -> int:
    request = Request(url)
    # Any other header would follow a redirect to another origin.
    request.add_unredirected_header("Authorization", token.authorization)
    try:
        with urlopen(request, timeout=10) as response:
            return response.status  # type: ignore[no-any-return]
    except HTTPError as refusal:
        with refusal:
            return refusal.code


def get(url: str) -> int:
    token = source.token()
    status = send(url, token)
    if status == 401:
        source.invalidate(token)
        another = source.token()
        # The same one where the API refuses every token: that would be refused again.
        if another.generation != token.generation:
            status = send(url, another)
    return status


for path in ("/assets", "/prices"):
    print(get(api_url + path), path)
