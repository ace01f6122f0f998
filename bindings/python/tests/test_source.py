"""TokenSource and Token: options in, tokens and errors out."""

import base64
import copy
import datetime
import enum
import inspect
import json
import os
import pickle
import re
import sys
import threading
import time
import types
import typing
import urllib.parse
from pathlib import Path

import pytest

import tokensource
from conftest import REPOSITORY, package_variables, python
from tokensource import (
    ClosedError,
    ConfigError,
    HttpError,
    NetworkError,
    OAuthError,
    Options,
    ResponseError,
    Token,
    TokenSource,
    TokenSourceError,
    TokenTimeoutError,
    _config,
    _library,
)
from tokensource.errors import error_of

SECRET = "correct-horse-battery-staple"


def test_a_token_has_its_parts_as_attributes(serve):
    server = serve({"body": {"access_token": "t", "expires_in": 60, "scope": "read write", "x": 1}})
    before = datetime.datetime.now(datetime.timezone.utc)
    with server.source() as source:
        token = source.token()
        assert source.authorization() == token.authorization == "Bearer t"
        assert (token.access_token, token.token_type, token.scope) == ("t", "Bearer", "read write")
        assert 0 < token.expires_in <= 60
        left = token.expires_at - before
        assert token.expires_at.tzinfo is datetime.timezone.utc
        assert datetime.timedelta(seconds=0) < left < datetime.timedelta(seconds=90)
        assert token.response == {"expires_in": 60, "scope": "read write", "x": 1}
        assert token.generation != 0
        assert source.token() is token
        stats = vars(source.stats)
        # In the main thread a long wait counts more than once.
        assert stats.pop("waits") >= 1
        assert stats == {"requests": 1, "failures": 0, "tokens": 1}
        assert source.last_error is None
    with pytest.raises(ClosedError):
        source.token()
    # It outlives its source.
    assert token.access_token == "t"


def test_the_scope_is_none_if_the_response_has_none(serve):
    assert serve().source().token().scope is None


def test_invalidate_leads_to_a_new_token(serve):
    source = serve().source()
    first = source.token()
    source.invalidate(first)
    second = source.token()
    assert (first.access_token, second.access_token) == ("token-1", "token-2")
    source.invalidate(first)
    assert source.token() is second
    with pytest.raises(TypeError, match="takes a Token, not str"):
        source.invalidate("token-2")


def test_warm_up_starts_the_fetch_and_does_not_wait(serve):
    server = serve({"delay": 0.3})
    source = server.source()
    source.warm_up()
    assert source.stats.tokens == 0
    assert source.authorization() == "Bearer token-1"
    assert server.requests == 1


def test_options_take_the_types_that_python_programs_use(serve, tmp_path):
    server = serve()
    secret = tmp_path / "secret"
    secret.write_text(SECRET)

    class Scope(str, enum.Enum):
        READ = "read"

    source = server.source(
        client_secret=None,
        client_secret_file=secret,
        scope=[Scope.READ, "write"],
        resource=("https://one.example/", "https://two.example/"),
        params={"tenant": "a b", "level": 3, "empty": ""},
        headers=types.MappingProxyType({"X-Tenant": "blue"}),
        timeout=datetime.timedelta(seconds=2.5),
        connect_timeout=0.5,
        max_attempts=1,
        allow_insecure_http=False,
        expiry_margin=1e-7,
        refresh="background",
    )
    source.token()
    request = server.seen()["last"]
    assert "scope=read+write" in request["body"] or "scope=read%20write" in request["body"]
    assert request["body"].count("resource=") == 2
    assert "tenant=a" in request["body"] and "level=3" in request["body"] and "empty=" in request["body"]
    headers = {name.lower(): value for name, value in dict(request["headers"]).items()}
    assert headers["x-tenant"] == "blue"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, b"true"),
        (False, b"false"),
        (0, b"0"),
        (30, b"30"),
        (2.5, b"2.5"),
        (100.0, b"100"),
        (1e-7, b"0.0000001"),
        (1e22, b"10000000000000000000000"),
        (float("inf"), b"inf"),
        (float("nan"), b"nan"),
        (datetime.timedelta(minutes=1, milliseconds=250), b"60.25"),
        (datetime.timedelta(seconds=-1), b"-1"),
        ("é", "é".encode()),
    ],
)
def test_values_are_written_as_the_library_reads_them(value, written):
    assert _config._text_of("timeout", value) == written


