"""Authlib's server with form bodies, HTTP Basic and signed tokens (JWT), like Gardin's. It also takes signed assertions.

usage: server.py [KEYS]

KEYS is a directory with public.jwks: then there is a client `signing`, which has these keys.
"""

import json
import sys
from pathlib import Path

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion, JWTBearerGrant
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, request
from joserfc.jwk import KeySet, OctKey, RSAKey

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from serve import Server  # noqa: E402

CLIENTS = json.loads((HERE.parent / "clients.json").read_text())
SCOPES = ["read", "write"]
KEYS = None
if len(sys.argv) > 1:
    KEYS = KeySet.import_key_set(json.loads((Path(sys.argv[1]) / "public.jwks").read_text()))
    CLIENTS["signing"] = {"auth_method": "private_key_jwt"}
# The issuer of a grant may also be the account that a Google key names.
ACCOUNT = "signing-rsa@project.iam.example"
ASSERTION = JWTBearerClientAssertion.CLIENT_AUTH_METHOD


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
        registered = self.known["auth_method"]
        return method == (ASSERTION if registered.endswith("_jwt") else registered)

    def check_grant_type(self, grant_type):
        return grant_type in ("client_credentials", JWTBearerGrant.GRANT_TYPE)

    def public_key(self):
        return KEYS if self.known["auth_method"] == "private_key_jwt" else OctKey.import_key(self.known["secret"])


def audiences():
    """The token endpoint and the issuer, both as the client has called them."""
    return [request.base_url, request.host_url.rstrip("/")]


class Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", ASSERTION]


class ClientAssertion(JWTBearerClientAssertion):
    seen = set()

    def get_audiences(self):
        return audiences()

    def validate_jti(self, claims, jti):
        known = jti in self.seen
        self.seen.add(jti)
        return not known

    def resolve_client_public_key(self, client):
        return client.public_key()


class User(str):
    def get_user_id(self):
        return self


class GrantOfAssertion(JWTBearerGrant):
    def get_audiences(self):
        return audiences()

    def resolve_issuer_client(self, issuer):
        return Client("signing") if issuer in ("signing", ACCOUNT) else None

    def resolve_client_public_key(self, client):
        return client.public_key()

    def authenticate_user(self, subject):
        return User(subject) if subject == "someone" else None

    def has_granted_permission(self, client, user):
        return True


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
server.register_grant(GrantOfAssertion)
server.register_client_auth_method(ASSERTION, ClientAssertion())
server.register_token_generator("default", Tokens("https://issuer.example", expires_generator=lifetime))


@app.post("/oauth2/token")
def token():
    return server.create_token_response()


Server(app, "/oauth2/token").run()
