"""Authlib's server with form bodies, HTTP Basic and signed tokens (JWT), like Gardin's.

usage: server.py
"""

import json
import sys
from pathlib import Path

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask
from joserfc.jwk import KeySet, RSAKey

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from serve import Server  # noqa: E402

CLIENTS = json.loads((HERE.parent / "clients.json").read_text())
SCOPES = ["read", "write"]


class Client(ClientMixin):
    def __init__(self, client_id):
        self.client_id = client_id
        self.known = CLIENTS[client_id]

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        return scope or ""

    def check_client_secret(self, client_secret):
        return client_secret == self.known["secret"]

    def check_endpoint_auth_method(self, method, endpoint):
        return method == self.known["auth_method"]

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"


class Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


class Tokens(JWTBearerTokenGenerator):
    keys = KeySet([RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"})])

    def get_jwks(self):
        return self.keys


def lifetime(client, grant_type):
    return client.known.get("lifetime", 3600)


app = Flask(__name__)
app.config["OAUTH2_SCOPES_SUPPORTED"] = SCOPES
server = AuthorizationServer(
    app,
    query_client=lambda client_id: Client(client_id) if client_id in CLIENTS else None,
    save_token=lambda token, request: None,
)
server.register_grant(Grant)
server.register_token_generator("default", Tokens("https://issuer.example", expires_generator=lifetime))


@app.post("/oauth2/token")
def token():
    return server.create_token_response()


Server(app, "/oauth2/token").run()
