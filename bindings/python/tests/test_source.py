"""TokenSource and Token: what goes in, what comes out, and what is refused."""

import copy
import datetime
import enum
import inspect
import pickle
import re
import sys
import threading
import time
import types
from pathlib import Path

import pytest

import tokensource
from conftest import REPOSITORY, python, shown_of_ours
from tokensource import (
    ClosedError,
    ConfigError,
    NetworkError,
    OAuthError,
    ResponseError,
    Token,
    TokenSource,
    TokenSourceError,
    TokenTimeoutError,
    _library,
    source,
)
from tokensource.errors import error_of

SECRET = "correct-horse-battery-staple"


def test_a_token_is_one_attribute_away(serve):
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
        # In the main thread a wait that takes long counts more than once.
        assert stats.pop("waits") >= 1
        assert stats == {"requests": 1, "failures": 0, "tokens": 1}
        assert source.last_error is None
    with pytest.raises(ClosedError):
        source.token()
    # It outlives its source.
    assert token.access_token == "t"


def test_what_the_server_does_not_say_is_none(serve):
    assert serve().source().token().scope is None


def test_invalidate_brings_another_token(serve):
    source = serve().source()
    first = source.token()
    source.invalidate(first)
    second = source.token()
    assert (first.access_token, second.access_token) == ("token-1", "token-2")
    source.invalidate(first)
    assert source.token() is second
    with pytest.raises(TypeError, match="a Token is needed, not str"):
        source.invalidate("token-2")


def test_warm_up_starts_the_fetch_and_does_not_wait(serve):
    server = serve({"delay": 0.3})
    source = server.source()
    source.warm_up()
    assert source.stats.tokens == 0
    assert source.authorization() == "Bearer token-1"
    assert server.requests == 1


def test_options_are_what_python_people_write(serve, tmp_path):
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
        param={"tenant": "a b", "level": 3, "empty": ""},
        header=types.MappingProxyType({"X-Tenant": "blue"}),
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
    assert source._value("timeout", value) == written


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
    ],
)
def test_a_value_of_a_wrong_type_is_a_type_error(options):
    with pytest.raises(TypeError, match=f"^option {next(iter(options))}"):
        TokenSource(**options)


def test_a_path_is_never_sent_as_a_secret():
    with pytest.raises(TypeError) as caught:
        TokenSource(client_secret=Path("/run/secrets/x"))
    said = "option client_secret: a path is for an option whose name ends in _file, as client_secret_file does"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clientid": "x"}, 'unknown option "clientid", did you mean client_id?'),
        ({"scopes": ["a", "b"]}, 'unknown option "scopes", did you mean scope?'),
        ({"headers": {"a": "b"}}, 'unknown option "headers", did you mean header.NAME?'),
        ({"provider": "poder"}, "did you mean podero?"),
        ({"client_secret": f"{SECRET}\0x"}, "option client_secret: the value holds a NUL"),
        ({"client_secret": f"{SECRET}\ud800"}, "option client_secret: the value holds half a surrogate pair"),
        ({"client_secret_file": Path(f"{__file__}\0")}, "option client_secret_file: the value holds a NUL"),
        ({"ca_file": Path("\ud800")}, "option ca_file: the value holds half a surrogate pair"),
        ({"client_secret": f"{SECRET}\n"}, "client_secret"),
        ({"header": {"X": f"{SECRET}\r\nY: z"}}, "header"),
        ({"header": {"X\0": SECRET}}, "the name holds a NUL"),
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
def test_a_bad_option_is_a_config_error_that_says_what_would_do(options, message):
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
    ],
)
def test_no_variable_of_a_refusal_holds_a_secret(wrong):
    with pytest.raises((ConfigError, TypeError)) as caught:
        TokenSource(**{"client_secret": SECRET, "param": {"x": SECRET}, "header": {"X": SECRET}, **wrong})
    assert SECRET not in shown_of_ours(caught.value)


def test_no_variable_of_a_failure_holds_a_token(serve):
    source = serve({}, {"error": "invalid_client"}).source()
    source.invalidate(source.token())
    for call in (source.token, source.authorization):
        with pytest.raises(OAuthError) as caught:
            call()
        assert "token-1" not in shown_of_ours(caught.value)


def test_text_that_is_not_ascii_arrives_as_utf_8(serve):
    server = serve()
    server.source(client_secret="pässwörd of horse-battery", auth_method="client_secret_post").token()
    assert "client_secret=p%C3%A4ssw%C3%B6rd%20of%20horse-battery" in server.seen()["last"]["body"]


