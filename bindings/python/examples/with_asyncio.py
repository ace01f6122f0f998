"""asyncio without an HTTP library: a hundred tasks, one request for the token.

usage: with_asyncio.py TOKEN-URL; the client's id and secret come from the environment.
"""

import asyncio
import os
import sys

from tokensource import TokenSource, TokenSourceError


async def main(token_url: str) -> None:
    source = TokenSource(
        token_url=token_url,
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        timeout=5,
    )
    source.warm_up()
    try:
        headers = await asyncio.gather(*(source.authorization_async() for _ in range(100)))
    except TokenSourceError as error:
        sys.exit(f"{error.code}: {error}")
    print(f"{len(headers)} tasks, {len(set(headers))} token, {source.stats.requests} request")


asyncio.run(main(sys.argv[1]))
