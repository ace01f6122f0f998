"""glewlwyd, which takes its token URL alone as the audience of an assertion.

usage: server.py ROOT KEYS DIRECTORY

ROOT is where Debian's packages are unpacked, and KEYS a directory with public.jwks. The database is in DIRECTORY while the
server runs. It needs Python alone. Each request must name the scope `read`.
"""

import gzip
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

CLIENTS = json.loads((HERE.parent / "clients.json").read_text())
LIFETIME = 3600
root, keys, directory = map(Path, sys.argv[1:])
documents = root / "usr/share/doc/glewlwyd"


def unpacked(name):
    return gzip.decompress((documents / name).read_bytes()).decode()


def configure(folder, origin, port):
    """Writes the sample configuration with the paths and the port changed, and the database of the package."""
    text = unpacked("glewlwyd.conf.sample.gz")
    settings = {"port": port, "external_url": f'"{origin}"', "cookie_domain": '"127.0.0.1"', "cookie_secure": 0}
    settings["static_files_path"] = f'"{root}/usr/share/glewlwyd/webapp/"'
    for name, value in settings.items():
        text = re.sub(f"(?m)^{name}=.*", lambda _, name=name, value=value: f"{name}={value}", text)
    text = text.replace('"/usr/lib/glewlwyd/', f'"{root}/usr/lib/glewlwyd/')
    text = text.replace("/var/cache/glewlwyd/glewlwyd.db", f"{folder}/glewlwyd.db")
    (folder / "glewlwyd.conf").write_text(text)
    with sqlite3.connect(folder / "glewlwyd.db") as database:
        database.executescript(unpacked("database/init.sqlite3.sql.gz"))


class Administrator:
    """Calls the API of the server. The session is a cookie, which no cookie jar takes for an address without a dot."""

    def __init__(self, origin):
        self.origin = origin
        self.cookie = ""

    def call(self, method, path, body=None):
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.origin}/api/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                self.cookie = (response.headers.get("Set-Cookie") or self.cookie).split(";")[0]
        except urllib.error.HTTPError as error:
            sys.exit(f"glewlwyd: {method} {path}: {error.code} {error.read().decode()}")


def set_up(origin):
    admin = Administrator(origin)
    # The administrator and password that the package's database has.
    admin.call("POST", "auth/", {"username": "admin", "password": "password"})
    admin.call("POST", "scope/", {"name": "read", "display_name": "read", "password_required": False, "scheme": {}})
    issuer = f"{origin}/api/oidc"
    parameters = {
        "iss": issuer,
        "jwt-type": "sha",
        "jwt-key-size": "256",
        "key": "of a server that lives for one test",
        "access-token-duration": LIFETIME,
        "refresh-token-duration": LIFETIME,
        "code-duration": 600,
        "allow-non-oidc": True,
        "auth-type-client-enabled": True,
        "request-parameter-allow": True,
        "client-jwks-parameter": "jwks",
        "client-pubkey-parameter": "pubkey",
    }
    plugin = {"module": "oidc", "name": "oidc", "display_name": "oidc", "parameters": parameters}
    admin.call("POST", "mod/plugin/", plugin)
    public = json.loads((keys / "public.jwks").read_text())
    for method in ("private_key_jwt", "client_secret_jwt"):
        admin.call(
            "POST",
            "client/",
            {
                "client_id": method,
                "name": method,
                "enabled": True,
                "confidential": True,
                "scope": ["read"],
                "redirect_uri": [],
                "authorization_type": ["client_credentials"],
                "token_endpoint_auth_method": [method],
                "jwks": public,
                "client_secret": CLIENTS["shared key"]["secret"],
            },
        )
    return f"{issuer}/token"


def when_ready(origin, process):
    for _ in range(200):
        try:
            return urllib.request.urlopen(f"{origin}/config", timeout=10).close()
        except urllib.error.URLError:
            if process.poll() is not None:
                sys.exit("glewlwyd ended")
            time.sleep(0.05)
    sys.exit("glewlwyd does not listen")


with tempfile.TemporaryDirectory(dir=directory) as folder:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin = f"http://127.0.0.1:{port}"
    configure(Path(folder), origin, port)
    libraries = next((root / "usr/lib").glob("*-linux-gnu"))
    program = [root / "usr/bin/glewlwyd", "-c", f"{folder}/glewlwyd.conf"]
    environment = os.environ | {"LD_LIBRARY_PATH": str(libraries)}
    process = subprocess.Popen(program, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        when_ready(origin, process)
        print(set_up(origin), flush=True)
        sys.stdin.read()
    finally:
        process.terminate()
        process.wait()
