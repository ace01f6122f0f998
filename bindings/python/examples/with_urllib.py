"""urllib, or any other HTTP client: what to do about a 401.

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
    # An ordinary header would follow a redirect to another origin.
    request.add_unredirected_header("Authorization", token.authorization)
    try:
        with urlopen(request, timeout=10) as response:
            return response.status  # type: ignore[no-any-return]
    except HTTPError as error:
        with error:
            return error.code


def get(url: str) -> int:
    token = source.token()
    status = send(url, token)
    if status == 401:
        source.invalidate(token)
        another = source.token()
        # An API that rejects every token gets the same one, which it would reject again.
        if another.generation != token.generation:
            status = send(url, another)
    return status


for path in ("/assets", "/prices"):
    print(get(api_url + path), path)
