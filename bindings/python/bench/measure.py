"""One measurement: `measure.py LIBRARY WHAT URL` prints a number, or two, as JSON. LIBRARY `python` stands for none."""

import json
import sys
import threading
import time
import urllib.request
from pathlib import Path

CALLERS = 32
CLIENTS = 40
# RSA, 2048 bits.
KEY = Path(__file__).resolve().parents[3] / "testserver/src/rsa.key"


# Each function returns one that returns a header. With `signed`, the client signs an assertion with KEY, by RS256.


def tokensource(url, signed=False):
    from tokensource import TokenSource

    credential = {"signing_key_file": KEY} if signed else {"client_secret": "secret"}
    return TokenSource(token_url=url, client_id="id", **credential).authorization


def authlib(url, signed=False):
    from authlib.integrations.requests_client import OAuth2Session

    if signed:
        from authlib.oauth2.rfc7523 import PrivateKeyJWT

        method = PrivateKeyJWT(url)
        secret = KEY.read_text()
    else:
        method, secret = None, "secret"
    session = OAuth2Session(
        "id", secret, token_endpoint=url, grant_type="client_credentials", token_endpoint_auth_method=method
    )

    def header():
        if not session.token:
            session.fetch_token()
        session.ensure_active_token(session.token)
        return f"Bearer {session.token['access_token']}"

    return header


def msal(url, signed=False):
    import msal
    import requests

    class Discovered:
        status_code = 200
        headers = {}
        text = json.dumps(
            dict.fromkeys(("issuer", "authorization_endpoint", "token_endpoint"), "https://login.example/t")
        )

    class Loopback:
        """Replaces the network of MSAL, which needs https and a discovery document."""

        def get(self, _, **more):
            return Discovered

        def post(self, _, params=None, data=None, headers=None, **more):
            return requests.post(url, params=params, data=data, headers=headers)

        def close(self):
            pass

    application = msal.ConfidentialClientApplication(
        "id",
        client_credential={"private_key": KEY.read_text(), "thumbprint": "00" * 20} if signed else "secret",
        authority="https://login.example/t",
        instance_discovery=False,
        http_client=Loopback(),
    )

    def header():
        result = application.acquire_token_for_client(["scope"])
        if "access_token" not in result:
            raise RuntimeError(result["error"])
        return f"Bearer {result['access_token']}"

    return header


def requests_oauthlib(url):
    from oauthlib.oauth2 import BackendApplicationClient
    from requests_oauthlib import OAuth2Session

    session = OAuth2Session(client=BackendApplicationClient("id"))

    def header():
        if not session.token:
            session.fetch_token(url, client_id="id", client_secret="secret")
        return session._client.add_token("https://api.example/", headers={})[1]["Authorization"]

    return header


def nanoseconds_of(header, busy):
    done = False

    def turn():
        while not done:
            pass

    header()
    threads = [threading.Thread(target=turn) for _ in range(busy)]
    for thread in threads:
        thread.start()
    calls, since = 0, time.perf_counter()
    while (took := time.perf_counter() - since) < 0.3:
        for _ in range(100):
            header()
        calls += 100
    done = True
    return took / calls * 1e9


def imported(library):
    since = time.process_time()
    if library != "python":
        __import__({"authlib": "authlib.integrations.requests_client"}.get(library, library))
    return (time.process_time() - since) * 1e3


def resident(header):
    if header:
        header()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 1e6


def first_tokens(client, url, signed):
    """Returns the CPU milliseconds that a new client takes until it has a token."""
    client(url, signed)()
    since = time.process_time()
    for _ in range(CLIENTS):
        client(url, signed)()
    return (time.process_time() - since) / CLIENTS * 1e3


def crowd(header, url):
    together = threading.Barrier(CALLERS + 1)

    def call():
        together.wait()
        try:
            header()
        except Exception:  # Each library raises another type.
            pass

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    together.wait()
    since = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - since
    with urllib.request.urlopen(url[: url.index("/oauth2")] + "/-/seen") as seen:
        return json.load(seen)["requests"], took


def main(library, what, url):
    if what == "import":
        return imported(library)
    if what in ("with a secret", "with a key"):
        return first_tokens(globals()[library], url, what == "with a key")
    header = globals()[library](url) if library != "python" else None
    if what == "memory":
        return resident(header)
    if what in ("cold", "rejected"):
        return crowd(header, url)
    return nanoseconds_of(header, {"alone": 0, "busy 1": 1, "busy 3": 3}[what])


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
