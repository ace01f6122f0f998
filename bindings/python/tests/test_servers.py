"""Third-party authorization servers, through Python. tests/servers.rs tests what each rejects and why."""

import json

import pytest

from conftest import REPOSITORY, needed, running
from tokensource import OAuthError, TokenSource

pytestmark = pytest.mark.once

HERE = REPOSITORY / "tests/servers"
CLIENTS = json.loads((HERE / "clients.json").read_text())

# Name, arguments, provider, lifetime.
SERVERS = [
    ("django", ["JSONOAuthLibCore"], "podero", 36000),
    ("authlib", [], "gardin", 3600),
    ("oidc-provider", [], None, 600),
    ("node-oauth2-server", [], "gardin", 3600),
]


@pytest.fixture(scope="module", params=SERVERS, ids=lambda server: server[0])
def server(request, tmp_path_factory):
    name, arguments, provider, lifetime = request.param
    installed = needed("TOKENSOURCE_SERVERS")
    if (HERE / name / "server.mjs").exists():
        command = ["node", HERE / name / "server.mjs", installed / "node"]
    else:
        if arguments:
            arguments = [*arguments, tmp_path_factory.mktemp(name)]
        command = [installed / "python/venv/bin/python", "-B", HERE / name / "server.py", *arguments]
    with running(command) as url:
        assert url.startswith("http://127.0.0.1:")
        yield url, provider, lifetime


def test_a_third_party_server_grants_rejects_and_replaces(server):
    url, provider, lifetime = server

    def source(**options):
        known = {"client_id": "plain", "client_secret": CLIENTS["plain"]["secret"]}
        return TokenSource(provider=provider, token_url=url, **{**known, **options})

    with source() as accepted:
        token = accepted.token()
        assert lifetime - 60 <= token.expires_in <= lifetime
        assert token.authorization == f"Bearer {token.access_token}"
        accepted.invalidate(token)
        assert accepted.token().access_token != token.access_token
    with source(client_secret="not-the-right-horse-battery") as rejected:
        for _ in range(2):
            with pytest.raises(OAuthError) as caught:
                rejected.token()
            assert (caught.value.oauth_error, caught.value.is_transient) == ("invalid_client", False)
        assert rejected.stats.requests == 1