@pytest.mark.parametrize(
    "options",
    [
        {"client_secret": b"bytes"},
        {"client_id": ["a"]},
        {"timeout": 1j},
        {"timeout": object()},
        {"scope": ["read", 1]},
        {"scope": {"read"}},
        {"param": "a=b"},
        {"param": {1: "a"}},
        {"header": [("a", "b")]},
        {"header": {"a": ["b"]}},
        {"param": {"a": Path("b")}},
        {"param": {"a_file": Path("b")}},
        {"claim": "a=b"},
        {"claims": {1: "a"}},
        {"variable": {"a": Path("b")}},
        {"variables": ["a"]},
        {"params": "a=b"},
        {"headers": {1: "a"}},
    ],
)
def test_a_value_of_a_wrong_type_is_a_type_error(options):
    with pytest.raises(TypeError, match=f"^option {next(iter(options))}"):
        TokenSource(**options)


def test_a_path_is_never_sent_as_a_secret():
    with pytest.raises(TypeError) as caught:
        TokenSource(client_secret=Path("/run/secrets/x"))
    message = "option client_secret: only an option that ends in _file takes a path, such as client_secret_file"
    assert str(caught.value) == message


@pytest.mark.parametrize(("param", "header"), [("param", "header"), ("params", "headers"), ("params", "header")])
def test_params_and_headers_may_be_written_in_the_singular(serve, param, header):
    server = serve()
    # None is the same as an option that is not given.
    absent = dict.fromkeys({"param", "params", "header", "headers"} - {param, header})
    server.source(**{param: {"tenant": "a"}, header: {"X-Tenant": "b"}}, **absent).token()
    request = server.seen()["last"]
    assert "tenant=a" in request["body"]
    assert {name.lower(): value for name, value in dict(request["headers"]).items()}["x-tenant"] == "b"


@pytest.mark.parametrize("claims", ["claim", "claims"])
def test_claims_are_texts_under_their_own_names(serve, claims):
    server = serve()
    # The key of RFC 8037 A.1, which is public.
    public, private = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
    key = json.dumps({"kty": "OKP", "crv": "Ed25519", "x": public, "d": private})
    named = {"boxSubType": "enterprise", "level": 3, "big": 1e22, "yes": True, "empty": "", "left": None}
    server.source(client_secret=None, signing_key=key, **{claims: named}).token()
    body = urllib.parse.parse_qs(server.seen()["last"]["body"])
    part = body["client_assertion"][0].split(".")[1]
    sent = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    for known in ("iss", "sub", "aud", "jti", "iat", "exp"):
        del sent[known]
    assert sent == {
        "boxSubType": "enterprise",
        "level": "3",
        "big": "10000000000000000000000",
        "yes": "true",
        "empty": "",
    }


@pytest.mark.parametrize("variables", ["variable", "variables"])
def test_variables_fill_a_provider_file(serve, tmp_path, variables):
    server = serve()
    host, path = server.url.removeprefix("http://").split("/", 1)
    file = tmp_path / "provider.conf"
    file.write_text(f"token_url = http://{{host}}/{path}\nparam.tenant = {{tenantId}}\n")
    options = {"token_url": None, "provider_file": file, variables: {"host": host, "tenantId": 7}}
    server.source(**options).token()
    assert "tenantId" not in server.seen()["last"]["body"]
    assert "tenant=7" in server.seen()["last"]["body"]


def test_each_option_for_a_file_takes_a_path(tmp_path):
    names = [name for name in Options.__annotations__ if name.endswith("_file")]
    assert len(names) > 10
    for name in names:
        path = tmp_path / name
        with pytest.raises(ConfigError) as caught:
            TokenSource(**{name: path})
        assert "unknown option" not in str(caught.value)