@pytest.mark.parametrize(
    ("answer", "options", "kind", "parts"),
    [
        ({"error": "invalid_scope", "error_description": "?"}, {}, OAuthError, ("invalid_scope", "?", 400, False)),
        ({"status": 503}, {"max_attempts": 1}, OAuthError, (None, None, 503, True)),
        ({"status": 403}, {}, OAuthError, (None, None, 403, False)),
        ({"body": "<html>"}, {}, ResponseError, (None, None, 200, False)),
        ({"hang": True}, {"timeout": 0.3}, TokenTimeoutError, (None, None, None, True)),
        ({"close": "reset"}, {"max_attempts": 1}, NetworkError, (None, None, None, True)),
    ],
)
def test_a_failed_fetch_is_an_exception_of_its_kind(serve, answer, options, kind, parts):
    server = serve(answer)
    source = server.source(**options)
    with pytest.raises(TokenSourceError) as caught:
        source.token()
    error = caught.value
    assert type(error) is kind
    assert (error.oauth_error, error.oauth_description, error.http_status, error.is_transient) == parts
    assert 0 < error.retry_after <= 60
    assert type(source.last_error) is kind
    # Held off: the same again, without another request.
    with pytest.raises(kind):
        source.authorization()
    assert server.requests == 1
    # It arrives whole from a worker process.
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


def test_an_error_has_the_uri_that_the_server_names(serve):
    body = {"error": "invalid_client", "error_uri": "https://a.example/why"}
    with pytest.raises(OAuthError) as caught:
        serve({"status": 401, "body": body}).source().token()
    assert caught.value.oauth_uri == body["error_uri"]


def test_a_certificate_that_nobody_trusts_is_a_network_error(serve, tmp_path):
    server = serve(arguments=("--tls", tmp_path))
    with pytest.raises(NetworkError) as caught:
        server.source().token()
    assert caught.value.code == "TKS_TLS"
    server.source(ca_file=tmp_path / "ca.pem").token()


def test_a_code_is_the_name_of_the_status():
    assert TokenSourceError().code == "TKS_INTERNAL"
    assert error_of(7, "").code == "TKS_OAUTH"
    assert error_of(99, "").code == "TKS_UNKNOWN"


def test_a_closed_source_says_so(serve):
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


def test_close_ends_the_waits_of_all_threads(serve):
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
    # It never asks again.
    assert ended == [None] * 8


def test_a_wait_counts_once_in_a_thread_and_by_tenths_of_a_second_in_the_main_one(serve):
    server = serve({"delay": 1, "times": 9})
    one, other = server.source(), server.source()
    thread = threading.Thread(target=one.token)
    thread.start()
    thread.join()
    other.token()
    assert one.stats.waits == 1
    assert other.stats.waits > 1


def test_other_threads_run_while_one_waits(serve):
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
    # Between two steps of the wait alone there would be a tenth of that.
    assert len(turns) > 100


def test_any_number_of_threads_share_a_source(serve):
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


def test_a_secret_and_a_token_are_never_shown_or_carried(serve):
    source = serve().source(client_secret=SECRET)
    token = source.token()
    for thing in (source, token):
        assert SECRET not in repr(thing) + str(thing)
        assert "token-1" not in repr(thing) + str(thing)
        for carry in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="is neither copied nor pickled"):
                carry(thing)
    source.close()
    assert "closed" in repr(source)


def test_a_token_never_changes(serve):
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
    # A page is 4 KiB: less than 60 bytes for each of 8000.
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


def test_the_typed_options_are_those_of_the_library():
    text = inspect.getsource(source).split("class Options(TypedDict, total=False):")[1].split("# Options that")[0]
    typed = re.findall(r"^        (\w+):", text, re.MULTILINE)
    library = _library.library
    known, index = [], 0
    while name := library.tks_option_name(index):
        known.append(name.decode().removesuffix(".NAME"))
        index += 1
    assert typed == known


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
def test_a_library_that_cannot_be_used_is_explained(tmp_path, monkeypatch, content, message):
    file = tmp_path / "libtokensource.so"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(_library.VARIABLE, str(file))
    with pytest.raises(ImportError, match=f"{message}.*{_library.VARIABLE}.*make build"):
        _library._load(_library._find())


def test_the_library_that_is_named_is_a_file_also_without_a_slash(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(_library.VARIABLE, "libtokensource.so")
    assert _library._find() == str(tmp_path / "libtokensource.so")


def test_another_library_an_older_one_and_another_abi_are_refused(monkeypatch):
    with pytest.raises(ImportError, match="another library or an older one.*tks_"):
        _library._load("libc.so.6")
    monkeypatch.setattr(_library, "LEAST_VERSION", "99.0.0")
    with pytest.raises(ImportError, match=r"99\.0\.0 is needed"):
        _library._load(_library._find())
    monkeypatch.setattr(_library, "ABI", 99)
    with pytest.raises(ImportError, match="ABI, this package 99"):
        _library._load(_library._find())


def test_nothing_is_imported_that_is_not_used():
    heavy = ("typing", "asyncio", "json", "requests", "httpx", "aiohttp", "threading", "datetime", "inspect", "re")
    program = f"import sys; sys.path = {sys.path}; import tokensource; print([m for m in {heavy} if m in sys.modules])"
    ran = python("-I", "-S", "-c", program)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
