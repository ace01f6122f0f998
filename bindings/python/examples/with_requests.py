"""requests: every request of the session carries the token that is valid at that moment.

usage: with_requests.py TOKEN-URL API-URL; the client's id and secret come from the environment.
"""

import os
import sys

import requests

from tokensource import TokenSource

token_url, api_url = sys.argv[1:]

with (
    TokenSource(
        token_url=token_url,
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        timeout=5,
    ) as source,
    requests.Session() as session,
):
    session.auth = source.requests_auth()
    for path in ("/assets", "/prices"):
        response = session.get(api_url + path, timeout=10)
        print(response.status_code, path)
