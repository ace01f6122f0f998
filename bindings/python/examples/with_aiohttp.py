"""aiohttp: a middleware sends the token to one API, and to no other server of the session.

usage: with_aiohttp.py TOKEN-URL API-URL; the client's id and secret come from the environment.
"""

import asyncio
import os
import sys

import aiohttp

from tokensource import TokenSource

token_url, api_url = sys.argv[1:]


async def main() -> None:
    with TokenSource(
        token_url=token_url,
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        timeout=5,
    ) as source:
        async with aiohttp.ClientSession(middlewares=[source.aiohttp_middleware(api_url)]) as session:
            for path in ("/assets", "/prices"):
                async with session.get(api_url + path) as response:
                    print(response.status, path)


asyncio.run(main())
