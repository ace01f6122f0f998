"""`python -m tokensource` does what the command `tokensource` does."""

import json
import time

import pytest

from conftest import python

SECRET = "correct-horse-battery-staple"


def run(*arguments, **more):
    ran = python("-m", "tokensource", *arguments, **more)
    assert SECRET not in ran.stderr
    return ran


@pytest.fixture
def podero(serve):
    url = serve(arguments=("--dialect", "podero", "--client-secret", SECRET)).url
    return "get", "provider=podero", f"token_url={url}", "client_id=test-client"


def test_get_prints_a_token_a_header_or_json(podero):
    secret = f"client_secret={SECRET}"
    token = run(*podero, secret)
    assert (token.returncode, token.stderr, len(token.stdout)) == (0, "", 31)
    assert run(*podero, secret, "--header").stdout.startswith("Authorization: Bearer ")
    printed = json.loads(run(*podero, secret, "--json").stdout)
    assert list(printed) == ["access_token", "token_type", "scope", "expires_at", "expires_in", "response"]
    assert (printed["token_type"], printed["scope"]) == ("Bearer", "read write")
    assert 35900 < printed["expires_at"] - time.time() < 36010
    assert "access_token" not in printed["response"]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_the_secret_may_come_from_standard_input(podero, ending):
    assert run(*podero, "client_secret_file=-", input=SECRET + ending).returncode == 0


@pytest.mark.parametrize(("text", "reason"), [("", "it is empty"), ("a\0b", "holds a NUL"), ("x" * 65537, "64 KiB")])
def test_an_unusable_secret_on_standard_input_is_rejected(podero, text, reason):
    ran = run(*podero, "client_secret_file=-", input=text)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("tokensource: TKS_INVALID_CONFIG: standard input: ")
    assert reason in ran.stderr


def test_options_come_from_the_environment_and_arguments_win(podero, monkeypatch, tmp_path):
    monkeypatch.setenv("TOKENSOURCE_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("TOKENSOURCE_SCOPE", "")
    assert run(*podero).returncode == 0
    (tmp_path / "secret").write_text("not-horse-battery")
    ran = run(*podero, f"client_secret_file={tmp_path}/secret")
    assert (ran.returncode, ran.stdout) == (7, "")
    assert ran.stderr.startswith("tokensource: TKS_OAUTH: ")


# The key of RFC 8037 A.1, which is public.
KEY = (
    '{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",'
    '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}\n'
)


def test_an_argument_for_a_credential_overrides_the_variables_for_all(podero, monkeypatch):
    for name in ("client_secret", "client_secret_file", "signing_key", "signing_key_file", "client_assertion_file"):
        monkeypatch.setenv(f"TOKENSOURCE_{name.upper()}", "/nonexistent")
    assert run(*podero, f"client_secret={SECRET}").returncode == 0
    for argument in ("signing_key_file=/missing", "client_assertion_file=/missing"):
        ran = run(*podero, argument)
        assert ran.returncode == 2
        assert "/missing" in ran.stderr
        assert "/nonexistent" not in ran.stderr


def test_the_signing_key_may_come_from_standard_input(serve):
    server = serve({"token": "open-sesame"})
    ran = run("get", f"token_url={server.url}", "client_id=test-client", "signing_key_file=-", input=KEY)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "open-sesame\n", "")
    assert "client_assertion=eyJ" in server.seen()["last"]["body"]


def test_standard_input_is_one_credential(podero):
    ran = run(*podero, "client_secret_file=-", "signing_key_file=-", input=SECRET)
    assert (ran.returncode, ran.stdout) == (64, "")
    assert "client_secret_file and signing_key_file cannot both be standard input" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["get", SECRET], "argument 1 of get is neither NAME=VALUE"),
        (["get", "--header", "--json"], "give one of --header and --json"),
        (["help", "x"], "help takes no arguments"),
        ([SECRET], "the first argument must be get, options, help or --version"),
    ],
)
def test_wrong_usage_exits_with_64_and_repeats_no_argument(arguments, reason):
    ran = run(*arguments)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (64, "", 1)
    assert reason in ran.stderr


@pytest.mark.parametrize(
    ("name", "meant"),
    [("clientid", "client_id"), ("param", "param.NAME"), ("params", "param.NAME"), ("headers", "header.NAME")],
)
def test_an_unknown_option_is_reported_with_the_likely_name(name, meant):
    ran = run("get", f"{name}={SECRET}")
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert f"did you mean {meant}?" in ran.stderr


def test_help_options_and_version_are_printed():
    assert "TKS_CLOSED" in run("help").stdout
    assert run().returncode == 64
    options = run("options").stdout
    assert all(len(line) <= 80 for line in options.splitlines())
    assert "header.NAME" in options
    assert run("--version").stdout.startswith("tokensource ")


def test_lost_output_exits_with_74(podero):
    with open("/dev/full", "w") as full:
        ran = run(*podero, f"client_secret={SECRET}", capture_output=False, stdout=full, stderr=-1)
    assert ran.returncode == 74
    assert ran.stderr.startswith("tokensource: standard output: ")
