"""`python -m tokensource get ...`: does what the `tokensource` command does, word for word.

The library decides which options exist, which values fit and how errors read. Of the options this file knows only the
credentials: two files may be standard input, and an argument for a credential overrides the variables for all.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from itertools import count, takewhile

from . import TokenSource, TokenSourceError
from ._config import source_of_texts
from ._header import TKS_INVALID_CONFIG
from ._library import library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from . import Token

WRONG_USAGE, NO_OUTPUT = 64, 74
LARGEST_CREDENTIAL = 64 * 1024
WIDTH = 80

USAGE = """\
Usage: python -m tokensource get [--header | --json] NAME=VALUE ...
       python -m tokensource options
       python -m tokensource help | --version
"""

HELP = """
get prints an access token. The options describe the client and the server:

    python -m tokensource get provider=podero client_id=ID client_secret_file=FILE
    python -m tokensource get token_url=URL client_id=ID client_secret_file=- < FILE

  --header  prints the header line in the form that curl reads:
            python -m tokensource get --header NAME=VALUE ... | curl -H @- URL
  --json    prints one JSON object: access_token, token_type, scope (null if
            the server named none), expires_at (Unix time), expires_in
            (seconds) and response (the server's response without tokens)

options lists every NAME with its values. An option without a dot in its name
may also be set in the environment, for example client_id in
TOKENSOURCE_CLIENT_ID. An argument overrides a variable. An argument for the
secret, the signing key or the client assertion overrides the variables for
all three. An empty variable counts as not set.

Every user of a machine can see the arguments of its commands. Pass the secret
in a file, on standard input (client_secret_file=-) or in the variable
TOKENSOURCE_CLIENT_SECRET. A signing key may be on standard input too
(signing_key_file=-), but not both.

Exit status: 0 for success, 64 for wrong usage, 74 if the output cannot be
written. Otherwise it is the number of the status that standard error names:
"""

CREDENTIALS = ("client_secret", "client_secret_file", "signing_key", "signing_key_file", "client_assertion_file")
# Options for a file that may be standard input: the option for its text, and what an error calls that.
ON_STDIN = {"client_secret_file": ("client_secret", "secret"), "signing_key_file": ("signing_key", "key")}


class Failure(Exception):
    """The exit status, and the line for standard error."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


def wrong_usage(reason: str) -> Failure:
    # A reason must not repeat a word of the command line, since it may be a misplaced secret.
    return Failure(WRONG_USAGE, f"{reason}; see python -m tokensource help")


def failed(status: int, message: str, origin: str | None = None) -> Failure:
    name = library.tks_status_name(status).decode()
    return Failure(status, ": ".join(part for part in (name, origin, message) if part))


def option_names() -> Iterator[str]:
    names = (library.tks_option_name(index) for index in count())
    return (name.decode() for name in takewhile(lambda name: name is not None, names))


def credential_from_stdin(what: str) -> str:
    """Reads a secret or a key by the rules of the option for its file."""
    text = sys.stdin.buffer.read(LARGEST_CREDENTIAL + 1)
    wrong = "it is larger than 64 KiB" if len(text) > LARGEST_CREDENTIAL else None
    text = text.removesuffix(b"\n").removesuffix(b"\r") if text.endswith(b"\n") else text
    if not text:
        wrong = "it is empty"
    elif b"\0" in text:
        wrong = f"the {what} holds a NUL"
    try:
        credential = text.decode()
    except UnicodeDecodeError:
        credential, wrong = "", wrong or "it is not UTF-8"
    if wrong:
        raise failed(TKS_INVALID_CONFIG, wrong, "standard input")
    return credential


def from_environment(given: Iterable[str]) -> Iterator[tuple[str, str]]:
    # An argument for one credential overrides the variables for each.
    credential_is_given = any(name in CREDENTIALS for name in given)
    for name in option_names():
        value = os.environ.get(f"TOKENSOURCE_{name.upper()}")
        if value and "." not in name and not (credential_is_given and name in CREDENTIALS):
            yield name, value


def source_of(options: dict[str, str]) -> TokenSource:
    on_stdin = [name for name in ON_STDIN if options.get(name) == "-"]
    if len(on_stdin) > 1:
        raise wrong_usage(f"{' and '.join(on_stdin)} cannot both be standard input")
    for name in on_stdin:
        del options[name]
        text_option, what = ON_STDIN[name]
        options[text_option] = credential_from_stdin(what)
    return TokenSource._of(source_of_texts(options))


def text_of(token: Token, form: str | None) -> str:
    if form == "--header":
        return f"Authorization: {token.authorization}\n"
    if form is None:
        return f"{token.access_token}\n"
    members = {
        "access_token": token.access_token,
        "token_type": token.token_type,
        "scope": token.scope,
        "expires_at": int(token.expires_at.timestamp()),
        "expires_in": int(token.expires_in),
        "response": token.response,
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")) + "\n"


def get(arguments: list[str]) -> str:
    form = None
    options: dict[str, str] = {}
    for nth, argument in enumerate(arguments, 1):
        name, equals, value = argument.partition("=")
        if argument == "--help":
            return help_text()
        if argument in ("--header", "--json"):
            if form:
                raise wrong_usage("give one of --header and --json")
            form = argument
        elif argument.startswith("-") or not equals:
            raise wrong_usage(f"argument {nth} of get is neither NAME=VALUE nor --header nor --json")
        else:
            options[name] = value
    options = {**dict(from_environment(options)), **options}
    try:
        with source_of(options) as source:
            return text_of(source.token(), form)
    except TokenSourceError as error:
        raise failed(error.status, str(error)) from None


def options_text() -> str:
    names = list(option_names())
    indent = max(map(len, names)) + 2
    helps = [library.tks_option_help(index).decode() for index in range(len(names))]
    lines = (
        textwrap.fill(text, WIDTH, initial_indent=f"{name:<{indent}}", subsequent_indent=" " * indent)
        for name, text in zip(names, helps, strict=True)
    )
    return "\n".join(lines) + "\n"


def help_text() -> str:
    names = (library.tks_status_name(status).decode() for status in count(1))
    known = list(enumerate(takewhile(lambda name: name != "TKS_UNKNOWN", names), 1))
    cells = [f"{status:4} {name:<22}" for status, name in known]
    rows = ("".join(cells[first : first + 3]).rstrip() for first in range(0, len(cells), 3))
    return USAGE + HELP + "".join(f"{row}\n" for row in rows)


def version_text() -> str:
    return f"tokensource {library.tks_version().decode()}\n"


COMMANDS = {
    "options": options_text,
    "help": help_text,
    "--help": help_text,
    "-h": help_text,
    "--version": version_text,
}


def output_of(arguments: list[str]) -> str:
    if not arguments:
        sys.stderr.write(USAGE)
        raise SystemExit(WRONG_USAGE)
    first, *rest = arguments
    if first == "get":
        return get(rest)
    if first not in COMMANDS:
        raise wrong_usage("the first argument must be get, options, help or --version")
    if rest:
        raise wrong_usage(f"{first} takes no arguments")
    return COMMANDS[first]()


def main() -> int:
    try:
        output = output_of(sys.argv[1:])
    except Failure as failure:
        print(f"tokensource: {failure}", file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        return 130
    try:
        sys.stdout.write(output)
        sys.stdout.close()
    except (OSError, AttributeError) as error:
        # The interpreter must not write the rest when it exits. A process without a standard output has no sys.stdout.
        sys.stdout = None
        reason = error.strerror if isinstance(error, OSError) else "it is closed"
        print(f"tokensource: standard output: {reason}", file=sys.stderr)
        return NO_OUTPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
