"""The part of demo.sh in Python: a token in each of the two dialects.

usage: demo.py PODERO GARDIN, the token URLs of servers that speak the dialects of Podero and of Gardin.
"""

import sys
import timeit

from tokensource import TokenSource

CALLS = 10_000


def main(podero: str, gardin: str) -> None:
    for provider, url in (("podero", podero), ("gardin", gardin)):
        with TokenSource(
            provider=provider, token_url=url, client_id="test-client", client_secret="test-secret"
        ) as source:
            token = source.token()
            took = timeit.timeit(source.authorization, number=CALLS) / CALLS
            print(
                f"  {provider:<10}{token.access_token[:6]}... ({len(token.access_token)} characters), "
                f"{token.expires_in:.0f} s left; again in {took * 1e9:.0f} ns"
            )


if __name__ == "__main__":
    print("\nPython")
    main(sys.argv[1], sys.argv[2])