def test_a_token_is_found_where_response_says(serve):
    body = {"data": {"token": "token-1", "life": "70"}, "token_type": "JWT"}
    server = serve({"body": body})
    paths = {"access_token": "data.token", "expires_in": "data.life", "expires_at": None}
    token = server.source(response=paths, token_type="jwt").token()
    assert (token.access_token, token.token_type, token.response) == (
        "token-1",
        "JWT",
        {"data": {"life": "70"}, "token_type": "JWT"},
    )
    assert 60 < token.expires_in <= 70
    for wrong in [{"scope": "a"}, {"access_token": "a..b"}]:
        with pytest.raises(TokenSourceError, match="response.access_token"):
            server.source(response=wrong)


@pytest.mark.parametrize("name", ["param", "header", "claim", "variable"])
@pytest.mark.parametrize("plural", [{}, {"X": SECRET}])
def test_singular_and_plural_together_are_a_type_error(name, plural):
    with pytest.raises(TypeError) as caught:
        TokenSource(client_secret=SECRET, **{name: {"X": SECRET}, f"{name}s": plural})
    assert str(caught.value) == f"options {name} and {name}s are both given: keep one"
    assert SECRET not in package_variables(caught.value)


@pytest.mark.parametrize("spelling", ["param", "params"])
def test_a_member_in_two_spellings_is_a_type_error(spelling):
    with pytest.raises(TypeError) as caught:
        TokenSource(client_secret=SECRET, **{spelling: {"a": SECRET}, "param.a": SECRET})
    assert str(caught.value) == "option param.a is given twice, in two spellings: keep one"
    assert SECRET not in package_variables(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        {"headers": {"X-A": SECRET, "x-a": SECRET}},
        {"header": {"X-A": SECRET}, "header.x-a": SECRET},
        {"header.X-A": SECRET, "header.x-a": None},
    ],
)
def test_a_header_in_two_spellings_is_a_type_error(headers):
    with pytest.raises(TypeError) as caught:
        TokenSource(client_secret=SECRET, **headers)
    assert str(caught.value) == "option header.x-a is given twice, in two spellings: keep one"
    assert SECRET not in package_variables(caught.value)


def test_the_names_of_parameters_have_a_case(serve):
    server = serve()
    server.source(params={"tenant": "a", "Tenant": "b"}).token()
    assert {"tenant=a", "Tenant=b"} < set(server.seen()["last"]["body"].split("&"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clientid": "x"}, 'unknown option "clientid", did you mean client_id?'),
        ({"scopes": ["a", "b"]}, 'unknown option "scopes", did you mean scope?'),
        ({"header_": {"a": "b"}}, 'unknown option "header_", did you mean header.NAME?'),
        ({"provider": "poder"}, "did you mean podero?"),
        ({"client_secret": f"{SECRET}\0x"}, "option client_secret: the value contains a NUL"),
        ({"client_secret": f"{SECRET}\ud800"}, "option client_secret: the value contains half a surrogate pair"),
        ({"client_secret_file": Path(f"{__file__}\0")}, "option client_secret_file: the value contains a NUL"),
        ({"ca_file": Path("\ud800")}, "option ca_file: the value contains half a surrogate pair"),
        ({"client_secret": f"{SECRET}\n"}, "client_secret"),
        ({"header": {"X": f"{SECRET}\r\nY: z"}}, "header"),
        ({"header": {"X\0": SECRET}}, "the name of an option contains a NUL"),
        ({"header": {"Authorization": SECRET}}, "header"),
        ({"timeout": float("inf")}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": 0}, "not above 0"),
        ({"timeout": datetime.timedelta(seconds=-1)}, "timeout"),
        ({"max_attempts": 1.5}, "max_attempts"),
        ({"scope": []}, "empty"),
        ({"client_secret_file": Path("/nowhere"), "token_url": "http://127.0.0.1/", "client_id": "x"}, "nowhere"),
        ({}, "token_url"),
    ],
)
def test_a_wrong_option_is_a_config_error_that_names_the_remedy(options, message):
    with pytest.raises(ConfigError) as caught:
        TokenSource(**options)
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.status in (1, 2)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"clientid": "x"},
        {"timeout": -1},
        {"client_secret": SECRET.encode()},
        {"client_secret": [SECRET]},
        {"client_secret": Path(SECRET)},
        {"client_secret": f"{SECRET}\n"},
        {"client_secret": f"{SECRET}\0"},
        {"client_secret": f"{SECRET}\ud800"},
        {"header": {"Authorization": SECRET}},
        {"header": {"X": SECRET, "Y": [SECRET]}},
        {"header": {1: SECRET}},
        {"param": SECRET},
        {"param": {"scope": SECRET}},
        {"params": {"x": SECRET}},
        {"headers": {"X": SECRET}},
    ],
)
def test_no_variable_in_the_traceback_of_a_wrong_option_holds_a_secret(wrong):
    with pytest.raises((ConfigError, TypeError)) as caught:
        TokenSource(**{"client_secret": SECRET, "param": {"x": SECRET}, "header": {"X": SECRET}, **wrong})
    assert SECRET not in package_variables(caught.value)


