"""Runs a WSGI application on a free port of this machine, for both Python servers.

Prints the URL of the token endpoint. Ends when its standard input ends, so also when the test program is killed.
"""

import os
import signal
import threading

from gunicorn.app.base import BaseApplication


class Server(BaseApplication):
    def __init__(self, application, path):
        self.application = application
        self.path = path
        super().__init__()

    def load_config(self):
        self.cfg.set("bind", "127.0.0.1:0")
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", 8)
        self.cfg.set("graceful_timeout", 1)
        self.cfg.set("loglevel", "warning")
        # The control socket would be in the home directory.
        self.cfg.set("control_socket_disable", True)
        self.cfg.set("when_ready", self.ready)

    def load(self):
        return self.application

    def ready(self, arbiter):
        host, port = arbiter.LISTENERS[0].sock.getsockname()
        print(f"http://{host}:{port}{self.path}", flush=True)
        threading.Thread(target=end_with_input, daemon=True).start()


def end_with_input():
    # Not through sys.stdin: workers that are forked meanwhile would inherit its lock, held for ever.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
