"""httpx: the same `auth` for Client and AsyncClient.

usage: with_httpx.py TOKEN-URL API-URL; the client's id and secret come from the environment.
"""

import os
import sys

import httpx

from tokensource import TokenSource

token_url, api_url = sys.argv[1:]

with (
    TokenSource(
        token_url=token_url,
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        timeout=5,
    ) as source,
    httpx.Client(base_url=api_url, auth=source.httpx_auth()) as client,
):
    for path in ("/assets", "/prices"):
        response = client.get(path)
        print(response.status_code, path)