def test_no_variable_in_the_traceback_of_a_failed_fetch_holds_a_token(serve):
    source = serve({}, {"error": "invalid_client"}).source()
    source.invalidate(source.token())
    for call in (source.token, source.authorization):
        with pytest.raises(OAuthError) as caught:
            call()
        assert "token-1" not in package_variables(caught.value)


def test_text_beyond_ascii_is_sent_as_utf_8(serve):
    server = serve()
    server.source(client_secret="pässwörd of horse-battery", auth_method="client_secret_post").token()
    assert "client_secret=p%C3%A4ssw%C3%B6rd%20of%20horse-battery" in server.seen()["last"]["body"]


@pytest.mark.parametrize(
    ("response", "options", "kind", "parts"),
    [
        ({"error": "invalid_scope", "error_description": "?"}, {}, OAuthError, ("invalid_scope", "?", 400, False)),
        ({"error": "server_error", "status": 503}, {"max_attempts": 1}, OAuthError, ("server_error", None, 503, True)),
        ({"status": 503}, {"max_attempts": 1}, HttpError, (None, None, 503, True)),
        ({"status": 404}, {}, HttpError, (None, None, 404, False)),
        ({"status": 403}, {}, HttpError, (None, None, 403, False)),
        ({"status": 307}, {}, HttpError, (None, None, 307, False)),
        ({"body": "<html>"}, {}, ResponseError, (None, None, 200, False)),
        ({"hang": True}, {"timeout": 0.3}, TokenTimeoutError, (None, None, None, True)),
        ({"close": "reset"}, {"max_attempts": 1}, NetworkError, (None, None, None, True)),
    ],
)
def test_a_failed_fetch_raises_the_error_of_its_kind(serve, response, options, kind, parts):
    server = serve(response)
    source = server.source(**options)
    with pytest.raises(TokenSourceError) as caught:
        source.token()
    error = caught.value
    assert type(error) is kind
    assert (error.oauth_error, error.oauth_description, error.http_status, error.is_transient) == parts
    assert 0 < error.retry_after <= 60
    assert type(source.last_error) is kind
    # During the hold-off the same error comes back without another request.
    with pytest.raises(kind):
        source.authorization()
    assert server.requests == 1
    # It arrives complete from a worker process.
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


def test_an_error_has_the_error_uri_of_the_server(serve):
    body = {"error": "invalid_client", "error_uri": "https://a.example/why"}
    with pytest.raises(OAuthError) as caught:
        serve({"status": 401, "body": body}).source().token()
    assert caught.value.oauth_uri == body["error_uri"]


def test_an_untrusted_certificate_is_a_network_error(serve, tmp_path):
    server = serve(arguments=("--tls", tmp_path))
    with pytest.raises(NetworkError) as caught:
        server.source().token()
    assert caught.value.code == "TKS_TLS"
    server.source(ca_file=tmp_path / "ca.pem").token()


def test_the_code_is_the_name_of_the_status():
    assert TokenSourceError().code == "TKS_INTERNAL"
    assert error_of(7, "").code == "TKS_OAUTH"
    assert error_of(99, "").code == "TKS_UNKNOWN"


