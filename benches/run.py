"""Measures the cost of the library and of its peers, and prints a table.

    make bench

All measurements alternate, many times in one run, so that a busy machine slows all of them alike. A number is a median.
A ratio is the median of the ratios of each round, which the load of other programs changes less. Each measurement is a
process of its own, and so is the token server. The results with their quartiles go to bench/result.json in the build
directory.

A cached token is measured twice. CPU time is the cost of a call, without the time that a thread sleeps before a mutex.
Wall-clock time over all threads together is the throughput.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
THREADS = (1, 2, 4, 8)
GO_SOURCES = Path("/usr/share/gocode")
PACKAGES = "golang-go golang-golang-x-oauth2-dev libcurl4-openssl-dev curl"
SECRET = "correct-horse-battery-staple"
MB, KB = 1e6, 1e3


# Building


def require_peers():
    oauth2 = GO_SOURCES / "src/golang.org/x/oauth2"
    commands = all(map(shutil.which, ("go", "curl-config", "curl")))
    if not (commands and oauth2.is_dir()):
        sys.exit(f"The peers are missing. On Debian: apt-get install {PACKAGES}")


def build(target):
    """Compiles the programs of this folder into bench/ of the build directory, and returns that."""
    out = target / "bench"
    out.mkdir(exist_ok=True)
    release = target / "release"
    ours = [f"-I{HERE.parent}/include", f"-L{release}", "-ltokensource", f"-Wl,-rpath,{release}"]
    libraries = {"cached": [*ours, "-pthread"], "cold": ours, "many": ours, "fetch": ours, "cold_curl": ["-lcurl"], "load": ["-ldl"]}
    libraries["command"] = []
    for name, arguments in libraries.items():
        source = HERE / f"{name}.c"
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", out / name, source, *arguments], check=True)
    go = {"GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOCACHE": str(out / "go-cache"), "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", out / "cached-go", HERE / "cached.go"], env=os.environ | go, check=True)
    return out


# Measuring


@contextmanager
def server(target, *arguments):
    """Yields the URL of a token endpoint, which ends with the block."""
    command = [target / "release/tokensource-testserver", "--until-stdin-closes", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


def run(*command):
    """Returns the numbers that a program prints, and its CPU milliseconds from start to end."""
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{Path(command[0]).name} failed")
    return [float(number) for number in text.split()], (usage.ru_utime + usage.ru_stime) * 1e3


def alternate(rounds, measurements):
    """Takes every measurement once in each round, in random order."""
    taken = {name: [] for name in measurements}
    for _ in range(rounds):
        for name in random.sample(list(measurements), len(measurements)):
            taken[name].append(measurements[name]())
    return taken


def cached(out, target, seconds, rounds):
    with server(target) as url:

        def in_c(what, threads):
            return lambda: run(out / "cached", url, what, threads, seconds)[0]

        def in_go(threads):
            return lambda: run(out / "cached-go", threads, seconds)[0]

        cells = {}
        for threads in THREADS:
            for what in ("floor", "generation", "get", "mutex"):
                cells[what, threads] = in_c(what, threads)
            cells["go", threads] = in_go(threads)
        taken = alternate(rounds, cells)
    kinds = enumerate(("cpu", "wall"))
    return {(kind, *cell): [each[place] for each in taken[cell]] for place, kind in kinds for cell in taken}


def cold(out, target, rounds):
    def first_token(program):
        (wall, before, resident), cpu = run(out / program, url, out / "ca.pem")
        return {"wall": wall, "cpu": cpu - before, "whole": cpu, "resident": resident}

    with server(target, "--tls", out) as url:
        programs = {"ours": "cold", "curl": "cold_curl"}
        taken = alternate(rounds, {name: lambda p=program: first_token(p) for name, program in programs.items()})
    return {(name, what): [each[what] for each in taken[name]] for name in taken for what in taken[name][0]}


def options(**given):
    return [f"{name}={value}" for name, value in given.items()]


def fetches(out, target, count, rounds):
    """CPU ms of a fetch and of a source: with a secret, and with assertions that the server verifies."""
    basic, signed = out / "basic", out / "signed"
    basic.mkdir(exist_ok=True)
    signed.mkdir(exist_ok=True)

    def cost(url, ca_file, **credential):
        given = options(token_url=url, client_id="test-client", ca_file=ca_file, **credential)
        return lambda: run(out / "fetch", count, *given)[0]

    def signing(key, algorithm):
        key_file = signed / key
        return cost(signing_url, signed / "ca.pem", signing_key_file=key_file, signing_algorithm=algorithm)

    with server(target, "--tls", basic) as url, server(target, "--tls", signed, "--assertions", signed) as signing_url:
        costs = {
            "basic": cost(url, basic / "ca.pem", client_secret=SECRET),
            "ES256": signing("signing.key", "ES256"),
            "RS256": signing("signing-rsa.key", "RS256"),
            "PS256": signing("signing-rsa.key", "PS256"),
        }
        taken = alternate(rounds, costs)
    parts = list(enumerate(("fetch", "source")))
    return {(name, what): [each[place] for each in taken[name]] for name in taken for place, what in parts}


def commands(out, target, rounds):
    def cost(*command):
        return lambda: dict(zip(("wall", "cpu", "resident"), run(out / "command", *command)[0], strict=True))

    ca = out / "ca.pem"
    with server(target, "--tls", out) as url:
        ours = options(token_url=url, client_id="benchmark", client_secret_file=out / "secret", ca_file=ca)
        request = ["--data", "grant_type=client_credentials", "--user", f"benchmark:{SECRET}", url]
        (out / "secret").write_text(SECRET)
        costs = {
            "ours": cost(target / "release/tokensource", "get", *ours),
            "curl": cost(shutil.which("curl"), "--silent", "--fail", "--cacert", ca, *request),
        }
        taken = alternate(rounds, costs)
    return {(name, what): [each[what] for each in taken[name]] for name in taken for what in taken[name][0]}


def loading(out, library, rounds):
    libraries = {"ours": library, "curl": "libcurl.so.4"}
    return alternate(rounds, {name: lambda f=file: run(out / "load", f)[0][0] for name, file in libraries.items()})


def memory(out, target, held, fetched):
    with server(target) as url:
        http = run(out / "many", "held", held, url)[0][0]
        early, end = run(out / "many", "fetched", fetched, url)[0]
    with server(target, "--tls", out) as url:
        https = run(out / "many", "held", held, url, out / "ca.pem")[0][0]
    return {"held_http": http, "held_https": https, "fetched_early": early, "fetched_end": end}


# Reporting


class Report:
    def __init__(self):
        self.result = {}

    def line(self, text=""):
        assert len(text) <= 80, text
        print(text, flush=True)

    def ratio(self, name, value):
        self.result.setdefault("ratios", {})[name] = value

    def aim(self, name, value, limit, at_least=False, unit=""):
        good = value >= limit if at_least else value <= limit
        bound = f"{'at least' if at_least else 'at most'} {limit:g}{unit}"
        self.line(f"  {name:<40}{value:>8.2f}{unit:<4}{bound:<17}{'met' if good else 'MISSED'}")
        self.result.setdefault("aims", {})[name] = {"value": value, "aim": bound, "good": good}


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return {"low": low, "median": middle, "high": high}


def ratio(taken, above, below):
    return statistics.median(a / b for a, b in zip(taken[above], taken[below], strict=True))


def report_cached(report, taken, seconds, rounds):
    report.result["cached_ns"] = {" ".join(map(str, cell)): quartiles(values) for cell, values in taken.items()}
    titles = {"cpu": "CPU ns per call", "wall": "wall-clock ns per call, all threads together"}
    names = {
        "floor": "floor: empty call, both coarse clocks",
        "generation": "generation",
        "get": "get, authorization, free",
        "mutex": "by hand in C: mutex, token with a count",
        "go": "Go: oauth2.ReuseTokenSource.Token",
    }
    for kind, title in titles.items():
        report.line(f"A cached token: {title}")
        head = f"threads (median of {rounds}, {seconds:g} s each)"
        report.line(f"  {head:<40}" + "".join(map("{:>8}".format, THREADS)))
        for what, name in names.items():
            row = (statistics.median(taken[kind, what, threads]) for threads in THREADS)
            report.line(f"  {name:<40}" + "".join(map("{:>8.1f}".format, row)))
        for above, below in (("generation", "floor"), ("go", "generation"), ("go", "get"), ("mutex", "get")):
            row = [ratio(taken, (kind, above, threads), (kind, below, threads)) for threads in THREADS]
            report.line(f"  {f'{above} / {below}':<40}" + "".join(map("{:>8.2f}".format, row)))
            for threads, value in zip(THREADS, row, strict=True):
                report.ratio(f"{kind} {above} / {below} {threads}", value)
        report.line()

    def cpu(above, below):
        return ratio(taken, ("cpu", *above), ("cpu", *below))

    report.aim("generation / floor, CPU", cpu(("generation", 1), ("floor", 1)), 1.3)
    # The floor itself varies by a tenth.
    report.aim("generation, 2 threads / 1, CPU", cpu(("generation", 2), ("generation", 1)), 1.1)
    report.aim("Go / generation, 1 thread, CPU", cpu(("go", 1), ("generation", 1)), 6, at_least=True)
    for threads in THREADS[1:]:
        value = ratio(taken, ("wall", "go", threads), ("wall", "generation", threads))
        report.aim(f"Go / generation, {threads} threads, wall clock", value, 10, at_least=True)
    report.line()


def report_next_to_curl(report, taken, rows):
    report.line(f"  {'':<40}{'ours':>8}{'curl':>9}{'ratio':>8}")
    for what, name, unit in rows:
        ours, curl = (statistics.median(taken[program, what]) / unit for program in ("ours", "curl"))
        both = ratio(taken, ("ours", what), ("curl", what))
        report.line(f"  {name:<40}{ours:>8.2f}{curl:>9.2f}{both:>8.2f}")


def report_cold(report, taken, rounds):
    report.result["cold"] = {f"{name} {what}": quartiles(v) for (name, what), v in taken.items()}
    report.line(f"The first token of a process, TLS on loopback (median of {rounds})")
    rows = (
        ("wall", "ms, from main to the token", 1),
        ("cpu", "CPU ms, from main to the end", 1),
        ("whole", "CPU ms, with loading the libraries", 1),
        ("resident", "MB resident, maximum", MB),
    )
    report_next_to_curl(report, taken, rows)
    for what, _, _ in rows:
        report.ratio(f"cold curl / ours {what}", ratio(taken, ("curl", what), ("ours", what)))
    report.line()
    report.aim("CPU of libcurl, from main", ratio(taken, ("ours", "cpu"), ("curl", "cpu")), 0.6)
    report.aim("resident", statistics.median(taken["ours", "resident"]) / MB, 6, unit=" MB")
    report.line()


def report_fetches(report, taken, rounds):
    report.result["fetch_cpu_ms"] = {f"{name} {what}": quartiles(values) for (name, what), values in taken.items()}
    names = ("basic", "ES256", "RS256", "PS256")
    report.line(f"A fetch over TLS on loopback: CPU ms (median of {rounds})")
    report.line(f"  {'':<40}" + "".join(map("{:>8}".format, names)))
    for what, title in (("fetch", "fetch, with the handshake"), ("source", "making the source")):
        row = (statistics.median(taken[name, what]) for name in names)
        report.line(f"  {title:<40}" + "".join(map("{:>8.3f}".format, row)))
    ratios = {name: ratio(taken, (name, "fetch"), ("basic", "fetch")) for name in names}
    report.line(f"  {'fetch / basic':<40}" + "".join(map("{:>8.2f}".format, ratios.values())))
    for name in names[1:]:
        report.ratio(f"fetch {name} / basic", ratios[name])
    report.line()


def report_commands(report, taken, rounds):
    report.result["command"] = {f"{name} {what}": quartiles(v) for (name, what), v in taken.items()}
    report.line(f"The command, from start to end, the same endpoint (median of {rounds})")
    rows = (("wall", "ms", 1), ("cpu", "CPU ms", 1), ("resident", "MB resident, maximum", MB))
    report_next_to_curl(report, taken, rows)
    report.line()


def report_loading(report, taken, library, rounds):
    size = library.stat().st_size
    report.result["library"] = {"bytes": size} | {f"dlopen_ms {name}": quartiles(v) for name, v in taken.items()}
    report.line(f"The library: {size / MB:.2f} MB, stripped (dlopen: median of {rounds})")
    ours, curl = (statistics.median(taken[program]) for program in ("ours", "curl"))
    report.line(f"  {'dlopen in ms; libcurl.so.4 for comparison':<40}{ours:>8.2f}{curl:>9.2f}{ours / curl:>8.2f}")
    report.line()


def report_memory(report, taken, held, fetched):
    report.result["memory_bytes"] = taken
    report.line("Memory (one run each)")
    report.aim(f"{held} sources with a token, https, each", taken["held_https"] / KB, 8, unit=" kB")
    report.aim(f"{held} sources with a token, http, each", taken["held_http"] / KB, 8, unit=" kB")
    # The smallest block of malloc is 32 bytes, so a leak of one block at every second fetch would show.
    growth = (taken["fetched_end"] - taken["fetched_early"]) / (0.9 * fetched)
    report.aim(f"{fetched} fetches: growth per fetch", growth, 8, unit=" B")
    report.line()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path, help="the directory that make built in")
    parser.add_argument("--quick", action="store_true", help="only check that everything runs")
    arguments = parser.parse_args()
    target = arguments.target.resolve()
    library = target / "release/libtokensource.so"
    seconds, rounds, starts = (0.02, 3, 5) if arguments.quick else (0.1, 15, 60)
    held, fetched, each = (500, 2000, 20) if arguments.quick else (10_000, 100_000, 200)

    require_peers()
    out = build(target)
    report = Report()
    load = os.getloadavg()[0]
    report.result["machine"] = f"{platform.platform()}, {os.cpu_count()} cores"
    report.result["load_before"] = load
    report.line(report.result["machine"])
    if load > 0.5:
        report.line(f"Other programs are busy (load {load:.1f}): wall-clock times are unreliable, and")
        report.line("threads seldom meet, so contention does not show.")
    report.line()
    report_cached(report, cached(out, target, seconds, rounds), seconds, rounds)
    report_cold(report, cold(out, target, starts), starts)
    report_fetches(report, fetches(out, target, each, rounds), rounds)
    report_commands(report, commands(out, target, starts), starts)
    report_loading(report, loading(out, library, starts), library, starts)
    report_memory(report, memory(out, target, held, fetched), held, fetched)
    (out / "result.json").write_text(json.dumps(report.result, indent=2) + "\n")
    print(f"Results with quartiles: {out / 'result.json'}")


if __name__ == "__main__":
    main()
