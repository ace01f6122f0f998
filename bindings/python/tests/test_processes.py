"""Forked and spawned children, interpreter exit, and Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from conftest import python

HEAD = """
import concurrent.futures, multiprocessing, os, sys, threading, warnings
# Python warns of a fork in a process with threads, which these tests do on purpose.
warnings.simplefilter("ignore", DeprecationWarning)
from tokensource import ClosedError, OAuthError, TokenSource

def make(**options):
    return TokenSource(**{"token_url": sys.argv[1], "client_id": "id", "client_secret": "horse-battery", **options})
"""

CHILDREN = """
source = make()

def work(_=None):
    return source.authorization()

def fail(_=None):
    make(scope="bad scope\\n")

if __name__ == "__main__":
    kind = sys.argv[2]
    if kind == "fork":
        source.token()
    context = multiprocessing.get_context(kind)
    with context.Pool(2) as pool:
        print(sorted(set(pool.map(work, range(8)))))
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        print(len(list(pool.map(work, range(8)))))
        try:
            pool.submit(fail).result()
        except ValueError as error:
            print(type(error).__name__, error.status)
    print(work())
"""


@pytest.fixture
def script(tmp_path):
    def write(text):
        file = tmp_path / "program.py"
        file.write_text(HEAD + text)
        return file

    return write


@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver"])
def test_children_get_tokens(serve, script, kind):
    server = serve({"token": "t"})
    # A spawned child runs the program again, with the same arguments.
    ran = python(script(CHILDREN), server.url, kind)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "['Bearer t']\n8\nConfigError 1\nBearer t\n"
    if kind == "fork":
        assert server.requests == 1


def test_a_fork_during_a_fetch_hangs_no_child(serve, script):
    server = serve({"expires_in": 2, "delay": 0.02, "times": 9999})
    ran = python(script(BUSY_FORKS), server.url)
    assert (ran.returncode, ran.stderr, ran.stdout) == (0, "", "40\n")


BUSY_FORKS = """
source = make()
done = False

def busy():
    while not done:
        source.invalidate(source.token())

threads = [threading.Thread(target=busy) for _ in range(4)]
for thread in threads:
    thread.start()
with_token = 0
for _ in range(40):
    child = os.fork()
    if child == 0:
        os._exit(0 if source.authorization().startswith("Bearer ") else 1)
    with_token += os.waitpid(child, 0)[1] == 0
done = True
for thread in threads:
    thread.join()
print(with_token)
"""


def test_close_affects_only_children_that_are_forked_later(serve, script):
    server = serve()
    ran = python(script(CLOSED_PARENT), server.url)
    assert (ran.returncode, ran.stderr, ran.stdout) == (0, "", "0 0\n")


CLOSED_PARENT = """
def child(check):
    number = os.fork()
    if number == 0:
        os._exit(check())
    return number

def is_closed():
    try:
        source.token()
    except ClosedError:
        return 0
    return 1

source = make()
source.token()
ready, go = os.pipe()
def goes_on():
    os.read(ready, 1)
    source.invalidate(source.token())
    return 0 if source.authorization() == "Bearer token-2" else 1
before = child(goes_on)
source.close()
os.write(go, b"x")
after = child(is_closed)
print(os.waitpid(before, 0)[1], os.waitpid(after, 0)[1])
"""


def test_gunicorn_workers_share_the_token_of_a_preloaded_source(serve, tmp_path):
    server = serve()
    (tmp_path / "application.py").write_text(GUNICORN.format(url=server.url))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers=2", "--log-level=warning"]
        command += ["--no-control-socket", f"--bind=fd://{listener.fileno()}", "application:application"]
        process = subprocess.Popen(command, cwd=tmp_path, close_fds=False)
        try:
            url = "http://{}:{}/".format(*listener.getsockname())
            for _ in range(6):
                with urllib.request.urlopen(url, timeout=30) as response:
                    assert response.read() == b"Bearer token-1"
        finally:
            process.terminate()
            process.wait(30)
    assert server.requests == 1


GUNICORN = """
from tokensource import TokenSource
source = TokenSource(token_url="{url}", client_id="id", client_secret="horse-battery")
source.token()

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [source.authorization().encode()]
"""


@pytest.mark.parametrize(
    "program",
    [
        "source = make(); source.warm_up()",
        "make().warm_up()",
        "source = make(); source.warm_up(); sys.exit(0)",
        "threading.Thread(target=make().token, daemon=True).start()",
    ],
)
def test_the_interpreter_exits_at_once_during_a_fetch(serve, script, program):
    server = serve({"hang": True})
    ran = python(script(program), server.url, timeout=20)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("call", ["source.token()", "asyncio.run(source.token_async())"])
def test_ctrl_c_ends_the_wait(serve, script, call):
    server = serve({"hang": True})
    # A background job of a shell starts with Ctrl-C ignored.
    handled = "import asyncio, signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    file = script(f"{handled}\nsource = make(timeout=300)\n{call}")
    with subprocess.Popen([sys.executable, file, server.url], stderr=subprocess.PIPE, text=True) as process:
        while not server.seen()["running"]:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")