def test_a_closed_source_raises_closed_error(serve):
    source = serve().source()
    token = source.token()
    source.close()
    source.close()
    for call in (source.token, source.authorization, source.warm_up, lambda: source.stats, lambda: source.last_error):
        with pytest.raises(ClosedError, match="closed"):
            call()
    with pytest.raises(ClosedError):
        source.invalidate(token)
    assert token.authorization == "Bearer token-1"


def test_close_ends_the_wait_of_every_thread(serve):
    server = serve({"hang": True})
    source = server.source()
    ended = []

    def wait():
        with pytest.raises(ClosedError) as caught:
            source.token()
        ended.append(caught.value.retry_after)

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    while source.stats.waits < 8:
        pass
    source.close()
    for thread in threads:
        thread.join(10)
    # The source never sends another request.
    assert ended == [None] * 8


def test_a_wait_counts_once_in_a_thread_and_each_tenth_of_a_second_in_the_main_thread(serve):
    server = serve({"delay": 1, "times": 9})
    one, other = server.source(), server.source()
    thread = threading.Thread(target=one.token)
    thread.start()
    thread.join()
    other.token()
    assert one.stats.waits == 1
    assert other.stats.waits > 1


def test_other_threads_run_while_a_caller_waits(serve):
    source = serve({"delay": 1}).source()
    turns = []

    def turn():
        while not source.stats.tokens:
            time.sleep(0.001)
            turns.append(1)

    thread = threading.Thread(target=turn)
    thread.start()
    source.token()
    thread.join()
    # With the interpreter lock released only between two steps of the wait, there would be about ten.
    assert len(turns) > 100


def test_many_threads_may_share_a_source(serve):
    server = serve({"expires_in": 2, "times": 99})
    source = server.source()
    failures = []

    def use():
        try:
            for _ in range(300):
                text = source.authorization()
                assert text.startswith("Bearer token-")
                source.invalidate(source.token())
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert server.requests == source.stats.requests < 20


def test_sources_and_tokens_are_never_shown_copied_or_pickled(serve):
    source = serve().source(client_secret=SECRET)
    token = source.token()
    for thing in (source, token):
        assert SECRET not in repr(thing) + str(thing)
        assert "token-1" not in repr(thing) + str(thing)
        for carry in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="holds a secret and cannot be copied or pickled"):
                carry(thing)
    source.close()
    assert "closed" in repr(source)


def test_a_token_is_immutable(serve):
    token = serve().source().token()
    for name in ("access_token", "expires_in", "other"):
        with pytest.raises(AttributeError):
            setattr(token, name, "x")
    token.response["x"] = 1
    assert "x" not in token.response
    with pytest.raises(TypeError, match="TokenSource"):
        Token()


def test_memory_stays_flat_over_ten_thousand_sources(serve):
    server = serve({"body": {"access_token": "t", "expires_in": 60, "note": "x" * 20_000}})
    ran = python("-c", MEMORY, server.url)
    assert (ran.returncode, ran.stderr) == (0, "")
    early, late = map(int, ran.stdout.split())
    # A page is 4 KiB, so this is less than 60 bytes for each of the 8000.
    assert late - early < 120


MEMORY = """
import sys
from tokensource import TokenSource, ConfigError

def pages():
    return int(open("/proc/self/statm").read().split()[1])

def make(count):
    for nth in range(count):
        source = TokenSource(token_url=sys.argv[1], client_id="id", client_secret="horse-battery")
        if nth % 20 == 0:
            source.token()
        try:
            TokenSource(clientid="x")
        except ConfigError:
            pass

TokenSource(token_url=sys.argv[1], client_id="id", client_secret="horse-battery").token()
make(2000)
early = pages()
make(8000)
print(early, pages())
"""


def options_of_the_library():
    known, index = [], 0
    while name := _library.library.tks_option_name(index):
        known.append(name.decode().partition(".")[0])
        index += 1
    # Options such as response.access_token are members of one mapping.
    return list(dict.fromkeys(known))


