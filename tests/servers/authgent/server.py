"""authgent-server, for token exchange (RFC 8693).

usage: server.py DIRECTORY

The database is in DIRECTORY while the server runs. The client `plain` may get a token and exchange it.
"""

import json
import os
import socket
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from serve import end_with_input  # noqa: E402

CLIENTS = json.loads((HERE.parent / "clients.json").read_text())
# The log goes to standard output, where only the URL belongs.
OUT, sys.stdout = sys.stdout, sys.stderr


def run(listening, directory):
    host, port = listening.getsockname()
    origin = f"http://{host}:{port}"
    database = f"{directory}/database.sqlite3"
    os.environ["AUTHGENT_SERVER_URL"] = origin
    os.environ["AUTHGENT_DATABASE_URL"] = f"sqlite+aiosqlite:///{database}"

    import uvicorn
    from authgent_server.app import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            print(f"{origin}/token", file=OUT, flush=True)
            threading.Thread(target=end_with_input, daemon=True).start()

    application = create_app()
    register(database)
    Server(uvicorn.Config(application, log_level="warning")).run(sockets=[listening])


def register(database):
    """Adds the client. Before the start, because all sessions of the server share one connection."""
    from authgent_server.models.base import Base
    from authgent_server.models.oauth_client import OAuthClient
    from authgent_server.services.client_service import _hash_secret
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    engine = create_engine(f"sqlite:///{database}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(
            OAuthClient(
                client_id="plain",
                client_secret_hash=_hash_secret(CLIENTS["plain"]["secret"]),
                client_name="plain",
                grant_types=["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
                redirect_uris=[],
                scope="read write",
                token_endpoint_auth_method="client_secret_basic",
            )
        )
    engine.dispose()


with tempfile.TemporaryDirectory(dir=sys.argv[1]) as directory:
    run(socket.create_server(("127.0.0.1", 0)), directory)
