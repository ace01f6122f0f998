"""django-oauth-toolkit, which fits everything that Podero's documentation describes.

usage: server.py BACKEND DIRECTORY

BACKEND is JSONOAuthLibCore for JSON bodies, or OAuthLibCore for forms. The database is in DIRECTORY while the server runs.
"""

import json
import sys
import tempfile
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from serve import Server  # noqa: E402

CLIENTS = json.loads((HERE.parent / "clients.json").read_text())


def lifetime(request):
    return CLIENTS[request.client.client_id].get("lifetime", 36000)


def configure(backend, directory):
    settings.configure(
        SECRET_KEY="of a server that lives for one test",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="urls",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        # CommonMiddleware redirects to the path with a trailing slash.
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": Path(directory) / "database.sqlite3",
                # Without it, one of two concurrent requests finds the database locked.
                "OPTIONS": {"transaction_mode": "IMMEDIATE"},
            }
        },
        OAUTH2_PROVIDER={
            "OAUTH2_BACKEND_CLASS": f"oauth2_provider.oauth2_backends.{backend}",
            "SCOPES": {"read": "Reading", "write": "Writing"},
            "ACCESS_TOKEN_EXPIRE_SECONDS": lifetime,
        },
    )
    django.setup()
    call_command("migrate", verbosity=0)

    from oauth2_provider.models import Application

    for client_id, client in CLIENTS.items():
        Application.objects.create(
            client_id=client_id,
            client_secret=client["secret"],
            hash_client_secret=client.get("hashed", False),
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        )


backend, directory = sys.argv[1:]
with tempfile.TemporaryDirectory(dir=directory) as database:
    configure(backend, database)
    Server(get_wsgi_application(), "/oauth2/token/").run()