def test_the_typed_options_are_those_of_the_library():
    known = options_of_the_library()
    plurals = {"params": "param", "headers": "header", "claims": "claim", "variables": "variable"}
    assert [name for name in Options.__annotations__ if name not in plurals] == known
    assert not Options.__required_keys__
    # Resolved as a library that reads types at run time does.
    types = typing.get_type_hints(Options)
    assert all(types[plural] == types[singular] for plural, singular in plurals.items())
    assert all(type(None) in typing.get_args(value) for value in types.values())


def test_the_signature_has_every_option_as_a_keyword(capsys):
    signature = inspect.signature(TokenSource)
    assert {name: parameter.annotation for name, parameter in signature.parameters.items()} == Options.__annotations__
    kinds = {(parameter.kind, parameter.default) for parameter in signature.parameters.values()}
    assert kinds == {(inspect.Parameter.KEYWORD_ONLY, None)}
    help(TokenSource)
    shown = capsys.readouterr().out
    assert all(f"{name}: " in shown for name in options_of_the_library())

    class Own(TokenSource):
        __slots__ = ()

        def __init__(self, tenant):
            super().__init__(client_id=tenant)

    assert list(inspect.signature(Own).parameters) == ["tenant"]


def test_every_name_can_be_imported_and_no_other():
    assert all(getattr(tokensource, name) for name in tokensource.__all__)
    with pytest.raises(AttributeError, match="module 'tokensource' has no attribute 'Option'"):
        tokensource.Option  # noqa: B018


def test_one_version_everywhere():
    cargo = re.search(r'^version = "(.*)"$', (REPOSITORY / "Cargo.toml").read_text(), re.MULTILINE).group(1)
    assert tokensource.__version__ == _library.library.tks_version().decode() == cargo


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be loaded"),
        (b"not a library", "cannot be loaded"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_explained(tmp_path, monkeypatch, content, message):
    file = tmp_path / "libtokensource.so"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(_library.VARIABLE, str(file))
    with pytest.raises(ImportError, match=f"{message}.*{_library.VARIABLE}.*make build"):
        _library._load(_library._find())


def test_a_frozen_program_without_the_library_is_told_the_option_of_pyinstaller():
    program = "import sys; sys.frozen = True; import tokensource"
    env = {**os.environ, _library.VARIABLE: "/nowhere.so", "PYTHONPATH": str(REPOSITORY / "bindings/python/src")}
    for start in (program, program.replace("sys.frozen = True; ", "")):
        failed = python("-c", start, env=env)
        assert "ImportError: tokensource: the shared library cannot be loaded" in failed.stderr
        assert ("; with PyInstaller: --collect-all tokensource)" in failed.stderr) == ("frozen" in start)


def test_no_program_imports_the_hook_of_pyinstaller():
    program = "import sys, tokensource.requests; print([name for name in sys.modules if 'pyinstaller' in name.lower()])"
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY / "bindings/python/src")}
    shown = python("-c", program, env=env)
    assert shown.stdout == "[]\n"


def test_the_variable_names_a_file_even_without_a_slash(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(_library.VARIABLE, "libtokensource.so")
    assert _library._find() == str(tmp_path / "libtokensource.so")


def test_a_different_library_an_old_one_and_another_abi_are_rejected(monkeypatch):
    with pytest.raises(ImportError, match="a different or older library.*tks_"):
        _library._load("libc.so.6")
    monkeypatch.setattr(_library, "LEAST_VERSION", "99.0.0")
    with pytest.raises(ImportError, match=r"99\.0\.0 or later is needed"):
        _library._load(_library._find())
    monkeypatch.setattr(_library, "TKS_ABI_VERSION", 99)
    with pytest.raises(ImportError, match="this package needs 99"):
        _library._load(_library._find())


def test_the_import_loads_nothing_that_a_program_may_not_need():
    heavy = (
        "typing",
        "tokensource.options",
        "tokensource.requests",
        "asyncio",
        "json",
        "requests",
        "httpx",
        "aiohttp",
        "threading",
        "datetime",
        "inspect",
        "re",
    )
    program = f"import sys; sys.path = {sys.path}; import tokensource; print([m for m in {heavy} if m in sys.modules])"
    ran = python("-I", "-S", "-c", program)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
