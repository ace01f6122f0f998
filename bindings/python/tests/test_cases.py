"""The cases of tests/cases/*.json with a real clock, through Python. tests/cases/case.rs describes the format.

A time of a case holds from 0.2 s before to 0.5 s after, or within what the step gives as `give_or_take`.
"""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import REPOSITORY
from tokensource import TokenSourceError
from tokensource._library import library

# Time is kept by the library, so one Python version is enough.
pytestmark = pytest.mark.once

STEP = {"call": "look", "callers": 1, "seconds": 0, "text": "", "took": 0}
BEFORE, AFTER = 0.2, 0.5


def status_of(error):
    return library.tks_status_name(error.status).decode() if error else "TKS_OK"


class Caller(threading.Thread):
    def __init__(self, call, wanted):
        super().__init__(daemon=True)
        self.call, self.wanted = call, wanted
        self.token = self.error = None
        self.start()

    def run(self):
        since = time.monotonic()
        try:
            self.token = self.call()
        except TokenSourceError as error:
            self.error = error
        ended = time.monotonic()
        # A thread that starts late waits less, and of many threads the last starts late.
        self.took, self.took_at_least = ended - since, ended - self.wanted


class World:
    def __init__(self, case, serve, secret):
        self.secret = secret
        self.secret.write_text("horse-battery")
        options = {name: value.replace("$FILE", str(secret)) for name, value in case.get("options", {}).items()}
        if "client_secret_file" in options:
            options["client_secret"] = None
        self.server = serve(*case.get("server", [{}]))
        self.source = self.server.source(**options)
        self.given, self.waiting, self.last_generation = {}, {}, 0
        self.started = time.monotonic()

    def run(self, step):
        time.sleep(max(0, self.started + step.get("at", 0) - time.monotonic()))
        source = self.source
        match step["call"]:
            case "get":
                call = source.token
            case "get_within":
                # Every wait of the package consists of these steps.
                call = lambda: source._look(step["seconds"])  # noqa: E731
            case "invalidate":
                call = lambda: source.invalidate(self.given[step["text"]])  # noqa: E731
            case "close":
                call = source.close
            case _:
                call = None
        callers = []
        if step["call"] == "join":
            callers = self.waiting.pop(step["text"])
        elif step["call"] == "write_secret":
            self.secret.write_text(step["text"])
        elif call is not None:
            wanted = time.monotonic()
            callers = [Caller(call, wanted) for _ in range(step["callers"])]
        if "name" in step:
            self.waiting[step["name"]] = callers
        else:
            for caller in callers:
                caller.join()
                self.check(step, caller)
        for name in ("requests", "failures", "tokens", "waits"):
            # A closed source has no counts.
            if name in step and source._handle is not None:
                assert getattr(source.stats, name) == step[name], (step, name)
        if "requests" in step:
            assert self.server.requests == step["requests"], step
        if "last_error" in step:
            assert status_of(source.last_error) == step["last_error"], step

    def check(self, step, caller):
        around = step.get("give_or_take")
        before, after = (around, around) if around else (BEFORE, AFTER)
        assert step["took"] - before <= caller.took_at_least, (step, caller.took_at_least)
        assert caller.took <= step["took"] + after, (step, caller.took)
        token, error = caller.token, caller.error
        if error:
            gave = status_of(error)
        elif token:
            gave = token.access_token
        else:
            gave = "TKS_PENDING" if step["call"] in ("get_within", "join") else None
        assert gave == step.get("gives"), (step, error)
        if token:
            assert token.expires_in > 0
            new, self.last_generation = token.generation != self.last_generation, token.generation
            assert step.get("new", new) == new, (step, token)
            self.given[token.access_token] = token
        if error:
            if "retry_after" in step:
                assert step["retry_after"] - 0.5 <= error.retry_after <= step["retry_after"], (step, error.retry_after)
            assert step.get("transient", error.is_transient) == error.is_transient, (step, error)
            assert step.get("oauth_error", error.oauth_error) == error.oauth_error, (step, error)


def test_every_case_holds(serve, tmp_path):
    files = sorted((REPOSITORY / "tests/cases").glob("*.json"))
    cases = [case for file in files for case in json.loads(file.read_text()) if case["clock"] == "real"]
    assert len(cases) >= 12
    worlds = [World(case, serve, Path(tmp_path / f"secret-{nth}")) for nth, case in enumerate(cases)]

    def failure(case, world):
        world.started = time.monotonic()
        try:
            for step in case["steps"]:
                world.run(STEP | step)
        except AssertionError as error:
            return f"{case['name']}: {error}"
        return None

    # In parallel, since they mostly wait.
    with ThreadPoolExecutor(len(cases)) as pool:
        failures = list(filter(None, pool.map(failure, cases, worlds)))
    assert not failures, "\n".join(failures)
