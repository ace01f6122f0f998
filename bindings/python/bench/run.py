"""Measures what the Python package costs, beside what one would use instead, and prints a table.

    python3 bindings/python/bench/run.py target

Authlib, MSAL and requests-oauthlib do the same job. Everything is measured in turn, in one run, and a number is a
median: a busy machine is busy for all of it. Each measurement is a process of its own, the token server is another. The
peers are installed below the directory of the build.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
WHO = ("tokensource", "authlib", "msal", "requests_oauthlib")
DELAY = 0.2


def python_with_peers(target):
    """Made anew when the pins or the interpreter have changed."""
    folder = target / "python/bench"
    pins, made = HERE / "requirements.txt", folder / "made"
    wanted = sys.version + pins.read_text()
    if not made.exists() or made.read_text() != wanted:
        venv.create(folder, clear=True, with_pip=True)
        install = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement", pins]
        subprocess.run([folder / "bin/python", "-m", "pip", *install], check=True)
        made.write_text(wanted)
    return folder / "bin/python"


class Bench:
    def __init__(self, target):
        self.python = python_with_peers(target)
        self.server = os.environ.get("TOKENSOURCE_TESTSERVER", target / "release/tokensource-testserver")
        library = os.environ.get("TOKENSOURCE_LIBRARY", str(target / "release/libtokensource.so"))
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        insecure = {"AUTHLIB_INSECURE_TRANSPORT": "1", "OAUTHLIB_INSECURE_TRANSPORT": "1"}
        self.environment = kept | insecure | {"TOKENSOURCE_LIBRARY": library, "PYTHONPATH": str(HERE.parent / "src")}

    def measured(self, who, what, *script):
        """What measure.py says, against a server that does as the script says."""
        command = [self.server, "--until-stdin-closes", *script]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            url = server.stdout.readline().strip()
            measure = [self.python, HERE / "measure.py", who, what, url]
            ran = subprocess.run(measure, env=self.environment, capture_output=True, text=True)
            server.stdin.close()
        if ran.returncode:
            sys.exit(f"{who} {what}: {ran.stderr}")
        return json.loads(ran.stdout)

    def in_turn(self, rounds):
        late = ("--delay", str(DELAY))
        kinds = {"alone": (), "busy 1": (), "busy 3": (), "import": (), "memory": ()}
        kinds |= {"cold": late, "refused": (*late, "--fail", "401:invalid_client")}
        cells = [
            (who, what) for who in ("python", *WHO) for what in kinds if who != "python" or what in ("import", "memory")
        ]
        taken = {cell: [] for cell in cells}
        for _ in range(rounds):
            for who, what in random.sample(cells, len(cells)):
                taken[who, what].append(self.measured(who, what, *kinds[what]))
        return taken


def tell(taken, rounds):
    def median(who, what):
        return statistics.median(taken[who, what])

    def above_python(who, what):
        return statistics.median(a - b for a, b in zip(taken[who, what], taken["python", what], strict=True))

    def line(title, *cells):
        print(f"  {title:<36}" + "".join(f"{cell:>12}" for cell in cells))

    print(f"Python {platform.python_version()}, {platform.platform()}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    line(f"median of {rounds}", "tokensource", "Authlib", "MSAL", "r.-oauthlib")
    line("a cached header, ns", *(f"{median(who, 'alone'):,.0f}" for who in WHO))
    line("  beside 1 busy thread, ns", *(f"{median(who, 'busy 1'):,.0f}" for who in WHO))
    line("  beside 3 busy threads, ns", *(f"{median(who, 'busy 3'):,.0f}" for who in WHO))
    line("import above bare Python, CPU ms", *(f"{above_python(who, 'import'):.1f}" for who in WHO))
    line("resident with a token, above it, MB", *(f"{above_python(who, 'memory'):.1f}" for who in WHO))
    for what, title in (("cold", "32 threads, cold source"), ("refused", "32 threads, wrong secret")):
        both = {who: [statistics.median(column) for column in zip(*taken[who, what], strict=True)] for who in WHO}
        line(f"{title}: requests", *(f"{both[who][0]:.0f}" for who in WHO))
        line(f"  s (an answer takes {DELAY:g})", *(f"{both[who][1]:.2f}" for who in WHO))
    aims = [
        ("a cached header, ns", median("tokensource", "alone"), 300),
        ("beside 1 busy thread, ns", median("tokensource", "busy 1"), 3000),
        ("import above bare Python, CPU ms", above_python("tokensource", "import"), 12),
        ("requests of 32 threads, cold", statistics.median(n for n, _ in taken["tokensource", "cold"]), 1),
        ("requests of 32 threads, wrong secret", statistics.median(n for n, _ in taken["tokensource", "refused"]), 1),
    ]
    for name, value, aim in aims:
        print(f"  {name:<40}{value:>10.1f}  at most {aim:<6}{'good' if value <= aim else 'MISSED'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path, help="the directory that make built in")
    parser.add_argument("--quick", action="store_true", help="see that everything runs; the numbers say little")
    arguments = parser.parse_args()
    rounds = 1 if arguments.quick else 11
    tell(Bench(arguments.target.resolve()).in_turn(rounds), rounds)


if __name__ == "__main__":
    main()
